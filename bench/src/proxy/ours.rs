//! Our proxy, in front of the server behind and beside Countersign.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::program::{Program, Question, free_port};
use super::{DEVICE_SECRET, EXEMPT, SERVER_SECRET};
use crate::signed::Keys;
use crate::site;

/// How much it writes into its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Logs {
    /// A line for each login, to standard error and into its file: as it is installed.
    Logins,
    /// What is wrong alone, as FreeRADIUS is installed.
    Trouble,
}

/// What it is started with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup<'a> {
    pub(crate) program: &'a Path,
    pub(crate) dir: &'a Path,
    pub(crate) behind: SocketAddr,
    pub(crate) keys: &'a Keys,
    pub(crate) api_host: &'a str,
    pub(crate) ca: &'a Path,
    pub(crate) logs: Logs,
}

/// It as a child process.
#[derive(Debug)]
pub(crate) struct Ours {
    pub(crate) program: Program,
    operations: SocketAddr,
    pub(crate) dir: PathBuf,
}

impl Ours {
    pub(crate) fn start(setup: &Setup<'_>) -> anyhow::Result<Self> {
        let Setup { program, dir, behind, keys, api_host, ca, logs } = setup;
        std::fs::create_dir_all(dir)?;
        let (port, operations) = (free_port()?, site::free_port()?);
        let config = format!(
            "[main]\nhttp_ca_certs_file={}\nlog_dir={}\noperations_listen=127.0.0.1:{operations}\noutages={}\n\
            [radius_client]\nhost=127.0.0.1\nport={}\nsecret={SERVER_SECRET}\npass_through_all=true\n\
            [radius_server_auto]\nikey={}\nskey={}\napi_host={api_host}\ninterface=127.0.0.1\nport={port}\n\
            radius_ip_1=127.0.0.1\nradius_secret_1={DEVICE_SECRET}\nnas_timeout_1=110\nclient=radius_client\nfailmode=secure\n\
            pass_through_all=true\nexempt_username_1={EXEMPT}\n",
            ca.display(),
            dir.join("log").display(),
            dir.join("outages").display(),
            behind.port(),
            keys.ikey,
            keys.skey,
        );
        let file = dir.join("authproxy.cfg");
        std::fs::write(&file, config)?;
        let mut command = Command::new(program);
        command.args(["run", "-c"]).arg(&file).env_remove("RUST_LOG");
        if *logs == Logs::Trouble {
            command.env("RUST_LOG", "warn");
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let program = Program::start(command, &dir.join("proxy.log"), address, Question::Status)?;
        let operations = SocketAddr::from((Ipv4Addr::LOCALHOST, operations));
        Ok(Self { program, operations, dir: (*dir).to_owned() })
    }

    /// The sum of a metric over all its labels that hold `part`.
    pub(crate) fn metric(&self, name: &str, part: &str) -> anyhow::Result<u64> {
        let mut connection = TcpStream::connect(self.operations).context("no metrics")?;
        connection.write_all(b"GET /metrics HTTP/1.0\r\nConnection: close\r\n\r\n")?;
        let mut text = String::new();
        connection.read_to_string(&mut text)?;
        let of = |line: &str| {
            let (labels, value) = line.strip_prefix(name)?.rsplit_once(' ')?;
            (labels.is_empty() || labels.starts_with('{') && labels.contains(part))
                .then(|| value.parse::<u64>().ok())?
        };
        Ok(text.lines().filter_map(of).sum())
    }
}
