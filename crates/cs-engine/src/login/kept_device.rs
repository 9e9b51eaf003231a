//! What was seen of the access device, kept with a push: whoever answers it is judged, and logged, by the facts it was opened with.

use cs_core::policy::facts::{Client, Endpoint, Posture};
use cs_core::policy::{Os, Version, Word};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::AccessDevice;

/// As it is kept.
pub(super) fn to_json(device: &AccessDevice) -> Json {
    json!({
        "browser": device.browser.map(client),
        "os": device.os.map(client),
        "endpoint": device.endpoint.as_str(),
        "posture": device.posture.as_ref().map(|posture| json!({
            "os": client(Client { product: posture.os, version: posture.os_version }),
            "encryption": posture.encryption,
            "firewall": posture.firewall,
            "system_password": posture.system_password,
            "security_agents": posture.security_agents,
            "signature": posture.signature,
            "pinned": posture.pinned,
            "collected_at": posture.collected_at.as_millisecond(),
        })),
    })
}

/// As it was. What cannot be read is unknown, and silence counts against the device.
pub(super) fn from_json(kept: &Json) -> AccessDevice {
    AccessDevice {
        browser: read_client(&kept["browser"]),
        os: read_client(&kept["os"]),
        endpoint: kept["endpoint"].as_str().and_then(Endpoint::parse).unwrap_or(Endpoint::Unknown),
        posture: read_posture(&kept["posture"]),
    }
}

fn client<T: Word>(client: Client<T>) -> Json {
    json!({"product": client.product.as_str(), "version": client.version.map(|version| version.to_string())})
}

fn read_client<T: Word>(kept: &Json) -> Option<Client<T>> {
    let product = kept["product"].as_str().and_then(T::parse)?;
    Some(Client { product, version: kept["version"].as_str().and_then(Version::parse) })
}

fn read_posture(kept: &Json) -> Option<Posture> {
    let os: Client<Os> = read_client(&kept["os"])?;
    let flag = |name: &str| kept[name].as_bool();
    let agents = kept["security_agents"].as_array().map_or(&[][..], Vec::as_slice);
    Some(Posture {
        os: os.product,
        os_version: os.version,
        encryption: flag("encryption"),
        firewall: flag("firewall"),
        system_password: flag("system_password"),
        security_agents: agents.iter().filter_map(|agent| agent.as_str().map(str::to_owned)).collect(),
        signature: flag("signature"),
        pinned: flag("pinned"),
        collected_at: Timestamp::from_millisecond(kept["collected_at"].as_i64()?).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use cs_core::policy::Browser;

    use super::*;

    fn device() -> AccessDevice {
        let version = Version::parse("130.0.6723.92");
        AccessDevice {
            browser: Some(Client { product: Browser::Chrome, version }),
            os: Some(Client { product: Os::Windows, version: None }),
            endpoint: Endpoint::NotManaged,
            posture: Some(Posture {
                os: Os::Windows,
                os_version: Version::parse("10.0.22631"),
                encryption: Some(true),
                firewall: Some(false),
                system_password: None,
                security_agents: vec!["windows-defender".to_owned()],
                signature: Some(true),
                pinned: Some(false),
                collected_at: Timestamp::from_millisecond(1_790_000_000_123).unwrap(),
            }),
        }
    }

    #[test]
    fn every_fact_comes_back() {
        assert_eq!(from_json(&to_json(&device())), device());
        for endpoint in Endpoint::ALL {
            let device = AccessDevice { endpoint: *endpoint, ..device() };
            assert_eq!(from_json(&to_json(&device)), device);
        }
        let nothing = AccessDevice { browser: None, os: None, endpoint: Endpoint::Unknown, posture: None };
        assert_eq!(from_json(&to_json(&nothing)), nothing);
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let nothing = AccessDevice { browser: None, os: None, endpoint: Endpoint::Unknown, posture: None };
        for kept in
            [json!({}), json!("x"), json!({"browser": {"product": "mosaic"}, "endpoint": "fine", "posture": {"os": 1}})]
        {
            assert_eq!(from_json(&kept), nothing, "{kept}");
        }
    }
}
