-- Links with which somebody sets up a first factor, by the keyed hash of the code in them. `origin`: an invitation that was sent to the user, or a login that needs
-- enrollment first; then the user may be yet unknown, and `username` is the name that was given. `ended`: empty, `used` or `replaced`.
CREATE TABLE enrollment_link (
    account    TEXT   NOT NULL,
    digest     BYTEA  NOT NULL,
    user_id    TEXT   NOT NULL,
    username   TEXT   NOT NULL,
    origin     TEXT   NOT NULL,
    ended      TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (account, digest)
);
CREATE INDEX enrollment_link_by_name ON enrollment_link (account, username);
CREATE INDEX enrollment_link_of_user ON enrollment_link (account, user_id);
CREATE INDEX enrollment_link_end ON enrollment_link (expires_at);

-- A person in a browser who enrolls (`kind` is `enrollment`) or looks after their own devices (`portal`). `secret_digest` is a keyed hash of what the cookie holds,
-- `state` JSON as the engine writes it; `version` counts the steps, so that each can be left only once.
CREATE TABLE visit (
    account       TEXT   NOT NULL,
    visit_id      TEXT   NOT NULL,
    secret_digest BYTEA  NOT NULL,
    kind          TEXT   NOT NULL,
    user_id       TEXT   NOT NULL,
    state         TEXT   NOT NULL,
    version       BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    PRIMARY KEY (account, visit_id)
);
CREATE INDEX visit_of_user ON visit (account, user_id);
CREATE INDEX visit_end ON visit (expires_at);

-- `recovery` for the codes that users print for themselves; empty for those of the help desk.
ALTER TABLE bypass_code ADD COLUMN kind TEXT NOT NULL DEFAULT '';
