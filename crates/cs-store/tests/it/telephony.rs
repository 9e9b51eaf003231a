//! Passcodes by SMS and the counts of messages, on both engines.

use cs_core::telephony::COUNTED_OVER;
use cs_store::facts::UserRef;
use cs_store::logins::{AskedBy, Login};
use cs_store::telephony::{NewSmsCode, call_answered, count_use, forget_telephony, use_sms_code, void_sms_codes};
use cs_store::testing::TestDatabase;
use cs_store::{Job, Step, Store, args};
use jiff::{SignedDuration, Timestamp};

use crate::logins::{account, alice, facts, holds, now, phone, push, with_alice};

on_both_engines!(
    a_code_by_sms_is_read_with_its_user_and_used_once,
    a_code_is_worth_nothing_once_the_phone_has_another_number,
    messages_are_counted_over_a_day_with_a_pause_between,
    many_messages_at_once_do_not_go_past_the_limit,
    a_call_is_never_asked_on_the_authenticator,
);

const NUMBER: &str = "+15550100";
const PAUSE: SignedDuration = SignedDuration::from_secs(30);

fn code(digest: u8, digit: char, place: usize) -> NewSmsCode<'static> {
    let (user, phone, expires_at) = (alice(), phone(), Some(now() + SignedDuration::from_mins(10)));
    NewSmsCode { user, phone, number: NUMBER, digest: [digest; 32], digit, place, expires_at }
}

async fn send(store: &Store) {
    let job = Job::new().step(void_sms_codes(account(), alice(), phone()));
    let job = job.step(code(21, '8', 0).insert(account(), now())).step(code(22, '9', 1).insert(account(), now()));
    store.commit(job).await.unwrap();
}

async fn a_code_by_sms_is_read_with_its_user_and_used_once(database: TestDatabase) {
    let store = with_alice(&database).await;
    send(&store).await;

    let read = facts(&store, 22).await;
    assert_eq!(read.sms_code.as_ref().map(|code| (code.phone, code.number.as_str())), Some((phone(), NUMBER)));
    let texted = read.user.phones.iter().find(|one| one.id == phone()).unwrap();
    assert_eq!(texted.sms.map(|waiting| (waiting.next, waiting.count)), Some(('8', 2)));
    assert!(read.user.phones.iter().filter(|one| one.id != phone()).all(|one| one.sms.is_none() && !one.landline));
    assert!(facts(&store, 23).await.sms_code.is_none());

    assert!(!holds(&store, use_sms_code(account(), alice(), &[23; 32], now())).await, "no such code");
    assert!(!holds(&store, use_sms_code(account(), alice(), &[21; 32], now() + SignedDuration::from_mins(10))).await);
    assert!(holds(&store, use_sms_code(account(), alice(), &[21; 32], now())).await);
    assert!(!holds(&store, use_sms_code(account(), alice(), &[21; 32], now())).await, "used");
    let left = facts(&store, 21).await;
    assert!(left.sms_code.is_none());
    assert_eq!(left.user.phones.iter().find_map(|one| one.sms).map(|one| (one.next, one.count)), Some(('9', 1)));

    // A new message voids what was sent before.
    let job = Job::new().step(void_sms_codes(account(), alice(), phone()));
    store.commit(job.step(code(24, '1', 0).insert(account(), now()))).await.unwrap();
    assert!(!holds(&store, use_sms_code(account(), alice(), &[22; 32], now())).await, "voided");
    let late = now() + SignedDuration::from_mins(11);
    assert!(all_hold(&store, forget_telephony(late)).await);
    assert!(facts(&store, 24).await.sms_code.is_none());
}

async fn a_code_is_worth_nothing_once_the_phone_has_another_number(database: TestDatabase) {
    let store = with_alice(&database).await;
    send(&store).await;
    let sql = "UPDATE phone SET number = '+15550199', type = 'Landline' WHERE account = $1 AND phone_id = $2";
    assert!(holds(&store, Step::one(sql, args![account().as_str(), phone().as_str()])).await);
    assert!(!holds(&store, use_sms_code(account(), alice(), &[21; 32], now())).await);
    let read = facts(&store, 21).await;
    let texted = read.user.phones.iter().find(|one| one.id == phone()).unwrap();
    assert!(texted.sms.is_none() && texted.landline && texted.can_push());
    assert!(!read.sms_code.unwrap().is_usable(texted, now()));
}

async fn all_hold(store: &Store, steps: [Step; 2]) -> bool {
    let [first, second] = steps;
    store.commit(Job::new().step(first).step(second)).await.is_ok()
}

async fn counted(store: &Store, most: i64, at: Timestamp) -> bool {
    all_hold(store, count_use(account(), "user:DU", most, PAUSE, at)).await
}

async fn messages_are_counted_over_a_day_with_a_pause_between(database: TestDatabase) {
    let store = database.open().await.unwrap();
    assert!(counted(&store, 3, now()).await);
    assert!(!counted(&store, 3, now() + SignedDuration::from_secs(29)).await, "too soon");
    assert!(counted(&store, 3, now() + PAUSE).await);
    assert!(counted(&store, 3, now() + PAUSE * 2).await);
    assert!(!counted(&store, 3, now() + PAUSE * 3).await, "the fourth");
    assert!(!counted(&store, 3, now() + COUNTED_OVER - SignedDuration::from_secs(1)).await);
    assert!(counted(&store, 3, now() + COUNTED_OVER).await, "counted anew");
    assert!(counted(&store, 3, now() + COUNTED_OVER + PAUSE).await);
    // Counts that still matter are not forgotten.
    assert!(all_hold(&store, forget_telephony(now() + COUNTED_OVER + PAUSE * 2)).await);
    assert!(counted(&store, 3, now() + COUNTED_OVER + PAUSE * 2).await);
    assert!(!counted(&store, 3, now() + COUNTED_OVER + PAUSE * 3).await);
}

async fn many_messages_at_once_do_not_go_past_the_limit(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let tries = (0..40).map(|_| {
        let store = store.clone();
        tokio::spawn(
            async move { all_hold(&store, count_use(account(), "account", 5, SignedDuration::ZERO, now())).await },
        )
    });
    let mut sent = 0;
    for one in tries.collect::<Vec<_>>() {
        sent += usize::from(one.await.unwrap());
    }
    assert_eq!(sent, 5);
}

async fn a_call_is_never_asked_on_the_authenticator(database: TestDatabase) {
    let store = with_alice(&database).await;
    let call = Login { factor: AskedBy::Call, source: "call".to_owned(), ..push(31, now()) };
    store.commit(Job::new().step(call.open()).step(push(32, now()).open())).await.unwrap();
    let waiting = store.logins_waiting_for(account(), phone(), now()).await.unwrap();
    assert_eq!(waiting.iter().map(|login| login.txid).collect::<Vec<_>>(), [push(32, now()).txid]);
    for (login, picked_up) in [(&call, true), (&push(32, now()), false)] {
        assert!(holds(&store, call_answered(account(), login.txid, now())).await);
        let read = store.login(account(), login.txid).await.unwrap().unwrap();
        assert_eq!((read.factor, read.is_picked_up), (login.factor, picked_up));
    }
    assert!(store.user_facts(account(), UserRef::Id(alice()), None, now()).await.unwrap().is_some());
}
