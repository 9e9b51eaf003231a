//! What proxies tell that is not whole, cannot be, or does not come: nothing of it is used.

use cs_engine::directories::{DirectoryError, Trouble};
use cs_testkit::Site;
use cs_wire::agent::{self as wire, MOST_PEOPLE, Order, Report};
use tokio::task::JoinHandle;

use super::fake::{Directory, FakeProxy, People, done, person};
use super::user;

/// A proxy that answers each order to read by what `answer` makes of it. Gives the first other order; `None` if its channel has ended before one came.
async fn lying(
    office: &Directory<'_>,
    answer: impl Fn(u64, Vec<String>) -> Vec<String> + Send + 'static,
) -> JoinHandle<Option<Order>> {
    let before = office.proxies();
    let mut proxy = FakeProxy::open(&office.api, office.site).await.unwrap();
    proxy.hello(false).await;
    let served = tokio::spawn(async move {
        while let Some(order) = proxy.order().await {
            let Order::Sync { id, query } = order else { return Some(order) };
            for text in answer(id, query.groups) {
                proxy.text(&text).await;
            }
        }
        None
    });
    office.connected(before + 1).await;
    served
}

fn json(report: &Report) -> String {
    serde_json::to_string(report).unwrap()
}

fn people(id: u64, people: Vec<wire::Person>) -> String {
    json(&Report::People { id, people })
}

on_both_engines![
    what_is_not_whole_or_cannot_be_changes_nothing,
    a_proxy_that_dies_in_the_middle_is_followed_by_the_next_from_the_start,
    a_proxy_that_says_nothing_is_given_up_and_told_so,
];

async fn what_is_not_whole_or_cannot_be_changes_nothing(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    type Answer = fn(u64, Vec<String>) -> Vec<String>;
    let answers: [(&str, Answer); 8] = [
        ("not as many", |id, groups| vec![people(id, vec![person("a", "alice")]), json(&done(id, groups, 2))]),
        ("other groups", |id, _| {
            vec![people(id, vec![person("a", "alice")]), json(&done(id, vec!["cn=x".to_owned()], 1))]
        }),
        ("without a key", |id, _| vec![people(id, vec![person("", "alice")])]),
        ("in a group that", |id, _| {
            let mut alice = person("a", "alice");
            alice.groups = vec![2];
            vec![people(id, vec![alice])]
        }),
        ("went away", |id, _| vec![people(id, vec![person("a", "alice"); MOST_PEOPLE + 1])]),
        ("went away", |id, _| vec![people(id, vec![person("a", &"x".repeat(3000))])]),
        ("went away", |_, _| vec!["not json".to_owned()]),
        ("bind refused", |id, _| {
            let words = "bind refused".to_owned();
            let failed = Report::Failed { id, trouble: wire::Trouble::Refused, words };
            vec![people(id, vec![person("a", "alice")]), json(&failed)]
        }),
    ];
    for (why, answer) in answers {
        let served = lying(&office, answer).await;
        let error = office.sync().await.unwrap_err();
        assert!(error.to_string().contains(why), "{why}: {error}");
        if why == "bind refused" {
            assert!(matches!(error, DirectoryError::Trouble { trouble: Trouble::Refused, .. }));
        }
        assert!(user(&site, "alice").await.is_none(), "{why}");
        served.abort();
        office.connected(0).await;
    }
    let record = site.engine().store().directory(site.account, office.id).await.unwrap().unwrap();
    assert!(record.outcome.contains("bind refused") && record.last_success_at.is_none());
}

async fn a_proxy_that_dies_in_the_middle_is_followed_by_the_next_from_the_start(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let dying = lying(&office, |id, _| vec![people(id, vec![person("z", "zoe")]), "the end".to_owned()]).await;
    let whole = People::default();
    whole.put(person("a", "alice"));
    let _proxy = office.proxy(&whole).await;
    let outcome = office.sync().await.unwrap();
    assert_eq!((outcome.people, outcome.counts["create"]), (1, 1));
    // What the first had told is forgotten.
    assert!(user(&site, "zoe").await.is_none() && user(&site, "alice").await.is_some());
    assert_eq!(dying.await.unwrap(), None);
}

async fn a_proxy_that_says_nothing_is_given_up_and_told_so(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let silent = lying(&office, |_, _| Vec::new()).await;
    let (engine, account, id) = (site.engine().clone(), site.account, office.id);
    let mut run = tokio::spawn(async move {
        engine.sync_directory(account, id, cs_engine::directories::Trigger::Asked, None, &|_| {}).await
    });
    let ended = loop {
        site.advance(61);
        if let Ok(ended) = tokio::time::timeout(std::time::Duration::from_millis(50), &mut run).await {
            break ended.unwrap();
        }
    };
    assert!(matches!(ended, Err(DirectoryError::Silent)), "{ended:?}");
    assert!(matches!(silent.await.unwrap(), Some(Order::Cancel { .. })));
}
