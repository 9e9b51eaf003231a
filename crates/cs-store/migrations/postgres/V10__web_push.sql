-- The key with which push services know this installation. Browsers tie their subscriptions to it, so there is one, and it stays.
CREATE TABLE vapid_key (
    name       TEXT   NOT NULL PRIMARY KEY,
    account    TEXT   NOT NULL,
    sealed     BYTEA  NOT NULL,
    created_at BIGINT NOT NULL
);
