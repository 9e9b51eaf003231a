//! The command line: names, help, examples.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use cs_wire::device::DeviceClass;

/// Exit codes, as the help prints them; kept in step with [`super::error::Exit`].
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the server refused, or the login was closed
  2  usage: wrong or missing arguments, no such account
  3  nothing is waiting
  4  the server cannot be reached
  5  the key store cannot be used
  6  not trusted: what came is not for this device, or not this protocol

Environment:
  COUNTERSIGN_DEVICE_HOME  where keys are kept (else $XDG_DATA_HOME/countersign-device,
                           else ~/.local/share/countersign-device)
  NO_COLOR                 no colours, also on a terminal";

/// Approve logins and make passcodes from a terminal.
#[derive(Debug, Parser)]
#[command(name = "countersign-device", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    /// Which account: device id, device name, user, or user@account (needed only when there are several).
    #[arg(long, short, global = true, value_name = "ACCOUNT", display_order = 900)]
    pub account: Option<String>,
    /// Print JSON: one object, or one a line for watch.
    #[arg(long, global = true, display_order = 901)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bind this machine as an authenticator, with the code you were given.
    #[command(after_help = "\
Examples:
  countersign-device activate 'https://auth.example.org/authenticator/activate#CODE'
  countersign-device activate duo://CODE-HOST --name 'work laptop' --ca-cert /etc/site/ca.pem
  countersign-device activate CODE --origin https://auth.example.org --class automation
  pass show activation | countersign-device activate -
  countersign-device activate CODE --origin https://auth.example.org --qr     (for a phone to scan)")]
    Activate(Activate),
    /// List the accounts on this machine (asks no server).
    List,
    /// Show the logins that wait for an answer.
    #[command(after_help = "\
Examples:
  countersign-device show
  countersign-device show --json | jq '.requests[].txid'")]
    Show {
        /// Only this login.
        txid: Option<String>,
    },
    /// Approve a login.
    #[command(after_help = "\
Examples:
  countersign-device approve                       the one that waits; asks first on a terminal
  countersign-device approve --latest --number 42
  countersign-device approve 0f5e… --number 42")]
    Approve(Approve),
    /// Deny a login.
    #[command(after_help = "\
Examples:
  countersign-device deny                  the one that waits; asks whether it was a mistake or fraud
  countersign-device deny 0f5e… --fraud    it was not me: administrators are told")]
    Deny(Deny),
    /// Print the next passcode; needs no network.
    Passcode {
        /// The code for an outage instead, of the group that the login names
        #[arg(long, value_name = "GROUP")]
        outage: Option<String>,
    },
    /// Follow logins as they come, and answer them.
    #[command(after_help = "\
Examples:
  countersign-device watch
  countersign-device watch --json
  countersign-device watch --approve --count 1     approve one login, then end")]
    Watch(Watch),
    /// Ask the server what it knows about this device.
    Status,
    /// Ask an administrator for an exception: no second factor for a time, or a bypass code.
    #[command(after_help = "\
Examples:
  countersign-device request-exception --reason 'new phone arrives tomorrow' --for 8h
  countersign-device request-exception --code --reason 'left the phone at home' --for 1h
  countersign-device exceptions                    what became of it, with the code once there is one")]
    RequestException(RequestException),
    /// Show what became of your requests for exceptions.
    Exceptions,
    /// Give this device another name.
    Rename {
        /// The new name.
        name: String,
    },
    /// Unbind this device and destroy its key.
    #[command(visible_alias = "deactivate")]
    Remove(Remove),
}

/// Arguments of `activate`.
#[derive(Debug, Args)]
pub struct Activate {
    /// The activation code, the duo:// URI from the QR code, or the link; `-` reads it from standard input.
    #[arg(value_name = "CODE_OR_URI")]
    pub code: String,
    /// A name for this device [default: this machine's name].
    #[arg(long)]
    pub name: Option<String>,
    /// `automation` where no person answers.
    #[arg(long, value_enum, default_value = "cli")]
    pub class: Class,
    /// The authenticator's origin, for a bare code.
    #[arg(long, value_name = "URL")]
    pub origin: Option<String>,
    /// Trust only the authorities in this file for this account; remembered.
    #[arg(long, value_name = "PEM")]
    pub ca_cert: Option<PathBuf>,
    /// Show the code as a QR code for a phone to scan, and do not use it here.
    #[arg(long)]
    pub qr: bool,
}

/// Which login, for `approve` and `deny`.
#[derive(Debug, Args)]
pub struct Which {
    /// The login's id; without it the only one that waits.
    #[arg(conflicts_with = "latest")]
    pub txid: Option<String>,
    /// The one that began last.
    #[arg(long)]
    pub latest: bool,
}

/// Arguments of `approve`.
#[derive(Debug, Args)]
pub struct Approve {
    /// Which login.
    #[command(flatten)]
    pub which: Which,
    /// The number on the screen where you log in.
    #[arg(long, value_name = "NN")]
    pub number: Option<String>,
    /// Do not ask.
    #[arg(long, short)]
    pub yes: bool,
}

/// Arguments of `deny`.
#[derive(Debug, Args)]
pub struct Deny {
    /// Which login.
    #[command(flatten)]
    pub which: Which,
    /// It was not me: report it.
    #[arg(long, conflicts_with = "mistake")]
    pub fraud: bool,
    /// It was me, or harmless.
    #[arg(long)]
    pub mistake: bool,
}

/// Arguments of `watch`.
#[derive(Debug, Args)]
pub struct Watch {
    /// Approve by itself what asks for no number, while an administrator allows this device to.
    #[arg(long)]
    pub approve: bool,
    /// End after so many answers.
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
}

/// Arguments of `request-exception`.
#[derive(Debug, Args)]
pub struct RequestException {
    /// Why, for the administrator.
    #[arg(long)]
    pub reason: String,
    /// For how long, such as 30m or 8h.
    #[arg(long = "for", value_name = "TIME", value_parser = seconds)]
    pub seconds: i64,
    /// A bypass code that works once, in place of no second factor at all.
    #[arg(long)]
    pub code: bool,
}

/// A length of time such as 30m or 8h, in seconds.
fn seconds(text: &str) -> Result<i64, String> {
    let length: Result<jiff::SignedDuration, _> = text.parse();
    match length {
        Ok(length) if length.is_positive() => Ok(length.as_secs()),
        Ok(_) | Err(_) => Err("expected a length of time such as 30m or 8h".to_owned()),
    }
}

/// Arguments of `remove`.
#[derive(Debug, Args)]
pub struct Remove {
    /// Do not ask.
    #[arg(long, short)]
    pub yes: bool,
    /// Destroy the key without telling the server (which keeps the device until an administrator removes it).
    #[arg(long)]
    pub local: bool,
}

/// The classes a person may choose.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Class {
    /// A person answers.
    Cli,
    /// A program answers.
    Automation,
}

impl From<Class> for DeviceClass {
    fn from(class: Class) -> Self {
        match class {
            Class::Cli => Self::Cli,
            Class::Automation => Self::Automation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
