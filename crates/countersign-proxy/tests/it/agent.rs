//! `[cloud]` and `[sso]` against a server and a directory of the test's own.

mod server;

use std::time::Duration;

use countersign_proxy::agent::{self, Agents};
use countersign_proxy::cfg::Config;
use countersign_proxy::metrics::{Health, Metrics};
use cs_client::agent::{FirstFactor, Order, Password, Report, Trouble};
use cs_ldap::ResultCode;
use zeroize::Zeroizing;

use crate::directory::people::{Lab, query};
use crate::support::PATIENCE;
use crate::support::config::read_in;
use crate::support::directory::{ALICE, Act, Asked, Fake, done, entry, mentions, page_after};
use crate::support::figures::counted;
use server::{Channel, Server};

fn config(server: &Server, directory: &Fake, sections: &str) -> Config {
    let text = format!(
        "[main]\nhttp_ca_certs_file=ca.pem\n[ad_client]\nhost={}\nport={}\nauth_type=plain\nbind_dn=cn=svc,dc=lab\nservice_account_username=svc\n\
        service_account_password=svc-pw\nsearch_dn=dc=lab\nusername_attribute=uid\nat_attribute=mail\ntimeout=10\n{sections}",
        directory.address, directory.port,
    );
    read_in(server.folder(), &text)
}

fn cloud(server: &Server) -> String {
    format!("[cloud]\nikey=DIXXXXXXXXXXXXXXXXXX\nskey={}\napi_host=localhost:{}\n", "s".repeat(40), server.port)
}

fn sso(server: &Server) -> String {
    format!("[sso]\nrikey=DIYYYYYYYYYYYYYYYYYY\nrskey={}\napi_host=localhost:{}\n", "s".repeat(40), server.port)
}

struct Site {
    server: Server,
    directory: Fake,
    agents: Agents,
    metrics: Metrics,
    health: Health,
}

impl Site {
    fn beside(server: Server, directory: Fake) -> Self {
        let (metrics, health) = (Metrics::default(), Health::default());
        let agents = Agents::new("proxy-1".to_owned(), metrics.clone(), health.clone());
        Self { server, directory, agents, metrics, health }
    }

    fn serve(&mut self, sections: &str) {
        self.agents.serve(agent::prepare(&config(&self.server, &self.directory, sections)).unwrap());
    }

    /// Waits until a metric is shown so.
    async fn metric(&self, line: &str) {
        let (series, count) = line.rsplit_once(' ').unwrap();
        counted(&self.metrics, series, count.parse().unwrap()).await;
    }
}

fn lab() -> Lab {
    Lab::new().group("staff", &[("memberUid", &["user1", "user2"])]).person(1, &[]).person(2, &[]).person(3, &[])
}

async fn honest() -> Fake {
    let lab = lab();
    Fake::start(move |asked, id| lab.answer(asked, id)).await
}

async fn hello(channel: &mut Channel) -> (String, String, bool) {
    match channel.hear().await {
        Report::Hello { proxy, section, directory, first_factor, .. } => {
            assert_eq!(proxy, "proxy-1");
            (section, directory, first_factor)
        }
        other => panic!("{other:?}"),
    }
}

fn first_factor(id: u64, password: &str) -> Order {
    let password = Password::new(Zeroizing::new(password.to_owned()));
    Order::FirstFactor { id, username: "alice".to_owned(), password }
}

