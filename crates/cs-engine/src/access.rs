//! Who asks, and from where.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cs_core::integration::Integration;
use cs_core::network::machine_of;
use cs_core::policy::facts::{Client, Endpoint, Posture};
use cs_core::policy::{Browser, Os};
use cs_store::accounts::Account;

/// Whether whoever sent a request can still be told its answer.
///
/// A request sent again may join the first only if the first one's connection died before its answer was given: after that, the same bytes are another login.
#[derive(Debug, Clone)]
pub struct Liveness {
    connection: Arc<AtomicBool>,
    answered: Arc<AtomicBool>,
}

impl Liveness {
    /// Watches `alive`, which whoever owns the connection sets to false at its end.
    pub fn watching(alive: Arc<AtomicBool>) -> Self {
        Self { connection: alive, answered: Arc::default() }
    }

    /// A connection that never ends, for callers inside the process.
    pub fn forever() -> Self {
        Self::watching(Arc::new(AtomicBool::new(true)))
    }

    /// The answer is on its way: from now on nobody may join.
    pub fn answered(&self) {
        self.answered.store(true, Ordering::Release);
    }

    /// Whether its connection is alive. After its end nothing changes any more.
    pub(crate) fn is_connected(&self) -> bool {
        self.connection.load(Ordering::Acquire)
    }

    /// Whether the request died without an answer.
    pub fn died(&self) -> bool {
        !self.connection.load(Ordering::Acquire) && !self.answered.load(Ordering::Acquire)
    }
}

/// Which door a login came through; the log's and the lockout matrix's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Surface {
    /// Auth API v2.
    AuthV2,
    /// REST v1.
    RestV1,
    /// The prompt: a person in a browser.
    Prompt,
}

impl Surface {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthV2 => "auth_v2",
            Self::RestV1 => "rest_v1",
            Self::Prompt => "prompt",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::AuthV2, Self::RestV1, Self::Prompt].into_iter().find(|surface| surface.as_str() == word)
    }
}

/// A way in: what a client calls to have somebody let in or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryPath {
    /// The door it belongs to.
    pub surface: Surface,
    /// The route, without the ending that names a format.
    pub route: &'static str,
    /// What is asked for there.
    pub ask: Ask,
}

/// What is asked for at a way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// May this user in at all.
    Preauth,
    /// A passcode is judged.
    Passcode,
    /// A passcode in answer to the text menu.
    Menu,
    /// A push.
    Push,
    /// Whatever is the user's default.
    Auto,
    /// What a security key answers is judged.
    Key,
    /// The code of a login that is decided becomes somebody's session.
    Redeem,
}

/// Every way in. A test tries each with every standing of a user and every denial of a policy, and fails on a route of a login API that is in no list.
pub const ENTRY_PATHS: &[EntryPath] = &[
    EntryPath { surface: Surface::AuthV2, route: "/auth/v2/preauth", ask: Ask::Preauth },
    EntryPath { surface: Surface::AuthV2, route: "/auth/v2/auth", ask: Ask::Passcode },
    EntryPath { surface: Surface::AuthV2, route: "/auth/v2/auth", ask: Ask::Menu },
    EntryPath { surface: Surface::AuthV2, route: "/auth/v2/auth", ask: Ask::Push },
    EntryPath { surface: Surface::AuthV2, route: "/auth/v2/auth", ask: Ask::Auto },
    EntryPath { surface: Surface::RestV1, route: "/rest/v1/preauth", ask: Ask::Preauth },
    EntryPath { surface: Surface::RestV1, route: "/rest/v1/auth", ask: Ask::Passcode },
    EntryPath { surface: Surface::RestV1, route: "/rest/v1/auth", ask: Ask::Menu },
    EntryPath { surface: Surface::RestV1, route: "/rest/v1/auth", ask: Ask::Push },
    EntryPath { surface: Surface::Prompt, route: "/frame/prompt/{prompt_id}/begin", ask: Ask::Auto },
    EntryPath { surface: Surface::Prompt, route: "/frame/prompt/{prompt_id}/choose", ask: Ask::Push },
    EntryPath { surface: Surface::Prompt, route: "/frame/prompt/{prompt_id}/key", ask: Ask::Key },
    EntryPath { surface: Surface::Prompt, route: "/frame/prompt/{prompt_id}/passcode", ask: Ask::Passcode },
    EntryPath { surface: Surface::Prompt, route: "/frame/prompt/{prompt_id}/trust", ask: Ask::Preauth },
    EntryPath { surface: Surface::Prompt, route: "/oauth/v1/token", ask: Ask::Redeem },
    EntryPath { surface: Surface::Prompt, route: "/portal/enter", ask: Ask::Redeem },
    EntryPath { surface: Surface::Prompt, route: "/frame/web/v1/result", ask: Ask::Redeem },
];

/// An authenticated caller: an integration of an account, through one surface, on one connection.
#[derive(Clone)]
pub struct Caller {
    /// The account.
    pub account: Arc<Account>,
    /// The integration whose signature was checked.
    pub integration: Arc<Integration>,
    /// The door.
    pub surface: Surface,
    /// The connection.
    pub connection: Liveness,
    /// Whether the signature carried no date; marked in the log.
    pub legacy_signature: bool,
}

/// The device from which the user logs in, as far as the caller knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Its address.
    pub address: Option<IpAddr>,
    /// The host that is logged in to.
    pub hostname: Option<String>,
    /// What the caller saw of the device, if it saw it.
    pub device: Option<Box<AccessDevice>>,
}

/// A browser, and what the desktop agent beside it reported. Where a caller tells of one, silence counts against the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessDevice {
    /// The browser, as it describes itself.
    pub browser: Option<Client<Browser>>,
    /// The operating system, as the browser describes it.
    pub os: Option<Client<Os>>,
    /// Whether it is a managed device.
    pub endpoint: Endpoint,
    /// The agent's last report.
    pub posture: Option<Posture>,
}

impl Access {
    /// The text that names the source in slots and cool-downs: the machine's address ([`machine_of`]), or nothing.
    pub fn source(&self) -> String {
        self.address.map(|address| machine_of(address).to_string()).unwrap_or_default()
    }
}
