//! Parsing of single values, from TOML or from the text of an environment variable.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::PublicHost;

/// A value as written. An environment variable is always [`Raw::Text`].
#[derive(Debug, Clone)]
pub(crate) enum Raw {
    Text(String),
    Number(i64),
    List(Vec<String>),
}

/// Why a value does not fit its key. The text continues "`key` …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    #[error("must be {0}")]
    Expected(&'static str),
    #[error("must be between {min} and {max}")]
    OutOfRange { min: i64, max: i64 },
    #[error("has `{0}`, which is not an address or network such as 10.0.0.0/8")]
    Network(String),
    #[error("has `{0}`, which is not a host name (letters, digits, hyphens and dots; clients refuse bare addresses)")]
    HostName(String),
}

impl Raw {
    pub(crate) fn text(self) -> Result<String, ValueError> {
        match self {
            Self::Text(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
            Self::Text(_) | Self::Number(_) | Self::List(_) => Err(ValueError::Expected("a text in quotes, not empty")),
        }
    }

    pub(crate) fn number(self, min: i64, max: i64) -> Result<i64, ValueError> {
        let number = match self {
            Self::Number(number) => number,
            Self::Text(text) => text.trim().parse().map_err(|_| ValueError::Expected("a whole number"))?,
            Self::List(_) => return Err(ValueError::Expected("a whole number")),
        };
        if (min..=max).contains(&number) { Ok(number) } else { Err(ValueError::OutOfRange { min, max }) }
    }

    pub(crate) fn size(self, min: i64, max: i64) -> Result<usize, ValueError> {
        let number = self.number(min, max)?;
        usize::try_from(number).map_err(|_| ValueError::OutOfRange { min, max })
    }

    /// Seconds as a number, or a text such as "90s" or "5m".
    pub(crate) fn duration(self, min: Duration, max: Duration) -> Result<Duration, ValueError> {
        const SHAPE: ValueError =
            ValueError::Expected("a duration: seconds as a number, or a text such as \"90s\" or \"5m\"");
        let duration = match self {
            Self::Number(seconds) => Duration::from_secs(u64::try_from(seconds).map_err(|_| SHAPE)?),
            Self::Text(text) => match text.trim().parse::<u64>() {
                Ok(seconds) => Duration::from_secs(seconds),
                Err(_) => {
                    let signed: jiff::SignedDuration = text.trim().parse().map_err(|_| SHAPE)?;
                    Duration::try_from(signed).map_err(|_| SHAPE)?
                }
            },
            Self::List(_) => return Err(SHAPE),
        };
        if duration < min || duration > max {
            let seconds = |d: Duration| i64::try_from(d.as_secs()).unwrap_or(i64::MAX);
            return Err(ValueError::OutOfRange { min: seconds(min), max: seconds(max) });
        }
        Ok(duration)
    }

    pub(crate) fn address(self) -> Result<SocketAddr, ValueError> {
        self.text()?
            .parse()
            .map_err(|_| ValueError::Expected("an address with a port, such as \"0.0.0.0:443\" or \"[::]:443\""))
    }

    pub(crate) fn path(self) -> Result<PathBuf, ValueError> {
        Ok(PathBuf::from(self.text()?))
    }

    /// A list; from the environment its items are separated by commas.
    pub(crate) fn list(self) -> Result<Vec<String>, ValueError> {
        match self {
            Self::List(items) => Ok(items),
            Self::Text(text) => {
                Ok(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
            }
            Self::Number(_) => Err(ValueError::Expected("a list of texts")),
        }
    }

    pub(crate) fn networks(self) -> Result<Vec<IpNet>, ValueError> {
        let network = |item: String| {
            item.parse::<IpNet>()
                .or_else(|_| item.parse::<std::net::IpAddr>().map(IpNet::from))
                .map_err(|_| ValueError::Network(item))
        };
        self.list()?.into_iter().map(network).collect()
    }

    /// Origins as browsers write them: `https://host` or `https://host:port`.
    pub(crate) fn origins(self) -> Result<Vec<String>, ValueError> {
        let list = self.list()?;
        // The one judge of origins is the one that will use them.
        match cs_engine::passkeys::RelyingParty::new("localhost", &[], &list) {
            Ok(_) => Ok(list),
            Err(_) => Err(ValueError::Expected("a list of origins: \"https://host\" or \"https://host:port\"")),
        }
    }

    pub(crate) fn host_name(self) -> Result<String, ValueError> {
        host_name(&self.text()?)
    }

    pub(crate) fn public_host(self) -> Result<PublicHost, ValueError> {
        let text = self.text()?;
        match text.rsplit_once(':') {
            None => Ok(PublicHost { name: host_name(&text)?, port: None }),
            Some((name, port)) => {
                let port = port.parse::<u16>().ok().filter(|port| *port > 0);
                let port = port.ok_or(ValueError::Expected("a host name, or `name:port`"))?;
                Ok(PublicHost { name: host_name(name)?, port: Some(port) })
            }
        }
    }
}

/// A DNS name in lower case. Bare addresses are refused: several clients do not accept a certificate for one.
pub(crate) fn host_name(text: &str) -> Result<String, ValueError> {
    let name = text.to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_address = name.parse::<std::net::IpAddr>().is_ok();
    if name.len() <= 253 && !is_address && name.split('.').all(label) {
        Ok(name)
    } else {
        Err(ValueError::HostName(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Raw {
        Raw::Text(value.to_owned())
    }

    #[test]
    fn durations_are_seconds_or_text() {
        let parse = |raw: Raw| raw.duration(Duration::from_secs(1), Duration::from_secs(600));
        assert_eq!(parse(Raw::Number(90)), Ok(Duration::from_secs(90)));
        assert_eq!(parse(text("90")), Ok(Duration::from_secs(90)));
        assert_eq!(parse(text("5m")), Ok(Duration::from_secs(300)));
        assert_eq!(parse(Raw::Number(0)), Err(ValueError::OutOfRange { min: 1, max: 600 }));
        assert!(parse(text("-5s")).is_err());
        assert!(parse(text("soon")).is_err());
    }

    #[test]
    fn hosts_are_dns_names() {
        assert_eq!(text("API.Example.com").host_name(), Ok("api.example.com".to_owned()));
        for bad in ["192.0.2.1", "a..b", "-a.example", "exa mple", "[::1]", ""] {
            assert!(text(bad).host_name().is_err(), "{bad}");
        }
        assert_eq!(
            text("a.example:8443").public_host(),
            Ok(PublicHost { name: "a.example".to_owned(), port: Some(8443) })
        );
        assert!(text("a.example:0").public_host().is_err());
    }

    #[test]
    fn networks_may_be_single_addresses() {
        let networks = text("10.0.0.0/8, 192.0.2.7,::1").networks().unwrap();
        assert_eq!(networks.len(), 3);
        assert_eq!(text("10.0.0.0/33").networks(), Err(ValueError::Network("10.0.0.0/33".to_owned())));
    }
}
