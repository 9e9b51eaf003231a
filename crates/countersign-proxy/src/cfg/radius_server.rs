//! `[radius_server_…]`: devices ask here by RADIUS.

use std::path::PathBuf;
use std::time::Duration;

use cs_radius::{Secret, dictionary};

use super::application::{Append, Application, Factor, factors};
use super::client::{Demand, PassThrough, TlsFiles, pw_codec, unknown_attribute};
use super::ldap_server::{TlsVersion, minimum_tls};
use super::main_section::Main;
use super::network::AddressRange;
use super::reader::Reader;
use super::rules::{BypassRule, ReplyRule};
use super::word::words;

/// A section of this kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RadiusServer {
    /// Its name, for logs.
    pub name: String,
    /// How the second factor is asked for.
    pub mode: Mode,
    /// The application it is.
    pub application: Application,
    /// Who may ask.
    pub devices: Vec<Device>,
    /// The client section it asks; resolved when the whole file was read.
    pub client: Option<String>,
    /// Where it listens; every address unless given.
    pub interface: Option<String>,
    /// UDP.
    pub port: u16,
    /// Also by TLS (RFC 6614): where, and with which certificates.
    pub tls: Option<(u16, TlsFiles)>,
    /// Names that need no second factor, as they are sent.
    pub exempt_usernames: Vec<String>,
    /// Attributes of the request that travel on.
    pub pass_through: PassThrough,
    /// Where the person's address is.
    pub client_ip_attr: (Option<u32>, u8),
    /// Encoding of passwords.
    pub pw_codec: String,
    /// Whether requests must carry a Message-Authenticator.
    pub require_message_authenticator: Demand,
    /// Whether a Proxy-State without Message-Authenticator is refused.
    pub limit_proxy_state: Demand,
    /// When a second packet is the same login.
    pub coalesce: Coalesce,
    /// Whether downloads of access lists travel on.
    pub relays_dacl: bool,
    /// What is added to answers, and for whom.
    pub reply_rules: Vec<ReplyRule>,
    /// What travels on without being a login.
    pub bypass_rules: Vec<BypassRule>,
}

/// How the second factor is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// By itself, or as the person appends.
    Auto {
        /// In the order of preference.
        factors: Vec<Factor>,
        /// A factor behind the password.
        append: Option<Append>,
        /// People who must enroll see how.
        enroll: Enroll,
        /// A code is asked for when a push gets no answer for so long.
        fallback: Option<Duration>,
    },
    /// By a menu.
    Challenge {
        /// How it looks.
        prompt_format: PromptFormat,
        /// People who must enroll see how.
        enroll: Enroll,
        /// It was `[radius_server_iframe]`, whose pages are no more.
        was_iframe: bool,
    },
    /// Behind the password, always.
    Concat(Append),
    /// The password is the factor.
    DuoOnly,
    /// Inside EAP, which ends here.
    Eap {
        /// What people see.
        prompt: String,
        /// In the order of preference.
        factors: Vec<Factor>,
        /// A factor behind the password.
        append: Option<Append>,
        /// The factor is chosen from a menu, where one can be shown.
        menu: bool,
        /// Our certificates.
        certificates: PathBuf,
        /// Their key.
        key: PathBuf,
        /// The least version of TLS.
        minimum: TlsVersion,
    },
}

words! {
    /// How a menu looks.
    PromptFormat {
        /// Lines of text.
        Console = "console",
        /// Lines with `<br>`.
        Html = "html",
        /// One line.
        Short = "short",
    }
}

words! {
    /// How people learn that they must enroll.
    Enroll {
        /// By the text of the refusal, which few devices show.
        Reject = "reject",
        /// By a challenge, which nearly all show.
        Challenge = "challenge",
    }
}

words! {
    /// When a second packet is the same login.
    Coalesce {
        /// Same person from the same station with the same password.
        Strict = "strict",
        /// Same person with the same password.
        Loose = "loose",
        /// Never.
        Off = "off",
    }
}

/// Who may ask, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its addresses.
    pub range: AddressRange,
    /// Shared with it.
    pub secret: Secret,
    /// How long it waits for an answer.
    pub nas_timeout: Duration,
    /// Where it takes disconnects.
    pub coa_port: u16,
}

impl RadiusServer {
    /// Reads a section; `kind` is its name without the number. `None` where something needed is missing, which is noted.
    pub(super) fn read(kind: &str, reader: &Reader<'_>, main: &Main) -> Option<Self> {
        let application = Application::read(reader, main);
        let mode = mode(kind, reader);
        let devices = devices(reader);
        let tls =
            reader.has("tls_port").then(|| (reader.number("tls_port", 2083, 1..=u16::MAX), TlsFiles::read(reader)));
        let exempt = reader.gapless("exempt_username", 1);
        let exempt_usernames =
            exempt.iter().filter_map(|number| reader.plain(&format!("exempt_username_{number}"))).collect();
        let demand = reader.word("require_message_authenticator", Demand::Auto);
        let forced = reader.flag("force_message_authenticator", false);
        Some(Self {
            name: reader.name().to_owned(),
            client: reader.plain("client"),
            interface: reader.plain("interface").or_else(|| main.interface.clone()),
            port: reader.number("port", 1812, 1..=u16::MAX),
            tls: tls.and_then(|(port, files)| Some((port, files?))),
            pass_through: PassThrough::read(reader),
            client_ip_attr: client_ip_attr(reader),
            pw_codec: pw_codec(reader),
            require_message_authenticator: if forced { Demand::Yes } else { demand },
            limit_proxy_state: reader.word("limit_proxy_state", Demand::Auto),
            coalesce: reader.word("coalesce", Coalesce::Strict),
            relays_dacl: reader.word("dacl", Dacl::Relay) == Dacl::Relay,
            reply_rules: ReplyRule::read_all(reader),
            bypass_rules: BypassRule::read_all(reader),
            exempt_usernames,
            application: application?,
            mode: mode?,
            devices: Some(devices).filter(|devices| !devices.is_empty())?,
        })
    }
}