#[tokio::test]
async fn people_are_told_in_the_channel_and_then_how_many() {
    let mut site = Site::beside(Server::start().await, honest().await);
    site.serve(&cloud(&site.server));
    let mut channel = site.server.channel().await;
    assert!(
        channel.head.contains("authorization: Basic ") && channel.head.starts_with("GET /agent/v1/channel HTTP/1.1")
    );
    let (section, directory, checks) = hello(&mut channel).await;
    assert_eq!((&*section, &*directory, checks), ("cloud", "LDAP directory at 127.0.0.1", false));
    channel.say(&Order::Sync { id: 7, query: query(&["staff", "nobody"]) }).await;
    let Report::People { id: 7, people } = channel.hear().await else { panic!("people") };
    assert_eq!(people.iter().map(|person| &*person.username).collect::<Vec<_>>(), ["user1", "user2"]);
    let Report::Done { id: 7, groups, count: 2 } = channel.hear().await else { panic!("the end") };
    assert_eq!((groups[0].name.as_deref(), groups[1].name.as_deref()), (Some("staff"), None));
    site.metric("countersign_proxy_agent_connected{section=\"cloud\"} 1").await;
    site.metric("countersign_proxy_agent_orders_total{section=\"cloud\",order=\"sync\",outcome=\"done\"} 1").await;
    assert_eq!(site.health.problems(), []);

    // This section does not check passwords, whoever asks.
    channel.say(&first_factor(8, "right")).await;
    let Report::Failed { id: 8, trouble: Trouble::Proxy, words } = channel.hear().await else { panic!("no check") };
    assert!(words.contains("[sso]"), "{words}");
    // What only a newer server knows.
    channel.send(r#"{"order":"rotate","id":9}"#).await;
    assert!(matches!(channel.hear().await, Report::Failed { id: 9, trouble: Trouble::Proxy, .. }));
    assert_eq!(site.directory.count(|asked| matches!(asked, Asked::Bind(name, _) if name.starts_with("uid="))), 0);
    site.agents.close().await;
    channel.ends().await;
}

#[tokio::test]
async fn passwords_are_checked_for_single_sign_on() {
    let directory = Fake::start(|asked, id| match asked {
        Asked::Search(base, octets) if base == "dc=lab" && mentions(octets, "alice") => {
            let all = [("uid", "alice"), ("entryUUID", "0A0B0C0D-0000-0000-0000-000000000000")];
            Some(Act::Send([entry(id, ALICE, &all), done(id, ResultCode::Success)].concat()))
        }
        _ => None,
    })
    .await;
    let mut site = Site::beside(Server::start().await, directory);
    site.serve(&sso(&site.server));
    let mut channel = site.server.channel().await;
    assert!(hello(&mut channel).await.2);
    for (id, password, expected) in [
        (
            1,
            "right",
            FirstFactor::Right {
                key: "0a0b0c0d000000000000000000000000".to_owned(),
                dn: "uid=alice,ou=people,dc=lab".to_owned(),
            },
        ),
        (2, "wrong", FirstFactor::Wrong { reason: "wrong_password".to_owned() }),
        (3, "", FirstFactor::Wrong { reason: "wrong_password".to_owned() }),
    ] {
        channel.say(&first_factor(id, password)).await;
        let Report::FirstFactor { id: answered, verdict } = channel.hear().await else { panic!("a verdict") };
        assert_eq!((answered, verdict), (id, expected));
    }
    site.metric("countersign_proxy_agent_orders_total{section=\"sso\",order=\"first_factor\",outcome=\"wrong\"} 2")
        .await;
}

/// A directory that says nothing when it is asked for people.
async fn silent() -> Fake {
    let lab = lab();
    Fake::start(move |asked, id| match asked {
        Asked::Search(base, octets) if base == "dc=lab" && page_after(octets).is_some() => Some(Act::Silence),
        _ => lab.answer(asked, id),
    })
    .await
}

#[tokio::test]
async fn an_order_that_nobody_waits_for_ends_and_others_go_on() {
    let mut site = Site::beside(Server::start().await, silent().await);
    site.serve(&cloud(&site.server));
    let mut channel = site.server.channel().await;
    hello(&mut channel).await;
    for id in 1..=4 {
        channel.say(&Order::Sync { id, query: query(&["staff"]) }).await;
    }
    // There is room for no more, and none for the same.
    for id in [5, 1] {
        channel.say(&Order::Sync { id, query: query(&["staff"]) }).await;
        let Report::Failed { id: failed, trouble: Trouble::Proxy, .. } = channel.hear().await else {
            panic!("refused")
        };
        assert_eq!(failed, id);
    }
    channel.say(&Order::Cancel { id: 2 }).await;
    site.metric("countersign_proxy_agent_orders_total{section=\"cloud\",order=\"sync\",outcome=\"cancelled\"} 1").await;
    // Whoever waits still is told when the proxy stops.
    site.agents.close().await;
    let mut told = Vec::new();
    for _ in 0..3 {
        let Report::Failed { id, trouble: Trouble::Proxy, .. } = channel.hear().await else { panic!("it stops") };
        told.push(id);
    }
    told.sort_unstable();
    assert_eq!(told, [1, 3, 4]);
    channel.ends().await;
}

#[tokio::test]
async fn a_directory_that_takes_its_time_is_told_of_with_signs_of_life() {
    let lab = lab();
    let directory = Fake::start(move |asked, id| match asked {
        Asked::Search(base, octets) if base == "dc=lab" && page_after(octets).is_some() => {
            // From here on nothing moves but the clock.
            tokio::time::pause();
            Some(Act::Silence)
        }
        _ => lab.answer(asked, id),
    })
    .await;
    let mut site = Site::beside(Server::start().await, directory);
    site.serve(&cloud(&site.server));
    let mut channel = site.server.channel().await;
    hello(&mut channel).await;
    channel.say(&Order::Sync { id: 1, query: query(&["staff"]) }).await;
    for _ in 0..3 {
        assert!(matches!(channel.hear_whenever().await, Report::People { id: 1, people } if people.is_empty()));
    }
}

#[tokio::test]
async fn a_channel_that_broke_is_opened_again_and_a_refusal_is_told() {
    let mut site = Site::beside(Server::start().await, honest().await);
    site.server.refuses(true);
    site.serve(&cloud(&site.server));
    let told = async {
        while site.health.problems().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.unwrap();
    let (part, problem) = site.health.problems().remove(0);
    assert_eq!(part, "channel of [cloud]");
    assert!(problem.contains("40103 Invalid signature") && problem.contains("clocks"), "{problem}");
    site.server.refuses(false);
    let mut channel = site.server.channel().await;
    hello(&mut channel).await;
    drop(channel);
    hello(&mut site.server.channel().await).await;
    // The directory was asked once what it is, and no more with each channel.
    assert_eq!(site.directory.service_binds(), 1);
}

#[tokio::test]
async fn what_is_no_order_ends_a_channel() {
    for wrong in ["x".repeat((1 << 20) + 1), r#"{"order":"sync","id":1}"#.to_owned()] {
        let mut site = Site::beside(Server::start().await, honest().await);
        site.serve(&cloud(&site.server));
        let mut channel = site.server.channel().await;
        hello(&mut channel).await;
        channel.send(&wrong).await;
        hello(&mut site.server.channel().await).await;
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_left() {
    let mut site = Site::beside(Server::start().await, honest().await);
    site.serve(&cloud(&site.server));
    let mut channel = site.server.channel().await;
    hello(&mut channel).await;
    site.metric("countersign_proxy_agent_connected{section=\"cloud\"} 1").await;
    // From here on nothing moves but the clock; pings are not answered, for nobody reads them.
    tokio::time::pause();
    let left = async {
        while site.health.problems().is_empty() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    left.await;
    let (_, problem) = site.health.problems().remove(0);
    assert!(problem.contains("nothing came from the server for 60 s"), "{problem}");
}

#[tokio::test]
async fn a_new_configuration_keeps_the_channels_that_are_the_same() {
    let mut site = Site::beside(Server::start().await, honest().await);
    site.serve(&(cloud(&site.server) + &sso(&site.server)));
    let (mut one, mut two) = (site.server.channel().await, site.server.channel().await);
    let (first, second) = (hello(&mut one).await, hello(&mut two).await);
    let (mut cloud_channel, mut sso_channel) = if first.0 == "cloud" { (one, two) } else { (two, one) };
    assert_ne!(first.0, second.0);
    site.serve(
        &(cloud(&site.server)
            + &sso(&site.server)
            + "service_account_username=cn=svc,dc=lab\nservice_account_password=svc-pw\n"),
    );
    sso_channel.ends().await;
    let mut sso_channel = site.server.channel().await;
    assert_eq!(hello(&mut sso_channel).await.0, "sso");
    cloud_channel.say(&Order::Sync { id: 1, query: query(&["nobody"]) }).await;
    assert!(matches!(cloud_channel.hear().await, Report::Done { id: 1, count: 0, .. }));
    site.serve(&cloud(&site.server));
    sso_channel.ends().await;
    cloud_channel.say(&Order::Sync { id: 2, query: query(&["nobody"]) }).await;
    assert!(matches!(cloud_channel.hear().await, Report::Done { id: 2, count: 0, .. }));
}
