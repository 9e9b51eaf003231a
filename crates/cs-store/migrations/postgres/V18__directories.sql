-- A directory that users are synced from. `ikey` is what proxies beside it sign by. A run has a lease, so that of several nodes one does it; `confirmed` is the number
-- of users that an administrator has agreed to lose in one run.
CREATE TABLE directory (
    account         TEXT   NOT NULL,
    directory_id    TEXT   NOT NULL,
    ikey            TEXT   NOT NULL,
    name            TEXT   NOT NULL,
    settings        TEXT   NOT NULL,
    paused          BIGINT NOT NULL,
    confirmed       BIGINT,
    next_run_at     BIGINT NOT NULL,
    run_by          TEXT,
    run_until       BIGINT,
    last_run_at     BIGINT,
    last_success_at BIGINT,
    outcome         TEXT   NOT NULL,
    version         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (account, directory_id)
);
CREATE UNIQUE INDEX directory_name ON directory (account, name);
CREATE UNIQUE INDEX directory_by_integration ON directory (account, ikey);

-- Which directory a user belongs to, and who they are there. `disabled` and `trashed` say what of their status a sync has done; `phones` are those it has made.
CREATE TABLE directory_user (
    account      TEXT   NOT NULL,
    user_id      TEXT   NOT NULL,
    directory_id TEXT   NOT NULL,
    dir_key      TEXT   NOT NULL,
    disabled     BIGINT NOT NULL,
    trashed      TEXT,
    phones       TEXT   NOT NULL,
    invite       BIGINT NOT NULL,
    synced_at    BIGINT NOT NULL,
    PRIMARY KEY (account, user_id)
);
CREATE UNIQUE INDEX directory_user_by_key ON directory_user (account, directory_id, dir_key);
CREATE INDEX directory_user_to_invite ON directory_user (account, directory_id) WHERE invite = 1;

-- Groups that a sync has made, by the distinguished name in the form it is compared in.
CREATE TABLE directory_group (
    account      TEXT   NOT NULL,
    group_id     TEXT   NOT NULL,
    directory_id TEXT   NOT NULL,
    dn           TEXT   NOT NULL,
    PRIMARY KEY (account, group_id)
);
CREATE UNIQUE INDEX directory_group_by_dn ON directory_group (account, directory_id, dn);

-- Proxies that are connected, at whichever node.
CREATE TABLE directory_agent (
    account      TEXT   NOT NULL,
    agent_id     TEXT   NOT NULL,
    directory_id TEXT   NOT NULL,
    node         TEXT   NOT NULL,
    proxy        TEXT   NOT NULL,
    host         TEXT   NOT NULL,
    version      TEXT   NOT NULL,
    section      TEXT   NOT NULL,
    words        TEXT   NOT NULL,
    first_factor BIGINT NOT NULL,
    address      TEXT   NOT NULL,
    connected_at BIGINT NOT NULL,
    seen_at      BIGINT NOT NULL,
    PRIMARY KEY (account, agent_id)
);

-- What a command or another node wants of the node that a proxy is connected to. What is asked is `sealed`, for it may be a password.
CREATE TABLE directory_request (
    account      TEXT   NOT NULL,
    request_id   TEXT   NOT NULL,
    directory_id TEXT   NOT NULL,
    sealed       BYTEA  NOT NULL,
    state        TEXT   NOT NULL,
    progress     TEXT   NOT NULL,
    answer       TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (account, request_id)
);
CREATE INDEX directory_request_waiting ON directory_request (created_at) WHERE state = 'waiting';
