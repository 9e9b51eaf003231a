-- Passcodes that were sent by SMS and not used yet. `digest` is the keyed hash of the code; `number` is where it went: it is good only while that is the phone's number.
-- `digit` is the code's first one, which people are told, and `place` its place in the message.
CREATE TABLE sms_code (
    account    TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    digest     BLOB   NOT NULL,
    phone_id   TEXT   NOT NULL,
    number     TEXT   NOT NULL,
    digit      TEXT   NOT NULL,
    place      BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (account, user_id, digest)
) WITHOUT ROWID;
CREATE INDEX sms_code_of_phone ON sms_code (account, phone_id);
CREATE INDEX sms_code_end ON sms_code (expires_at) WHERE expires_at IS NOT NULL;

-- Messages and calls to a person (`user:…`), a number (`number:…`, a keyed hash) or from the whole account (`account`), counted from `since` on.
CREATE TABLE telephony_use (
    account TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    since   BIGINT NOT NULL,
    sent    BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (account, subject)
) WITHOUT ROWID;
CREATE INDEX telephony_use_by_time ON telephony_use (last_at);

-- What somebody is asked by: `push`, or `call`. A call is answered by the gateway that makes it, never by an authenticator on the same phone.
ALTER TABLE login ADD COLUMN factor TEXT NOT NULL DEFAULT 'push';
-- How far a call has come: `answered` once somebody has picked up.
ALTER TABLE login ADD COLUMN progress TEXT;
