-- What happened to a user before, for the signals of risk: see `RiskRecord`. Null = nothing yet.
ALTER TABLE users ADD COLUMN risk TEXT;

-- What administrators should look at. `state` is new, dismissed or processed. `once` keeps the same signal of a user from being told twice in an hour.
-- What is not about a login has no signal, integration and login; what is not about one user has no user. `made_by` is who gave a bypass.
CREATE TABLE review_event (
    account     TEXT   NOT NULL,
    event_id    TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    signal      TEXT,
    is_priority BIGINT NOT NULL,
    user_id     TEXT,
    ikey        TEXT,
    txid        TEXT,
    made_by     TEXT,
    summary     TEXT   NOT NULL,
    once        TEXT   NOT NULL,
    surfaced_at BIGINT NOT NULL,
    state       TEXT   NOT NULL,
    state_at    BIGINT NOT NULL,
    state_by    TEXT,
    PRIMARY KEY (account, event_id)
);
CREATE UNIQUE INDEX review_event_once ON review_event (account, once);
CREATE INDEX review_event_by_time ON review_event (account, surfaced_at, event_id);
