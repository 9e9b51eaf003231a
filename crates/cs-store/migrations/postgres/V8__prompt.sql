-- A login in a browser, from `authorize` to the code. `secret_digest` is a keyed hash of what the browser's cookie holds. `request` is what the client asked for,
-- `state` where the login stands, both JSON as the engine writes it; `version` counts the steps, so that each can be left only once.
CREATE TABLE prompt (
    account       TEXT   NOT NULL,
    prompt_id     TEXT   NOT NULL,
    secret_digest BYTEA NOT NULL,
    ikey          TEXT   NOT NULL,
    request       TEXT   NOT NULL,
    state         TEXT   NOT NULL,
    version       BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    PRIMARY KEY (account, prompt_id)
);
CREATE INDEX prompt_end ON prompt (expires_at);

-- What the browser carries back to the application, by the keyed hash of it: good once, for one client and one redirect URI. `login` is JSON, as the engine writes it.
CREATE TABLE authorization_code (
    account      TEXT   NOT NULL,
    digest       BYTEA NOT NULL,
    ikey         TEXT   NOT NULL,
    redirect_uri TEXT   NOT NULL,
    login        TEXT   NOT NULL,
    expires_at   BIGINT NOT NULL,
    PRIMARY KEY (account, digest)
);
CREATE INDEX authorization_code_end ON authorization_code (expires_at);

-- Client assertions that were used, by the keyed hash of their `jti`, for as long as they would be good again.
CREATE TABLE client_assertion (
    account TEXT   NOT NULL,
    ikey    TEXT   NOT NULL,
    digest  BYTEA NOT NULL,
    until   BIGINT NOT NULL,
    PRIMARY KEY (account, ikey, digest)
);
CREATE INDEX client_assertion_end ON client_assertion (until);

-- Leave not to be asked again in one browser. Every use replaces the token, `digest` by keyed hash; one that was replaced more than a moment ago and comes again was
-- stolen, or is used by a thief's victim: then the row goes. `policy` and `trust_epoch` as for remembered_address.
CREATE TABLE remembered_browser (
    account         TEXT   NOT NULL,
    browser_id      TEXT   NOT NULL,
    user_id         TEXT   NOT NULL,
    ikey            TEXT   NOT NULL,
    digest          BYTEA NOT NULL,
    previous_digest BYTEA,
    rotation        BIGINT NOT NULL,
    rotated_at      BIGINT NOT NULL,
    name            TEXT   NOT NULL,
    address         TEXT   NOT NULL,
    granted_at      BIGINT NOT NULL,
    until           BIGINT NOT NULL,
    policy          TEXT   NOT NULL,
    trust_epoch     BIGINT NOT NULL,
    PRIMARY KEY (account, browser_id)
);
CREATE INDEX remembered_browser_user ON remembered_browser (account, user_id, rotated_at);
CREATE INDEX remembered_browser_end ON remembered_browser (until);
