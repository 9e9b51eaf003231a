//! What every server section says about the server that it asks.

use std::time::Duration;

use zeroize::Zeroizing;

use super::main_section::{HttpProxyAddress, Main};
use super::reader::Reader;
use super::word::words;

words! {
    /// What happens when nobody can be asked for the second factor.
    FailMode {
        /// The first factor is enough.
        Safe = "safe",
        /// Nobody is let in.
        Secure = "secure",
        /// Codes are checked here, with what was fetched while the server could be asked.
        Offline = "offline",
    }
}

words! {
    /// A second factor that may be asked for without being named.
    Factor {
        /// What the server takes for the best.
        Auto = "auto",
        /// A push.
        Push = "push",
        /// A call.
        Phone = "phone",
        /// A code, which is asked for.
        Passcode = "passcode",
    }
}

/// The application that a section is, and the server that knows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Application {
    /// Its integration key.
    pub ikey: String,
    /// Its secret key.
    pub skey: Zeroizing<String>,
    /// Hosts in the order in which they are tried.
    pub api_hosts: Vec<String>,
    /// Of each host that names none.
    pub api_port: u16,
    /// For one call, the wait for a person included; none is until the device gives up.
    pub api_timeout: Option<Duration>,
    /// See [`FailMode`].
    pub failmode: FailMode,
    /// On the way to the server.
    pub http_proxy: Option<HttpProxyAddress>,
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { ikey, api_hosts, failmode, .. } = self;
        write!(f, "{ikey} at {} ({failmode:?})", api_hosts.join(", "))
    }
}

impl Application {
    /// `ikey`, `skey`, `api_host`, … of a server section.
    pub(super) fn read(reader: &Reader<'_>, main: &Main) -> Option<Self> {
        let (ikey, skey) = (reader.required("ikey"), reader.required_secret("skey"));
        keys_have_their_lengths(reader, ("ikey", ikey.as_deref()), ("skey", skey.as_deref().map(String::as_str)));
        let mut api_hosts: Vec<String> = reader.required("api_host").into_iter().collect();
        api_hosts
            .extend(reader.numbers("api_host").iter().filter_map(|number| reader.plain(&format!("api_host_{number}"))));
        api_hosts.iter().for_each(|host| is_api_host(reader, host));
        let seconds: u64 = reader.number("api_timeout", 0, 0..=3600);
        Some(Self {
            api_port: reader.number("api_port", 443, 1..=u16::MAX),
            api_timeout: (seconds > 0).then(|| Duration::from_secs(seconds)),
            failmode: reader.word("failmode", FailMode::Safe),
            http_proxy: HttpProxyAddress::read(reader).or_else(|| main.http_proxy.clone()),
            ikey: ikey?,
            skey: skey?,
            api_hosts: Some(api_hosts).filter(|hosts| !hosts.is_empty())?,
        })
    }
}

/// Notes keys of other lengths than the server's. The values are not told: what stands as `ikey` may be the secret.
pub(super) fn keys_have_their_lengths(
    reader: &Reader<'_>,
    (ikey_name, ikey): (&str, Option<&str>),
    (skey_name, skey): (&str, Option<&str>),
) {
    let (ikey, skey) = (ikey.map(|key| key.chars().count()), skey.map(|key| key.chars().count()));
    if (ikey, skey) == (Some(40), Some(20)) {
        reader.error(ikey_name, format!("{ikey_name} and {skey_name} are exchanged: the longer one is {skey_name}"));
        return;
    }
    if let Some(count) = ikey.filter(|count| *count != 20) {
        reader.warning(ikey_name, format!("an integration key has 20 characters, and this one {count}"));
    }
    if skey.is_some_and(|count| count != 40) {
        reader.warning(skey_name, "a secret key has 40 characters; is this one whole?");
    }
}

/// Notes a host of the API that is none: it may have a port, and nothing else.
pub(super) fn is_api_host(reader: &Reader<'_>, host: &str) {
    if host.contains(['/', '@', '?', '#', '"', '\'', ' ']) {
        reader.error("api_host", format!("api_host is a name alone, without https:// or a path: {host:?}"));
    }
}

/// How a factor may be typed behind the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// Between password and factor.
    pub delimiter: String,
    /// The password's length, where there is no delimiter.
    pub password_length: Option<usize>,
}

impl Append {
    /// `delimiter` and `delimited_password_length`.
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        // A comma alone is the usual one; `delimeter` is a misspelling that was taken for years.
        let delimiter =
            reader.plain("delimiter").or_else(|| reader.plain("delimeter")).unwrap_or_else(|| ",".to_owned());
        let length: usize = reader.number("delimited_password_length", 0, 0..=128);
        Self { delimiter, password_length: (length > 0).then_some(length) }
    }
}

/// `factors`, in the order of preference.
pub(super) fn factors(reader: &Reader<'_>) -> Vec<Factor> {
    use super::word::Word as _;
    let words = reader.list("factors");
    if words.is_empty() {
        return vec![Factor::Auto];
    }
    let known = |word: &String| {
        let factor = Factor::of(word);
        if factor.is_none() {
            reader.error("factors", format!("factors are {}, not {word:?}", Factor::choices()));
        }
        factor
    };
    words.iter().filter_map(known).collect()
}
