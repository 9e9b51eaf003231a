//! `countersign-proxy emergency`

use std::io::Read as _;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use super::{ConfigFile, INVALID, OK, print, told};
use crate::outage::keeper::{put_token, remove_token};

/// Do without the second factor for a while, by a token that an Owner has made on the server
///
/// The proxy that runs sees it at its next login: no restart is needed. It ends by itself.
#[derive(Debug, Args)]
pub(super) struct Emergency {
    #[command(flatten)]
    file: ConfigFile,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Put a token to use
    Begin {
        /// The token; `-` reads it from standard input
        token: String,
    },
    /// Ask for the second factor again; the token is used up
    End,
}

impl Emergency {
    pub(super) fn run(&self) -> anyhow::Result<u8> {
        let (config, faults) = self.file.read()?;
        let Some(config) = config else {
            print(&told(&self.file, &faults))?;
            return Ok(INVALID);
        };
        let folder = &config.main.outages;
        match &self.command {
            Command::Begin { token } => {
                let token = if token == "-" { standard_input()? } else { token.clone() };
                put_token(folder, &token).with_context(|| {
                    format!(
                        "the token is not put to use (has the proxy run with this configuration? {})",
                        folder.display()
                    )
                })?;
                print("The proxy puts it to use at the next login, and says so in its log.")?;
            }
            Command::End => {
                if !remove_token(folder).context("the emergency is not ended")? {
                    bail!("no token is in use");
                }
                print("The second factor is asked for again from the next login on.")?;
            }
        }
        Ok(OK)
    }
}

fn standard_input() -> anyhow::Result<String> {
    let mut text = String::new();
    // A token is far shorter.
    std::io::stdin().take(64 << 10).read_to_string(&mut text).context("standard input cannot be read")?;
    Ok(text)
}