words! {
    /// What happens to a device's wish for an access list.
    Dacl {
        /// It travels to who named the list.
        Relay = "relay",
        /// It is a login like others, and fails.
        Off = "off",
    }
}

fn mode(kind: &str, reader: &Reader<'_>) -> Option<Mode> {
    Some(match kind {
        "radius_server_auto" => Mode::Auto {
            factors: factors(reader),
            append: append(reader, true),
            enroll: reader.word("enroll", Enroll::Reject),
            fallback: fallback(reader),
        },
        "radius_server_concat" => Mode::Concat(Append::read(reader)),
        "radius_server_duo_only" => Mode::DuoOnly,
        "radius_server_eap" => Mode::Eap {
            prompt: reader.plain("prompt").unwrap_or_else(|| "Enter your password: ".to_owned()),
            factors: factors(reader),
            append: append(reader, false),
            menu: reader.flag("menu", false),
            certificates: needed_path(reader, "certs")?,
            key: needed_path(reader, "pkey")?,
            minimum: minimum_tls(reader),
        },
        _ => challenge(kind, reader),
    })
}

fn challenge(kind: &str, reader: &Reader<'_>) -> Mode {
    let was_iframe = kind == "radius_server_iframe";
    if was_iframe {
        reader.warning(
            "",
            "the pages of radius_server_iframe are no more: it asks by a menu, as radius_server_challenge does",
        );
        for key in ["type", "iframe_script_uri", "script_inject"] {
            reader.has(key);
        }
    }
    let enroll = if reader.flag("enroll_challenge", true) { Enroll::Challenge } else { Enroll::Reject };
    Mode::Challenge { prompt_format: reader.word("prompt_format", PromptFormat::Console), enroll, was_iframe }
}

/// `allow_concat`, once called `concat_mode`.
fn append(reader: &Reader<'_>, usual: bool) -> Option<Append> {
    let old = reader.flag("concat_mode", usual);
    let append = Append::read(reader);
    reader.flag("allow_concat", old).then_some(append)
}

fn fallback(reader: &Reader<'_>) -> Option<Duration> {
    let wanted = reader.word("fallback", Fallback::None);
    let after = Duration::from_secs(reader.number("fallback_after", 25, 1..=60));
    (wanted == Fallback::Challenge).then_some(after)
}

words! {
    /// What happens when a push gets no answer.
    Fallback {
        /// The login fails.
        None = "none",
        /// A code is asked for.
        Challenge = "challenge",
    }
}

fn needed_path(reader: &Reader<'_>, key: &str) -> Option<PathBuf> {
    reader.required(key)?;
    reader.path(key)
}

fn devices(reader: &Reader<'_>) -> Vec<Device> {
    for key in ["radius_ip", "radius_secret"] {
        if reader.has(key) {
            reader.error(key, format!("{key} has a number, also the first: {key}_1"));
        }
    }
    let numbers = reader.numbers("radius_ip");
    if numbers.is_empty() {
        reader.error("radius_ip_1", format!("[{}] needs radius_ip_1 and radius_secret_1: who may ask", reader.name()));
    }
    for number in reader.numbers("radius_secret").iter().filter(|number| !numbers.contains(number)) {
        let key = format!("radius_secret_{number}");
        reader.secret(&key);
        reader.error(&key, format!("{key} is for no radius_ip_{number}"));
    }
    numbers.iter().filter_map(|number| device(reader, *number)).collect()
}

fn device(reader: &Reader<'_>, number: u32) -> Option<Device> {
    let key = format!("radius_ip_{number}");
    let text = reader.plain(&key);
    let range = text.and_then(|text| {
        AddressRange::parse(&text).map_err(|error| reader.error(&key, format!("{key}: {error}"))).ok()
    });
    let secret_key = format!("radius_secret_{number}");
    let secret = reader.required_secret(&secret_key);
    if secret.as_ref().is_some_and(|secret| secret.len() < 12) {
        reader.warning(
            &secret_key,
            format!("{secret_key} has less than 12 characters and can be guessed from one packet"),
        );
    }
    let seconds = reader.number(&format!("nas_timeout_{number}"), 55, 1..=600);
    let coa_port = reader.number(&format!("coa_port_{number}"), 3799, 1..=u16::MAX);
    if seconds < 20 {
        let key = format!("nas_timeout_{number}");
        reader.warning(
            &key,
            format!("people rarely answer a push within {seconds} s; 60 s and one try at the device are usual"),
        );
    }
    Some(Device {
        range: range?,
        secret: Secret::new(secret?.as_bytes().to_vec()),
        nas_timeout: Duration::from_secs(seconds),
        coa_port,
    })
}

fn client_ip_attr(reader: &Reader<'_>) -> (Option<u32>, u8) {
    let key = "client_ip_attr";
    let usual = (None, cs_radius::kind::CALLING_STATION_ID);
    let Some(name) = reader.plain(key) else { return usual };
    let name = if name.eq_ignore_ascii_case("paloalto") { "PaloAlto-Client-Source-IP" } else { &name };
    let Some(entry) = dictionary::by_name(name) else {
        reader.error(key, unknown_attribute(name));
        return usual;
    };
    (entry.vendor, entry.kind)
}
