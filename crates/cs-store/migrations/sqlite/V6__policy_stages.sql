-- The next version of a policy, which applies to some users already: JSON with its sections and whom it reaches.
ALTER TABLE policy ADD COLUMN staged TEXT;

-- A change of policies that is taken back at `due_at` unless it is confirmed. `version` is the book's after the change; `changes` is JSON.
CREATE TABLE policy_trial (
    account TEXT   NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    changes TEXT   NOT NULL,
    actor   TEXT   NOT NULL,
    made_at BIGINT NOT NULL,
    due_at  BIGINT NOT NULL
) WITHOUT ROWID;
