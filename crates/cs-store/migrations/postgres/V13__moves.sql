-- Phones whose authenticator was replaced: the key that the one before had, so that it can be told, and can say that this was not its person. `public_key` is
-- empty where nothing was bound before; `push` is its subscription, sealed as it was in `authenticator`; `source` says what called for the activation, `name` is what
-- the new device calls itself. `contested_at`: since when it is for an administrator to decide.
CREATE TABLE moved_authenticator (
    account      TEXT   NOT NULL,
    phone_id     TEXT   NOT NULL,
    user_id      TEXT   NOT NULL,
    public_key   TEXT   NOT NULL,
    push         BYTEA,
    source       TEXT   NOT NULL,
    name         TEXT   NOT NULL,
    moved_at     BIGINT NOT NULL,
    contested_at BIGINT,
    PRIMARY KEY (account, phone_id)
);
CREATE INDEX moved_authenticator_of_user ON moved_authenticator (account, user_id);
CREATE INDEX moved_authenticator_by_phone ON moved_authenticator (phone_id);
