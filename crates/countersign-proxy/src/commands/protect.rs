//! `countersign-proxy protect`

use std::io::{self, IsTerminal as _};

use anyhow::{Context as _, bail};
use clap::Args;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::{ConfigFile, OK, print};
use crate::protect::ProtectKey;

/// Seal a secret for a `…_protected` key
///
/// Reads the secret from standard input (without showing what is typed) and prints the value, good on this host only: `skey_protected=VALUE`. The key is made at the first use, as
/// `protect.key` beside the configuration; keep it out of copies of the configuration. With systemd, hand it over by `LoadCredential=protect.key:…`.
#[derive(Debug, Args)]
pub(super) struct Protect {
    #[command(flatten)]
    file: ConfigFile,
}

impl Protect {
    pub(super) fn run(&self) -> anyhow::Result<u8> {
        let secret = typed()?;
        if secret.is_empty() {
            bail!("nothing was typed");
        }
        let key = ProtectKey::load_or_make(&self.file.host().key_path())?;
        print(&key.seal(&secret)?)?;
        Ok(OK)
    }
}

/// One line, unseen where it is typed.
fn typed() -> anyhow::Result<Zeroizing<String>> {
    let stdin = io::stdin();
    let seen = stdin.is_terminal().then(|| tcgetattr(&stdin)).transpose()?;
    if let Some(seen) = &seen {
        let mut unseen: Termios = seen.clone();
        unseen.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Now, &unseen)?;
        eprint_line("Secret: ");
    }
    let mut line = Zeroizing::new(String::new());
    let read = stdin.read_line(&mut line);
    if let Some(seen) = &seen {
        tcsetattr(&stdin, OptionalActions::Now, seen)?;
        eprint_line("\n");
    }
    read.context("cannot read the secret")?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

fn eprint_line(text: &str) {
    use std::io::Write as _;
    // There is nowhere to tell that standard error is gone.
    _ = io::stderr().write_all(text.as_bytes());
}
