-- Exceptions that stay safe: each has a reason and an end.

-- `bypass_until` null with status bypass = without an end. `bypass_remind_at` is emptied when the reminder is sent.
ALTER TABLE users ADD COLUMN bypass_reason TEXT;
ALTER TABLE users ADD COLUMN bypass_until BIGINT;
ALTER TABLE users ADD COLUMN bypass_remind_at BIGINT;
CREATE INDEX users_in_bypass ON users (account, username, user_id) WHERE status = 'bypass';

ALTER TABLE user_group ADD COLUMN bypass_reason TEXT;
ALTER TABLE user_group ADD COLUMN bypass_until BIGINT;
ALTER TABLE user_group ADD COLUMN bypass_remind_at BIGINT;

ALTER TABLE bypass_code ADD COLUMN reason TEXT;

-- Whose it is, where several people share one user.
ALTER TABLE phone ADD COLUMN owner TEXT;
ALTER TABLE token ADD COLUMN owner TEXT;

-- What people ask to be excepted from: `state` is written once, away from 'waiting', by a conditional update.
CREATE TABLE exception_request (
    account     TEXT   NOT NULL,
    request_id  TEXT   NOT NULL,
    user_id     TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    wanted_secs BIGINT NOT NULL,
    source      TEXT   NOT NULL,
    phone_id    TEXT,
    state       TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    decided_at  BIGINT,
    decided_by  TEXT,
    note        TEXT,
    until       BIGINT,
    code_id     TEXT,
    sealed_code BYTEA,
    PRIMARY KEY (account, request_id)
);
-- One request of a user waits at a time.
CREATE UNIQUE INDEX exception_waiting ON exception_request (account, user_id) WHERE state = 'waiting';
CREATE INDEX exception_by_user ON exception_request (account, user_id, created_at);
CREATE INDEX exception_by_time ON exception_request (account, created_at);

-- Test and automation users: what they may do instead of a person's answer, and where.
CREATE TABLE exemption (
    account      TEXT   NOT NULL,
    user_id      TEXT   NOT NULL,
    exemption_id TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    integrations TEXT   NOT NULL,
    networks     TEXT   NOT NULL,
    reason       TEXT   NOT NULL,
    expires_at   BIGINT NOT NULL,
    remind_at    BIGINT,
    created_at   BIGINT NOT NULL,
    created_by   TEXT   NOT NULL,
    PRIMARY KEY (account, user_id, exemption_id)
);
CREATE UNIQUE INDEX exemption_id ON exemption (account, exemption_id);
CREATE INDEX exemption_end ON exemption (expires_at);
