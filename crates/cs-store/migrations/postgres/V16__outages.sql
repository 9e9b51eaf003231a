-- The same login through another proxy of the same application: `login_key` is what both make of it. A push is named by `txid`, and `askers` proxies wait for it;
-- what was decided at once about a passcode is kept `sealed`. Only for a moment after `at` does it mean anything.
CREATE TABLE same_login (
    account    TEXT   NOT NULL,
    ikey       TEXT   NOT NULL,
    login_key  TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    txid       TEXT   NOT NULL,
    askers     BIGINT NOT NULL,
    sealed     BYTEA,
    at         BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    PRIMARY KEY (account, ikey, login_key)
);
CREATE INDEX same_login_by_txid ON same_login (account, txid);
CREATE INDEX same_login_by_time ON same_login (at);

-- Which proxies may check codes while the server is away: the applications of a group share a seed for each user, made from the seed of the user's authenticator.
CREATE TABLE outage_group (
    account    TEXT   NOT NULL,
    ikey       TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    hours      BIGINT NOT NULL,
    group_id   TEXT,
    max_users  BIGINT NOT NULL,
    attempts   BIGINT NOT NULL,
    uses       BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (account, ikey)
);

-- What each section of each proxy last told of itself.
CREATE TABLE proxy (
    account         TEXT   NOT NULL,
    ikey            TEXT   NOT NULL,
    proxy_id        TEXT   NOT NULL,
    section         TEXT   NOT NULL,
    host            TEXT   NOT NULL,
    version         TEXT   NOT NULL,
    failmode        TEXT   NOT NULL,
    offline_until   BIGINT,
    emergency_until BIGINT,
    first_seen_at   BIGINT NOT NULL,
    last_seen_at    BIGINT NOT NULL,
    PRIMARY KEY (account, ikey, proxy_id, section)
);

-- Up to where each proxy's journal has arrived, so that nothing of it is logged twice.
CREATE TABLE proxy_journal (
    account  TEXT   NOT NULL,
    ikey     TEXT   NOT NULL,
    proxy_id TEXT   NOT NULL,
    taken    BIGINT NOT NULL,
    PRIMARY KEY (account, ikey, proxy_id)
);

-- What an account's bundles for outages and emergency tokens are signed with: PKCS#8 in DER, sealed.
CREATE TABLE outage_key (
    account    TEXT   NOT NULL PRIMARY KEY,
    sealed     BYTEA  NOT NULL,
    created_at BIGINT NOT NULL
);
