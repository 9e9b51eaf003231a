-- Leave not to be asked again, for clients that carry no cookie: one user, from one address, at one application.
-- `policy` is the policy and the time it granted, as of then: under another one the grant is void. So it is after `trust_epoch` has moved on.
CREATE TABLE remembered_address (
    account     TEXT   NOT NULL,
    user_id     TEXT   NOT NULL,
    ikey        TEXT   NOT NULL,
    address     TEXT   NOT NULL,
    granted_at  BIGINT NOT NULL,
    until       BIGINT NOT NULL,
    policy      TEXT   NOT NULL,
    trust_epoch BIGINT NOT NULL,
    PRIMARY KEY (account, user_id, ikey, address)
);
CREATE INDEX remembered_address_end ON remembered_address (until);
