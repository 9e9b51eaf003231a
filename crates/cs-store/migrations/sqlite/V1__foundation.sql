-- Facts about this database as a whole: its id, its generation.
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- Keys, wrapped under the master key. Account '' holds the keys of the installation.
CREATE TABLE data_key (
    account    TEXT   NOT NULL,
    purpose    TEXT   NOT NULL,
    key_id     BIGINT NOT NULL,
    wrapped    BLOB   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account, purpose, key_id)
) WITHOUT ROWID;

-- One chain per writer lane and process start.
CREATE TABLE log_chain (
    chain      TEXT   NOT NULL PRIMARY KEY,
    node       TEXT   NOT NULL,
    lane       BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    link       BLOB   NOT NULL,
    batch      BIGINT NOT NULL
) WITHOUT ROWID;

-- Where a chain begins after its oldest rows were pruned, signed.
CREATE TABLE log_start (
    chain     TEXT   NOT NULL PRIMARY KEY,
    seq       BIGINT NOT NULL,
    mac       BLOB   NOT NULL,
    pruned_at BIGINT NOT NULL,
    signature BLOB   NOT NULL
) WITHOUT ROWID;

-- With row numbers: rows are appended without sorting pages anew, and the indexes hold a number instead of chain and place.
CREATE TABLE log (
    chain           TEXT   NOT NULL,
    seq             BIGINT NOT NULL,
    account         TEXT   NOT NULL,
    kind            TEXT   NOT NULL,
    at              BIGINT NOT NULL,
    id              TEXT   NOT NULL,
    user_id         TEXT,
    integration     TEXT,
    result          TEXT,
    reason          TEXT,
    factor          TEXT,
    body            TEXT   NOT NULL,
    personal        TEXT,
    personal_digest BLOB,
    evidence        TEXT,
    evidence_digest BLOB,
    mac             BLOB   NOT NULL,
    PRIMARY KEY (chain, seq)
);
-- Every login adds to these, so each must grow in few places: times and ids rise, and users share 32 places by the last letter of their ids.
-- With the users themselves in front, each login would change, and write out, a page of its own.
CREATE INDEX log_by_user ON log (account, substr(user_id, 20), at, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX log_by_kind ON log (account, kind, at);
CREATE INDEX log_by_id ON log (account, id);

-- Signed heads of the chains.
CREATE TABLE checkpoint (
    node      TEXT   NOT NULL,
    number    BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    body      TEXT   NOT NULL,
    hash      BLOB   NOT NULL,
    signature BLOB   NOT NULL,
    PRIMARY KEY (node, number)
);
CREATE INDEX checkpoint_by_time ON checkpoint (at);

CREATE TABLE effect (
    id          TEXT   NOT NULL PRIMARY KEY,
    kind        TEXT   NOT NULL,
    account     TEXT   NOT NULL,
    payload     TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    not_before  BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    lease_until BIGINT,
    leased_by   TEXT,
    last_error  TEXT,
    done_at     BIGINT,
    dead_at     BIGINT
) WITHOUT ROWID;
CREATE INDEX effect_waiting ON effect (kind, not_before) WHERE done_at IS NULL AND dead_at IS NULL;
CREATE INDEX effect_done ON effect (done_at) WHERE done_at IS NOT NULL;
CREATE INDEX effect_dead ON effect (dead_at) WHERE dead_at IS NOT NULL;
