-- Passkeys and security keys. `credential_id` is the authenticator's, `webauthn_key` ours. `cloned_at`: the counter went back; refused since.
CREATE TABLE webauthn_credential (
    account         TEXT   NOT NULL,
    webauthn_key    TEXT   NOT NULL,
    user_id         TEXT   NOT NULL,
    credential_id   BLOB   NOT NULL,
    public_key      TEXT   NOT NULL,
    name            TEXT   NOT NULL,
    label           TEXT   NOT NULL,
    class           TEXT   NOT NULL,
    aaguid          TEXT   NOT NULL,
    attestation     TEXT   NOT NULL,
    counter         BIGINT NOT NULL,
    transports      TEXT   NOT NULL,
    backup_eligible BIGINT NOT NULL,
    backed_up       BIGINT NOT NULL,
    resident        BIGINT NOT NULL,
    verifies        BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    last_used_at    BIGINT,
    cloned_at       BIGINT,
    PRIMARY KEY (account, webauthn_key)
) WITHOUT ROWID;
CREATE UNIQUE INDEX webauthn_credential_id ON webauthn_credential (account, credential_id);
CREATE INDEX webauthn_credential_by_user ON webauthn_credential (account, user_id, created_at);

-- Ceremonies that were begun: one row goes when one is finished. `digest` is the keyed hash of the id that the page has, `binding` says whose session began it.
CREATE TABLE webauthn_ceremony (
    account    TEXT   NOT NULL,
    digest     BLOB   NOT NULL,
    purpose    TEXT   NOT NULL,
    binding    BLOB   NOT NULL,
    user_id    TEXT,
    state      TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (account, digest)
) WITHOUT ROWID;
CREATE UNIQUE INDEX webauthn_ceremony_of_session ON webauthn_ceremony (account, binding, purpose);
CREATE INDEX webauthn_ceremony_end ON webauthn_ceremony (expires_at);
