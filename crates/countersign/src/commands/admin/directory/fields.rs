//! How a directory is set, from arguments.

use clap::{Args, ValueEnum};
use cs_engine::EngineError;
use cs_engine::directories::{AttributeNames, DirectorySettings};

use super::super::error::AdminError;

/// Kinds of directories whose attributes are known.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Kind {
    /// sAMAccountName, displayName, mail
    Ad,
    /// uid, cn, mail
    Openldap,
}

impl Kind {
    pub(super) fn settings(self) -> DirectorySettings {
        let attributes = match self {
            Self::Ad => AttributeNames::active_directory(),
            Self::Openldap => AttributeNames::openldap(),
        };
        DirectorySettings { attributes, ..DirectorySettings::default() }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnOff {
    On,
    Off,
}

#[derive(Debug, Args)]
pub(super) struct Fields {
    /// Distinguished name of a group whose members become users, those of groups within it included; may be repeated. Replaces the groups there are
    #[arg(long = "group", value_name = "DN")]
    groups: Vec<String>,
    /// The attribute with the name people log in by
    #[arg(long, value_name = "ATTRIBUTE")]
    username: Option<String>,
    /// An attribute with another name of people; may be repeated. Empty for none
    #[arg(long = "alias", value_name = "ATTRIBUTE")]
    aliases: Vec<String>,
    /// The attribute with the full name; empty leaves full names to administrators
    #[arg(long, value_name = "ATTRIBUTE")]
    full_name: Option<String>,
    /// The attribute with the mail address; empty leaves addresses to administrators
    #[arg(long, value_name = "ATTRIBUTE")]
    email: Option<String>,
    /// An attribute with a telephone number; may be repeated. Empty for none
    #[arg(long = "phone", value_name = "ATTRIBUTE")]
    phones: Vec<String>,
    /// The attribute with remarks; empty leaves them to administrators
    #[arg(long, value_name = "ATTRIBUTE")]
    notes: Option<String>,
    /// Minutes between two runs
    #[arg(long, value_name = "MINUTES")]
    every: Option<u32>,
    /// Do nothing if more than so many of a hundred users would be removed, unless five or fewer
    #[arg(long, value_name = "PERCENT")]
    brake: Option<u8>,
    /// Whether numbers become phones of their users
    #[arg(long)]
    import_phones: Option<OnOff>,
    /// The country code, such as 49, of numbers that do not say theirs; without it such numbers are left out
    #[arg(long, value_name = "DIGITS")]
    country: Option<String>,
    /// Whether new people with an address and without a phone are mailed a link to enroll
    #[arg(long)]
    invite: Option<OnOff>,
}

impl Fields {
    /// `settings` with what was given.
    pub(super) fn write(&self, mut settings: DirectorySettings) -> Result<DirectorySettings, AdminError> {
        let given = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let list = |given_list: &Vec<String>| given_list.iter().filter_map(given).collect::<Vec<_>>();
        if !self.groups.is_empty() {
            settings.groups = list(&self.groups);
        }
        if settings.groups.is_empty() {
            return Err(AdminError::Usage { argument: "--group", problem: "at least one group is needed" });
        }
        let attributes = &mut settings.attributes;
        if let Some(username) = &self.username {
            attributes.username = username.trim().to_owned();
        }
        if !self.aliases.is_empty() {
            attributes.aliases = list(&self.aliases);
        }
        if !self.phones.is_empty() {
            attributes.phones = list(&self.phones);
        }
        for (field, value) in [
            (&mut attributes.full_name, &self.full_name),
            (&mut attributes.email, &self.email),
            (&mut attributes.notes, &self.notes),
        ] {
            if let Some(value) = value {
                *field = given(value);
            }
        }
        settings.minutes = self.every.unwrap_or(settings.minutes);
        settings.brake_percent = self.brake.unwrap_or(settings.brake_percent);
        settings.import_phones = self.import_phones.map_or(settings.import_phones, |on| matches!(on, OnOff::On));
        settings.invite = self.invite.map_or(settings.invite, |on| matches!(on, OnOff::On));
        if let Some(country) = &self.country {
            settings.country = given(country).map(|digits| digits.trim_start_matches('+').to_owned());
        }
        Ok(settings)
    }
}

/// What the engine refuses, by the option that says it and with what it should be.
pub(super) fn by_option(error: impl Into<AdminError>) -> AdminError {
    let error = error.into();
    let AdminError::Engine(EngineError::Invalid(what)) = &error else { return error };
    let (argument, problem) = match *what {
        "groups" => {
            ("--group", "up to 400 distinguished names, each once, such as 'CN=VPN Users,OU=Groups,DC=example,DC=org'")
        }
        "attributes" => (
            "--username, --alias, --full-name, --email, --phone, --notes",
            "names of attributes, such as sAMAccountName; up to 8 of aliases and 4 of numbers",
        ),
        "minutes" => ("--every", "from 5 minutes to a week (10080)"),
        "brake" => ("--brake", "from 1 to 100 percent"),
        "country" => ("--country", "one to three digits, such as 49"),
        "import_phones" => ("--import-phones", "needs an attribute with numbers: --phone telephoneNumber"),
        _ => return error,
    };
    AdminError::Usage { argument, problem }
}
