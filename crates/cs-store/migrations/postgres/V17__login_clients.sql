-- What programs that ask for logins say of themselves, by the host that is logged in to: which program it is, and what it does while nobody can be asked.
-- Written when that changes, and once a day.
CREATE TABLE login_client (
    account       TEXT   NOT NULL,
    ikey          TEXT   NOT NULL,
    host          TEXT   NOT NULL,
    program       TEXT   NOT NULL,
    failmode      TEXT   NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at  BIGINT NOT NULL,
    PRIMARY KEY (account, ikey, host)
);
CREATE INDEX login_client_by_time ON login_client (last_seen_at);
