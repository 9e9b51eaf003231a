-- Every object belongs to an account, and every key begins with it.
-- Times are milliseconds since the epoch, flags 0 or 1, lists and free-form settings JSON text. `version` changes with every administrative change.

CREATE TABLE account (
    account    TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    api_host   TEXT   NOT NULL UNIQUE,
    parent     TEXT,
    settings   TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Pictures of an account's pages, named by what they show; which of them are shown is in the settings.
CREATE TABLE picture (
    account TEXT NOT NULL,
    digest  TEXT NOT NULL,
    png     BYTEA NOT NULL,
    PRIMARY KEY (account, digest)
);

CREATE TABLE administrator (
    account       TEXT   NOT NULL,
    admin_id      TEXT   NOT NULL,
    email         TEXT   NOT NULL,
    name          TEXT   NOT NULL,
    phone         TEXT   NOT NULL,
    role          TEXT   NOT NULL,
    status        TEXT   NOT NULL,
    password_hash TEXT,
    setup_digest  BYTEA,
    setup_expires BIGINT,
    password_change_required BIGINT NOT NULL,
    external_password BIGINT NOT NULL,
    restricted    BIGINT NOT NULL,
    version       BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    last_login    BIGINT,
    PRIMARY KEY (account, admin_id)
);
CREATE UNIQUE INDEX administrator_email ON administrator (account, email);

-- Room in each page: an attempt changes no indexed column, and with room beside the row PostgreSQL touches no index.
CREATE TABLE users (
    account        TEXT   NOT NULL,
    user_id        TEXT   NOT NULL,
    username       TEXT   NOT NULL,
    realname       TEXT,
    firstname      TEXT,
    lastname       TEXT,
    email          TEXT   NOT NULL,
    notes          TEXT   NOT NULL,
    status         TEXT   NOT NULL,
    default_factor TEXT,
    auto_prompt    BIGINT NOT NULL,
    custom         TEXT   NOT NULL,
    attempts       BIGINT NOT NULL,
    failures       BIGINT NOT NULL,
    lock_rounds    BIGINT NOT NULL,
    lock_kind      TEXT,
    locked_at      BIGINT,
    locked_until   BIGINT,
    trust_epoch    BIGINT NOT NULL,
    version        BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    last_login     BIGINT,
    deleted_at     BIGINT,
    PRIMARY KEY (account, user_id)
) WITH (fillfactor = 70);
CREATE INDEX users_by_name ON users (account, username, user_id);
CREATE INDEX users_by_email ON users (account, email);
CREATE INDEX users_in_trash ON users (deleted_at) WHERE deleted_at IS NOT NULL;

-- Usernames and aliases share one space of names. Slot 0 is the username, 1 to 8 are aliases; name_key is the text as compared.
CREATE TABLE user_name (
    account  TEXT   NOT NULL,
    name_key TEXT   NOT NULL,
    user_id  TEXT   NOT NULL,
    slot     BIGINT NOT NULL,
    name     TEXT   NOT NULL,
    PRIMARY KEY (account, name_key)
);
CREATE UNIQUE INDEX user_name_slot ON user_name (account, user_id, slot);

CREATE TABLE user_group (
    account     TEXT   NOT NULL,
    group_id    TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    description TEXT   NOT NULL,
    status      TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (account, group_id)
);
CREATE UNIQUE INDEX user_group_name ON user_group (account, name);

CREATE TABLE group_member (
    account  TEXT NOT NULL,
    user_id  TEXT NOT NULL,
    group_id TEXT NOT NULL,
    PRIMARY KEY (account, user_id, group_id)
);
CREATE INDEX group_member_by_group ON group_member (account, group_id, user_id);

CREATE TABLE phone (
    account    TEXT   NOT NULL,
    phone_id   TEXT   NOT NULL,
    number     TEXT   NOT NULL,
    extension  TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    type       TEXT   NOT NULL,
    platform   TEXT   NOT NULL,
    predelay   TEXT   NOT NULL,
    postdelay  TEXT   NOT NULL,
    model      TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen  BIGINT,
    PRIMARY KEY (account, phone_id)
);
CREATE INDEX phone_by_number ON phone (account, number);

CREATE TABLE user_phone (
    account  TEXT   NOT NULL,
    user_id  TEXT   NOT NULL,
    phone_id TEXT   NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (account, user_id, phone_id)
);
CREATE INDEX user_phone_by_phone ON user_phone (account, phone_id);

-- What was bound to a phone by an activation. One per phone; binding again replaces it.
CREATE TABLE authenticator (
    account            TEXT   NOT NULL,
    phone_id           TEXT   NOT NULL,
    user_id            TEXT   NOT NULL,
    public_key         TEXT   NOT NULL,
    class              TEXT   NOT NULL,
    key_protection     TEXT   NOT NULL,
    app_version        TEXT   NOT NULL,
    push               BYTEA,
    posture            TEXT,
    seed               BYTEA   NOT NULL,
    otp_kind           TEXT   NOT NULL,
    otp_algorithm      TEXT   NOT NULL,
    otp_period         BIGINT NOT NULL,
    otp_counter        BIGINT NOT NULL,
    otp_last_step      BIGINT NOT NULL,
    otp_drift          BIGINT NOT NULL,
    otp_memo           TEXT,
    otp_held           BIGINT NOT NULL,
    auto_approve_until BIGINT,
    activated_at       BIGINT NOT NULL,
    confirmed_at       BIGINT,
    confirm_phrase     TEXT   NOT NULL,
    version            BIGINT NOT NULL,
    PRIMARY KEY (account, phone_id)
) WITH (fillfactor = 70);
CREATE INDEX authenticator_by_user ON authenticator (account, user_id);
CREATE INDEX authenticator_by_phone ON authenticator (phone_id);

CREATE TABLE activation (
    account    TEXT   NOT NULL,
    digest     BYTEA   NOT NULL,
    phone_id   TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    source     TEXT   NOT NULL,
    confirm    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT,
    voided_at  BIGINT,
    PRIMARY KEY (account, digest)
);
CREATE INDEX activation_by_phone ON activation (account, phone_id);
CREATE INDEX activation_by_user ON activation (account, user_id);

CREATE TABLE token (
    account       TEXT   NOT NULL,
    token_id      TEXT   NOT NULL,
    type          TEXT   NOT NULL,
    serial        TEXT   NOT NULL,
    secret        BYTEA   NOT NULL,
    otp_algorithm TEXT   NOT NULL,
    otp_period    BIGINT NOT NULL,
    otp_counter   BIGINT NOT NULL,
    otp_last_step BIGINT NOT NULL,
    otp_drift     BIGINT NOT NULL,
    otp_memo      TEXT,
    otp_held      BIGINT NOT NULL,
    version       BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (account, token_id)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX token_serial ON token (account, type, serial);

CREATE TABLE user_token (
    account  TEXT   NOT NULL,
    user_id  TEXT   NOT NULL,
    token_id TEXT   NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (account, user_id, token_id)
);
CREATE INDEX user_token_by_token ON user_token (account, token_id);

CREATE TABLE bypass_code (
    account    TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    digest     BYTEA   NOT NULL,
    code_id    TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT   NOT NULL,
    expires_at BIGINT,
    uses_left  BIGINT,
    PRIMARY KEY (account, user_id, digest)
);
CREATE UNIQUE INDEX bypass_code_id ON bypass_code (account, code_id);

CREATE TABLE integration (
    account              TEXT   NOT NULL,
    ikey                 TEXT   NOT NULL,
    skey                 BYTEA   NOT NULL,
    previous_skey        BYTEA,
    previous_skey_until  BIGINT,
    name                 TEXT   NOT NULL,
    type                 TEXT   NOT NULL,
    notes                TEXT   NOT NULL,
    greeting             TEXT   NOT NULL,
    new_user             TEXT,
    normalization        TEXT   NOT NULL,
    user_access          TEXT   NOT NULL,
    groups_allowed       TEXT   NOT NULL,
    self_service_allowed BIGINT NOT NULL,
    remembered_days      BIGINT,
    legacy_signatures    BIGINT NOT NULL,
    legacy_last_used     BIGINT,
    permissions          BIGINT NOT NULL,
    api_networks         TEXT   NOT NULL,
    extra                TEXT   NOT NULL,
    enabled              BIGINT NOT NULL,
    version              BIGINT NOT NULL,
    created_at           BIGINT NOT NULL,
    PRIMARY KEY (account, ikey)
);

-- One push: `state` is written once, away from 'waiting', by a conditional update.
CREATE TABLE login (
    account        TEXT   NOT NULL,
    txid           TEXT   NOT NULL,
    user_id        TEXT   NOT NULL,
    ikey           TEXT   NOT NULL,
    source         TEXT   NOT NULL,
    surface        TEXT   NOT NULL,
    state          TEXT   NOT NULL,
    phone_id       TEXT   NOT NULL,
    digits         BIGINT NOT NULL,
    number_tries   BIGINT NOT NULL,
    statement      TEXT   NOT NULL,
    access         TEXT   NOT NULL,
    request_digest BYTEA   NOT NULL,
    idem_key       TEXT,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    closed_at      BIGINT,
    reason         TEXT,
    node           TEXT   NOT NULL,
    PRIMARY KEY (account, txid)
);
-- The slot: one live push per user, integration and source.
CREATE UNIQUE INDEX login_slot ON login (account, user_id, ikey, source) WHERE state = 'waiting';
CREATE UNIQUE INDEX login_idempotency ON login (account, ikey, user_id, idem_key) WHERE idem_key IS NOT NULL;
CREATE INDEX login_waiting ON login (expires_at) WHERE state = 'waiting';
CREATE INDEX login_for_device ON login (account, phone_id, created_at) WHERE state = 'waiting';
CREATE INDEX login_unanswered ON login (account, user_id, ikey, source, closed_at)
    WHERE state = 'timed_out' OR state = 'cancelled' AND reason IS NOT NULL;
CREATE INDEX login_closed ON login (closed_at) WHERE closed_at IS NOT NULL;

-- What was answered at once to a login with an idempotency key.
CREATE TABLE answer (
    account        TEXT   NOT NULL,
    ikey           TEXT   NOT NULL,
    user_id        TEXT   NOT NULL,
    idem_key       TEXT   NOT NULL,
    request_digest BYTEA  NOT NULL,
    sealed         BYTEA  NOT NULL,
    created_at     BIGINT NOT NULL,
    PRIMARY KEY (account, ikey, user_id, idem_key)
);
CREATE INDEX answer_by_time ON answer (created_at);

-- Administrative units: groups and applications that restricted administrators are confined to. `kind` is 'admin', 'group' or 'integration'.
CREATE TABLE admin_unit (
    account         TEXT   NOT NULL,
    unit_id         TEXT   NOT NULL,
    name            TEXT   NOT NULL,
    description     TEXT   NOT NULL,
    by_groups       BIGINT NOT NULL,
    by_integrations BIGINT NOT NULL,
    version         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (account, unit_id)
);
CREATE UNIQUE INDEX admin_unit_name ON admin_unit (account, name);

CREATE TABLE admin_unit_member (
    account TEXT NOT NULL,
    unit_id TEXT NOT NULL,
    kind    TEXT NOT NULL,
    member  TEXT NOT NULL,
    PRIMARY KEY (account, unit_id, kind, member)
);
CREATE INDEX admin_unit_member_by_member ON admin_unit_member (account, kind, member);
