//! After a restore nothing that may have been used works again, and what the SQL says is what the rules say.

use cs_core::otp::{OtpKind, OtpParams, OtpRecord, OtpSecret, OtpToken, TimeStep, TotpWindow};
use cs_store::restore_steps::restore_steps;
use cs_store::testing::TestDatabase;
use cs_store::{Job, Step, Store, args};
use jiff::Timestamp;
use zeroize::Zeroizing;

on_both_engines![tokens_are_as_the_rules_say, what_was_open_is_void];

fn now() -> Timestamp {
    "2026-11-22T12:00:17Z".parse().unwrap()
}

async fn restore(store: &Store) {
    let job = restore_steps(now()).into_iter().fold(Job::new(), Job::step);
    store.commit(job).await.unwrap();
}

/// Records of every kind: fresh, drifted either way, ahead of the floor, in the middle of a resynchronisation.
fn records() -> Vec<OtpRecord> {
    let at = now().as_second() / 30;
    let mut records = Vec::new();
    for kind in [OtpKind::H6, OtpKind::H8, OtpKind::MobileHotp] {
        records.push(OtpRecord { kind, counter: 7, last_step: -1, drift: 0, memo: None, held: false });
        let memo = Some(format!("{}:1:9", now().as_second()));
        records.push(OtpRecord { kind, counter: 7, last_step: -1, drift: 0, memo, held: false });
    }
    for kind in [OtpKind::T6, OtpKind::T8, OtpKind::MobileTotp] {
        for (last_step, drift) in [(-1, 0), (at - 9, 40), (at - 9, 8), (at - 9, 7), (at - 9, -40), (at + 90, 0)] {
            records.push(OtpRecord { kind, counter: 0, last_step, drift, memo: None, held: false });
        }
    }
    records.push(OtpRecord { kind: OtpKind::Yk, counter: 7, last_step: -1, drift: 0, memo: None, held: false });
    records
}

/// What the rules make of a record.
fn ruled(record: &OtpRecord) -> OtpRecord {
    let params = OtpParams {
        kind: record.kind,
        algorithm: "sha1".parse().unwrap(),
        step: TimeStep::from_secs(30).unwrap(),
        // The SQL takes the widest window for all: further than a narrower one needs, never less.
        window: TotpWindow::steps(2).unwrap(),
    };
    let length = if record.kind == OtpKind::Yk { 22 } else { 20 };
    let secret = OtpSecret::from_bytes(record.kind, Zeroizing::new(vec![1; length])).unwrap();
    OtpToken::load(params, secret, record).unwrap().after_restore(now())
}

async fn tokens_are_as_the_rules_say(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let records = records();
    let mut job = Job::new();
    for (n, record) in records.iter().enumerate() {
        let (id, serial) = (format!("DH{n:018}"), n.to_string());
        job = job.step(Step::one(
            "INSERT INTO token (account, token_id, type, serial, secret, otp_algorithm, otp_period, otp_counter, otp_last_step, otp_drift, \
             otp_memo, otp_held, version, created_at) VALUES ('DA1', $1, $2, $3, $4, 'sha1', 30, $5, $6, $7, $8, $9, 1, 0)",
            args![id, record.kind.as_str(), serial, &[0_u8][..], record.counter, record.last_step, record.drift,
                record.memo.as_deref(), record.held],
        ));
    }
    store.commit(job).await.unwrap();
    restore(&store).await;
    let rows = store
        .query(
            "SELECT otp_counter, otp_last_step, otp_drift, otp_memo, otp_held, version FROM token ORDER BY token_id",
            vec![],
        )
        .await
        .unwrap();
    assert_eq!(rows.len(), records.len());
    for (row, record) in rows.iter().zip(&records) {
        let expected = ruled(record);
        let found = OtpRecord {
            kind: record.kind,
            counter: row.int(0).unwrap(),
            last_step: row.int(1).unwrap(),
            drift: row.int(2).unwrap(),
            memo: row.opt_text(3).unwrap(),
            held: row.flag(4).unwrap(),
        };
        assert_eq!(found, expected, "{record:?}");
        assert_eq!(row.int(5).unwrap(), 2, "whoever loaded it before must load again");
    }
}

async fn what_was_open_is_void(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let one = |sql: &'static str| Step::one(sql, args![&[1_u8][..]]);
    let job = Job::new()
        .step(one(
            "INSERT INTO activation (account, digest, phone_id, user_id, source, confirm, created_at, expires_at) \
             VALUES ('DA1', $1, 'DP1', 'DU1', 'admin', 0, 0, 9)",
        ))
        .step(one(
            "INSERT INTO bypass_code (account, user_id, digest, code_id, created_at, created_by) VALUES ('DA1', 'DU1', $1, 'DB1', 0, '')",
        ))
        .step(one(
            "INSERT INTO login (account, txid, user_id, ikey, source, surface, state, phone_id, digits, number_tries, statement, access, \
             request_digest, created_at, expires_at, node) \
             VALUES ('DA1', 't', 'DU1', 'DI1', '', 'auth_v2', 'waiting', 'DP1', 6, 0, '{}', '{}', $1, 0, 9, '')",
        ))
        .step(one(
            "INSERT INTO administrator (account, admin_id, email, name, phone, role, status, setup_digest, setup_expires, \
             password_change_required, external_password, restricted, version, created_at) \
             VALUES ('DA1', 'DE1', 'e', 'n', '', 'Owner', 'Pending Activation', $1, 9, 0, 0, 0, 1, 0)",
        ))
        .step(Step::one(
            "INSERT INTO users (account, user_id, username, email, notes, status, auto_prompt, custom, attempts, failures, lock_rounds, \
             trust_epoch, version, created_at) VALUES ('DA1', 'DU1', 'alice', '', '', 'active', 0, '{}', 0, 0, 0, 4, 1, 0)",
            vec![],
        ))
        .effect(cs_store::outbox::Effect::new("alert", "DA1", "{}", now()));
    store.commit(job).await.unwrap();
    restore(&store).await;
    let store = &store;
    let count = |sql: &'static str| async move { store.query(sql, vec![]).await.unwrap()[0].int(0).unwrap() };
    assert_eq!(count("SELECT count(*) FROM activation WHERE used_at IS NULL AND voided_at IS NULL").await, 0);
    assert_eq!(count("SELECT count(*) FROM bypass_code").await, 0);
    assert_eq!(count("SELECT count(*) FROM login").await, 0);
    assert_eq!(count("SELECT count(*) FROM administrator WHERE setup_digest IS NOT NULL").await, 0);
    assert_eq!(count("SELECT trust_epoch FROM users").await, 5);
    assert_eq!(store.next_effect("alert").await.unwrap(), None);
}
