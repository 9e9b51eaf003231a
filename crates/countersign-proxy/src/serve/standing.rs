//! How servers stand, for who operates the proxy: which host is asked, which are left alone, and what a login comes to now.

use serde_json::{Value, json};

use super::api::Api;
use crate::cfg::application::FailMode;
use crate::metrics::{Gauge, Health, Labels, Metrics};
use crate::outage::hosts::Circuit;

/// What was found when somebody asked last.
#[derive(Default)]
pub(super) struct Standing {
    /// Shown as long as they are held.
    gauges: Vec<Gauge>,
}

impl Standing {
    /// Looks at the servers of all sections that serve.
    pub(super) fn refresh(&mut self, metrics: &Metrics, health: &Health, sections: Vec<(String, Api)>) {
        let (mut gauges, mut told) = (Vec::new(), Vec::new());
        let mut show = |name, help, labels: Labels<'_>, value: bool| {
            let gauge = metrics.gauge(name, help, labels);
            gauge.set(i64::from(value));
            gauges.push(gauge);
        };
        for (section, api) in sections {
            let (hosts, in_use) = (api.standing(), api.in_use());
            let failmode = api.failmode();
            for (host, circuit) in &hosts {
                let help = "How a host of the API stands: closed (it is asked), open (it is left alone and probed), half_open (a probe was answered)";
                let labels: Labels<'_> = &[("section", &section), ("host", host), ("state", circuit.as_str())];
                show("countersign_proxy_api_circuit", help, labels, true);
                let help = "1 for the host of the API that is asked first now; 0 for all of them while every one is left alone";
                let is_in_use = in_use.as_ref() == Some(host);
                show("countersign_proxy_api_host_in_use", help, &[("section", &section), ("host", host)], is_in_use);
            }
            let help = "1 while no host of the API is asked and every login takes this fail mode at once";
            let labels: Labels<'_> = &[("section", &section), ("failmode", word(failmode))];
            show("countersign_proxy_failmode_in_force", help, labels, in_use.is_none());
            note(health, &section, failmode, &hosts, in_use.as_deref());
            told.push(json!({
                "section": section,
                "failmode": word(failmode),
                "now": if in_use.is_none() { then(failmode) } else { "the server is asked" },
                "in_use": in_use,
                "hosts": hosts.iter().map(host).collect::<Vec<_>>(),
            }));
        }
        // Those before are let go of only now: of a gauge that nobody holds, nothing is shown.
        self.gauges = gauges;
        health.tell_servers(Value::Array(told));
    }
}

fn host((name, circuit): &(String, Circuit)) -> Value {
    json!({ "host": name, "circuit": circuit.as_str() })
}

/// A server that nobody asks is not well, and one that has answered a probe is, whatever came of the last login.
fn note(health: &Health, section: &str, failmode: FailMode, hosts: &[(String, Circuit)], in_use: Option<&str>) {
    let part = part(section);
    let Some(in_use) = in_use else {
        return health.set(&part, Some(&format!("no host of the API answers; for now: {}", then(failmode))));
    };
    let circuit = hosts.iter().find(|(name, _)| name == in_use).map(|(_, circuit)| *circuit);
    if matches!(circuit, Some(Circuit::HalfOpen { .. })) {
        health.set(&part, None);
    }
}

/// What a section's server is called among what is well or not.
pub(super) fn part(section: &str) -> String {
    format!("server of [{section}]")
}

/// As the configuration says it.
pub(super) const fn word(failmode: FailMode) -> &'static str {
    match failmode {
        FailMode::Safe => "safe",
        FailMode::Secure => "secure",
        FailMode::Offline => "offline",
    }
}

/// What a login comes to while nobody can be asked.
const fn then(failmode: FailMode) -> &'static str {
    match failmode {
        FailMode::Safe => "the first factor alone lets in (failmode=safe)",
        FailMode::Secure => "nobody is let in (failmode=secure)",
        FailMode::Offline => "codes for outages are checked here (failmode=offline)",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpListener;

    use super::*;
    use crate::radius::login::Outage;
    use crate::radius::request::Request;
    use crate::serve::api::tests::api;

    #[tokio::test]
    async fn which_host_is_asked_and_what_happens_otherwise_is_shown() {
        // Nobody listens there.
        let host = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
        let (metrics, health, mut standing) = (Metrics::default(), Health::default(), Standing::default());
        let api = api(vec![host.clone()]);
        let mut look = || {
            standing.refresh(&metrics, &health, vec![("vpn".to_owned(), api.clone())]);
            (metrics.render(), health.problems(), health.servers())
        };
        let (text, _, servers) = look();
        assert!(
            text.contains(&format!(
                "countersign_proxy_api_circuit{{section=\"vpn\",host=\"{host}\",state=\"closed\"}} 1"
            ))
        );
        assert!(text.contains(&format!("countersign_proxy_api_host_in_use{{section=\"vpn\",host=\"{host}\"}} 1")));
        assert!(text.contains("countersign_proxy_failmode_in_force{section=\"vpn\",failmode=\"safe\"} 0"), "{text}");
        assert_eq!(servers[0]["now"], "the server is asked");
        let request = Request::of_application("alice", ([192, 0, 2, 1], 1).into());
        while !api.is_away() {
            let answer = tokio::time::timeout(Duration::from_secs(30), api.preauth(&request, false)).await.unwrap();
            assert_eq!(answer, Err(Outage::Away));
        }
        let (text, problems, servers) = look();
        assert!(text.contains("state=\"open\"} 1") && !text.contains("state=\"closed\""), "{text}");
        assert!(text.contains(&format!("countersign_proxy_api_host_in_use{{section=\"vpn\",host=\"{host}\"}} 0")));
        assert!(text.contains("countersign_proxy_failmode_in_force{section=\"vpn\",failmode=\"safe\"} 1"), "{text}");
        let expected = "no host of the API answers; for now: the first factor alone lets in (failmode=safe)";
        assert_eq!(problems, [("server of [vpn]".to_owned(), expected.to_owned())]);
        assert_eq!(servers[0]["hosts"][0]["circuit"], "open");
        // A section that is no more shows nothing.
        standing.refresh(&metrics, &health, Vec::new());
        assert!(!metrics.render().contains("section=\"vpn\""), "{}", metrics.render());
    }

    #[test]
    fn a_server_that_answers_probes_is_well() {
        let health = Health::default();
        health.set(&part("vpn"), Some("the server did not answer the last call"));
        let hosts = |circuit| vec![("h".to_owned(), circuit)];
        note(&health, "vpn", FailMode::Safe, &hosts(Circuit::Closed { failures: 0 }), Some("h"));
        assert_eq!(health.problems().len(), 1, "it answers at once, and nothing of use");
        note(&health, "vpn", FailMode::Safe, &hosts(Circuit::HalfOpen { wait: Duration::from_secs(1) }), Some("h"));
        assert!(health.problems().is_empty());
    }
}
