//! What a command says when it does not do what it was told.

use countersign_device::clean;
use cs_engine::EngineError;
use cs_engine::directories::DirectoryError;
use cs_engine::policy::PolicyError;
use cs_store::StoreError;

use crate::cli;

/// There is no such object.
const NOT_FOUND: u8 = 3;
/// There is one already.
const EXISTS: u8 = 4;

/// The most faults of one file that are told.
const MOST_FAULTS: usize = 100;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub(super) enum AdminError {
    #[error("there is no {what} {given}{}", hint(.suggestion.as_deref()))]
    NoSuch { what: &'static str, given: String, suggestion: Option<String> },
    #[error("there is no {what} {given}; there are: {names}")]
    NoneOf { what: &'static str, given: String, names: String },
    #[error("{given} names more than one {what}: use an id ({ids})")]
    Ambiguous { what: &'static str, given: String, ids: String },
    /// Of a setting, or of one of a few words.
    #[error("the value of {name} is not valid: expected {expected}")]
    Value { name: &'static str, expected: String },
    #[error("{argument}: {problem}")]
    Usage { argument: &'static str, problem: &'static str },
    #[error("{0} To go ahead without being asked, add --yes.")]
    NotConfirmed(String),
    #[error("{0}")]
    Refused(String),
    /// What is wrong with a file, a line each.
    #[error("nothing was done: {}", .0.join("; "))]
    BadLines(Vec<String>),
    #[error("cannot read {name}")]
    Read {
        name: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{name} is not JSON")]
    NotJson {
        name: String,
        #[source]
        source: serde_json::Error,
    },
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Never [`DirectoryError::Engine`].
    #[error(transparent)]
    Directory(DirectoryError),
    /// Never [`PolicyError::Engine`] or [`PolicyError::NoSuch`], which are the same as here.
    #[error(transparent)]
    Policy(PolicyError),
}

impl From<PolicyError> for AdminError {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::Engine(error) => Self::Engine(error),
            PolicyError::NoSuch { what, given } => Self::NoSuch { what, given, suggestion: None },
            other => Self::Policy(other),
        }
    }
}

impl From<DirectoryError> for AdminError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Engine(error) => Self::Engine(error),
            other => Self::Directory(other),
        }
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl AdminError {
    /// The word for programs.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::NoSuch { .. } | Self::NoneOf { .. } | Self::Engine(EngineError::NotFound) => "not_found",
            Self::Ambiguous { .. } => "ambiguous",
            Self::Usage { .. } | Self::Value { .. } | Self::NotJson { .. } | Self::Engine(EngineError::Invalid(_)) => {
                "invalid"
            }
            Self::NotConfirmed(_) => "not_confirmed",
            Self::Refused(_)
            | Self::BadLines(_)
            | Self::Engine(EngineError::Forbidden(_) | EngineError::Synced { .. }) => "refused",
            Self::Read { .. } => "read",
            Self::Engine(EngineError::Exists(_)) => "exists",
            Self::Engine(EngineError::Busy | EngineError::Contention) => "busy",
            Self::Engine(EngineError::Unavailable(_)) => "unavailable",
            Self::Engine(EngineError::IdempotencyMismatch | EngineError::Internal(_)) => "internal",
            Self::Directory(DirectoryError::Nobody) => "not_found",
            Self::Directory(DirectoryError::NoAgent | DirectoryError::NoFirstFactor) => "no_proxy",
            Self::Directory(DirectoryError::Halt(_)) => "halted",
            Self::Directory(DirectoryError::Running) => "busy",
            Self::Directory(DirectoryError::Elsewhere(error)) if error.code == "halted" => "halted",
            Self::Directory(_) => "failed",
            Self::Policy(PolicyError::NameTaken(_)) => "exists",
            Self::Policy(PolicyError::Dangerous(_)) => "not_confirmed",
            Self::Policy(_) => "invalid",
        }
    }

    pub(super) fn exit(&self) -> u8 {
        match self.code() {
            "not_found" => NOT_FOUND,
            "exists" => EXISTS,
            "invalid" | "ambiguous" => cli::USAGE,
            _ => cli::FAILED,
        }
    }

    /// For people: what, and what to do. One line, but for a file with several faults.
    pub(super) fn text(&self) -> String {
        if let Self::BadLines(faults) = self {
            let mut lines = vec!["nothing was done".to_owned()];
            lines.extend(faults.iter().take(MOST_FAULTS).map(|fault| clean(fault, 300)));
            if faults.len() > MOST_FAULTS {
                lines.push(format!("and {} more", faults.len() - MOST_FAULTS));
            }
            return lines.join("\n");
        }
        let mut text = match self {
            Self::Engine(EngineError::Invalid(parameter)) => {
                let expected = expected(parameter).map(|what| format!(": expected {what}")).unwrap_or_default();
                format!("the value of `{parameter}` is not valid{expected}")
            }
            Self::Engine(EngineError::Exists(what)) => {
                format!("that {what} is taken (names count as equal whatever their case)")
            }
            Self::Engine(EngineError::Forbidden(why)) => format!("refused: {why}"),
            Self::Engine(EngineError::Busy | EngineError::Contention) => {
                "others were changing the same things at that moment; try again".to_owned()
            }
            Self::Policy(error @ PolicyError::Dangerous(_)) => {
                format!("{error}. To go ahead, add --confirm-lockout.")
            }
            other => other.to_string(),
        };
        let mut cause = std::error::Error::source(self);
        if let Self::Engine(error) = self {
            cause = std::error::Error::source(error);
        }
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        clean(&text, 1000)
    }
}

/// What a parameter may be, where its name does not say.
fn expected(parameter: &str) -> Option<&'static str> {
    Some(match parameter {
        "username" => "1 to 256 characters, none of them invisible or a control character",
        "aliases" => "names of 1 to 256 characters, in slots 1 to 8",
        "email" => "one address, such as bob@example.com",
        "number" => "a number with its country, such as +4915112345678 (4 to 15 digits)",
        "extension" => "digits, * # and commas, at most 32",
        "type" => "mobile, landline or unknown",
        "platform" => "google android, apple ios, generic smartphone, …",
        "count" => "1 to 10",
        "valid_secs" => "at least a second, and at most 30 days (bypass codes: ten years)",
        "bypass_until" => "a time to come, within the setting `bypass_expiration` where that is set",
        "auto_approve_until" => "a time to come, within a year",
        "trusted_device_days" => "0 to 365 days",
        "legacy_signatures" => "off: only applications of Unix type send signatures without a date",
        "networks_for_api_access" => {
            "addresses, ranges or CIDR blocks, separated by commas, and only where --type is that of an administrating API"
        }
        "frame_origins" => {
            "origins such as https://payroll.example.org, separated by commas, and only where --type is websdk or the like"
        }
        "networks" => "addresses, ranges or CIDR blocks, separated by commas",
        "group" => "lowercase letters, digits and hyphens",
        "password" => "what the account's settings ask of passwords: `countersign admin settings show`",
        _ => return None,
    })
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!("; did you mean {name}?"))
}
