-- Policies. `sections` is JSON text: what the policy defines, in canonical form; the global policy has the default of what it does not name.
CREATE TABLE policy (
    account     TEXT   NOT NULL,
    policy_key  TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    is_global   BIGINT NOT NULL,
    sections    TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    PRIMARY KEY (account, policy_key)
);
CREATE UNIQUE INDEX policy_name ON policy (account, name);
CREATE UNIQUE INDEX policy_global ON policy (account) WHERE is_global = 1;

-- To what policies apply. An application policy has an empty group_id, a group policy an empty ikey, an application-group policy both.
-- `position` orders the policies of one application's groups, and the group policies; the first that fits wins.
CREATE TABLE policy_use (
    account    TEXT   NOT NULL,
    ikey       TEXT   NOT NULL,
    group_id   TEXT   NOT NULL,
    policy_key TEXT   NOT NULL,
    position   BIGINT NOT NULL,
    PRIMARY KEY (account, ikey, group_id, policy_key)
);
CREATE UNIQUE INDEX policy_use_application ON policy_use (account, ikey) WHERE group_id = '';

-- One row per account that changes with every change of its policies and of where they apply: what logins guard on.
CREATE TABLE policy_book (
    account TEXT   NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL
);

-- What every policy was, after each change. A removed one stays here.
CREATE TABLE policy_history (
    account    TEXT   NOT NULL,
    policy_key TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    name       TEXT   NOT NULL,
    sections   TEXT   NOT NULL,
    uses       TEXT   NOT NULL,
    action     TEXT   NOT NULL,
    actor      TEXT   NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (account, policy_key, version)
);

-- Accounts that exist get their global policy; its key is the account's id in another dress, so that it is the same wherever this runs.
INSERT INTO policy (account, policy_key, name, is_global, sections, version, created_at, modified_at)
    SELECT account, 'PO' || substr(account, 3), 'Global Policy', 1, '{}', 1, created_at, created_at FROM account;
INSERT INTO policy_book (account, version) SELECT account, 1 FROM account;
