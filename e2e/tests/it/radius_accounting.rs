//! Accounting on its way through the proxy to FreeRADIUS, which is away for a while.

use e2e::radius::ise::{Ise, account, radclient};
use e2e::radius::{DEVICE_SECRET, RadiusProxy, network_config};
use e2e::{Network, Site};

fn record(id: &str, more: &str) -> String {
    format!("Acct-Status-Type=Start\nAcct-Session-Id={id}\nUser-Name=alice\nNAS-IP-Address=10.0.0.9\n{more}")
}

fn taken(id: &str, more: &str) {
    let answer = account(&record(id, more));
    assert!(answer.contains("Received Accounting-Response"), "{id}: {answer}");
}

#[test]
fn accounting_waits_on_the_disk_while_its_server_is_away_and_the_proxy_is_killed() {
    Network::new().within(|| {
        let site = Site::start();
        let mut ise = Ise::start("", &[]);
        let sections = "[radius_acct]\nupstream_port=21813\n";
        let text = network_config(&site, &site.integration("radius"), "radius_server_auto", "", sections);
        let text = text.replace("[radius_client]", "[radius_client]\nretries=1\nretry_wait=1");
        let proxy = RadiusProxy::configured(&text, 1812);
        taken("A1", "Proxy-State=0x07\n");
        ise.says("Acct-Session-Id = \"A1\"");
        ise.stop();
        taken("A2", "Acct-Delay-Time=100\n");
        for id in ["A3", "A4"] {
            taken(id, "");
        }
        proxy.says("the server takes no accounting");
        // As `kill -9` does: nothing is written down any more.
        let proxy = proxy.again(&text);
        for id in ["A5", "A6"] {
            taken(id, "");
        }
        // The device has not heard the answer, and sends it again in another packet; also before the proxy was killed.
        taken("A6", "Acct-Delay-Time=5000\n");
        taken("A4", "Acct-Delay-Time=5000\n");
        taken("A7", "");
        ise.go();
        ise.says("Acct-Session-Id = \"A7\"");
        // What was delivered just before the end may come once more, and so may what FreeRADIUS was slow to answer.
        let mut ids: Vec<String> = Vec::new();
        for id in ise.accounted("Acct-Session-Id") {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        assert_eq!(ids, ["A1", "A2", "A3", "A4", "A5", "A6", "A7"], "{}", proxy.log());
        let delays: Vec<u32> = ise.accounted("Acct-Delay-Time").iter().map(|delay| delay.parse().unwrap()).collect();
        assert!(delays.iter().any(|delay| *delay >= 100), "the device's own delay stays in it: {delays:?}");
        assert!(delays.iter().all(|delay| *delay < 5000), "what was kept already is not given on: {delays:?}");
        assert!(ise.accounted("NAS-IP-Address").iter().all(|address| address == "10.0.0.9"));
        assert!(ise.accounted("Proxy-State").is_empty());
        // Whoever asks whether the proxy is there.
        let alive = radclient("Message-Authenticator=0x00\n", 1813, "status", DEVICE_SECRET);
        assert!(alive.contains("Received Accounting-Response"), "{alive}");
    });
}
