//! `countersign bootstrap`

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use cs_engine::Engine;
use cs_engine::bootstrap::{Installation, Issued, NewInstallation};
use serde_json::{Value as Json, json};

use super::{now, runtime};
use crate::cli::{self, Global, UsageError, print};
use crate::config::{Config, host_name};
use crate::data_dir::{self, NewDataDir};
use crate::site;
use crate::tls::LocalCa;

/// Create a data directory with keys, database, certificate and first credentials
///
/// Prints the credentials once. On an existing directory it prints the same without secrets; --rotate issues new ones.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    countersign bootstrap --data /var/lib/countersign --hostname mfa.example.com --listen 0.0.0.0:443 --name \"Example Ltd\"\n  \
    countersign bootstrap --data /tmp/try --listen 127.0.0.1:0 --json")]
pub struct Bootstrap {
    /// DNS name that clients use [default: localhost]
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,
    /// Address and port of the API; port 0 takes a free one and writes it down [default: 127.0.0.1:8443]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// The organisation's name, shown to users [default: the host name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Address of the first owner [default: owner@HOSTNAME]
    #[arg(long, value_name = "EMAIL")]
    owner_email: Option<String>,
    /// Database to use, `postgres://…` or `sqlite:FILE` [default: sqlite:countersign.db]
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Issue new secrets; the old ones work for another 24 hours
    #[arg(long)]
    rotate: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Bootstrap {
    pub fn run(&self, global: &Global) -> anyhow::Result<u8> {
        if let Some(email) = &self.owner_email
            && !cs_engine::admin::is_email(email)
        {
            let problem = format!("{email} is not an e-mail address");
            return Err(UsageError { argument: "--owner-email", problem }.into());
        }
        // Before anything is written: the next attempt would find a configuration with the wrong name.
        let hostname = self.hostname.as_deref().map(host_name).transpose();
        let hostname = hostname.map_err(|error| UsageError { argument: "--hostname", problem: error.to_string() })?;
        let new = NewDataDir { hostname, listen: self.listen, database: self.database.clone() };
        let is_new = data_dir::create(&global.data, &new)?;
        let config = match global.load() {
            Ok(loaded) => loaded.config,
            Err(errors) => {
                if is_new {
                    // Of what is wrong with it the next attempt must know nothing.
                    _ = std::fs::remove_file(global.data.join("countersign.toml"));
                }
                return Err(errors.into());
            }
        };
        data_dir::prepare(&config, now())?;
        let runtime = runtime()?;
        let (engine, installation) = runtime.block_on(self.install(&config))?;
        let report = Report { config: &config, installation };
        let text = if self.json { serde_json::to_string_pretty(&report.json())? } else { report.text() };
        let printed = print(&text);
        runtime.block_on(engine.store().shutdown());
        printed?;
        Ok(cli::OK)
    }

    async fn install(&self, config: &Config) -> anyhow::Result<(Engine, Installation)> {
        let engine = site::open_for_terminal(config).await?;
        let made = engine.bootstrap(&installation(config, self.name.as_deref(), self.owner_email.as_deref())).await?;
        let installation = match made {
            Some(made) => Some(made),
            None if self.rotate => engine.rotate_bootstrap().await?,
            None => engine.installation().await?,
        };
        let installation = installation.context("the account vanished while it was read")?;
        Ok((engine, installation))
    }
}

/// Makes the first account if there is none, for `serve` on a directory that nobody prepared. Gives what it made.
pub(super) async fn first_start(engine: &Engine, config: &Config) -> anyhow::Result<Option<Installation>> {
    Ok(engine.bootstrap(&installation(config, None, None)).await?)
}

fn installation(config: &Config, name: Option<&str>, owner_email: Option<&str>) -> NewInstallation {
    let host = &config.hosts.api.name;
    NewInstallation {
        name: name.unwrap_or(host).to_owned(),
        api_host: host.clone(),
        owner_email: owner_email.map_or_else(|| format!("owner@{host}"), str::to_owned),
    }
}

/// What is printed.
pub(super) struct Report<'a> {
    pub(super) config: &'a Config,
    pub(super) installation: Installation,
}

impl Report<'_> {
    fn api_host(&self) -> String {
        self.config.hosts.api.authority(self.config.listen.api.port())
    }

    /// The authority clients must trust; none where the operator brought a certificate.
    fn ca_cert(&self) -> Option<PathBuf> {
        self.config.tls.files.is_none().then(|| LocalCa::new(&self.config.data_dir).certificate_path())
    }

    fn setup_url(&self) -> Option<String> {
        let code = self.installation.setup_code.as_ref()?;
        Some(format!("https://{}/panel/setup#{}", self.api_host(), code.expose()))
    }

    fn json(&self) -> Json {
        let Installation { account, admin_api, auth_api, owner_email, .. } = &self.installation;
        json!({
            "account_id": account.to_string(),
            "api_host": self.api_host(),
            "ca_cert": self.ca_cert(),
            "admin_api": credentials(admin_api.as_ref()),
            "auth_api": credentials(auth_api.as_ref()),
            "owner": {"email": owner_email, "setup_url": self.setup_url()},
        })
    }

    pub(super) fn text(&self) -> String {
        let Installation { account, admin_api, auth_api, owner_email, .. } = &self.installation;
        let mut lines = vec![
            format!("data directory  {}", self.config.data_dir.display()),
            format!("account         {account}"),
            format!("API host        {}", self.api_host()),
        ];
        if let Some(path) = self.ca_cert() {
            lines.push(format!("CA certificate  {} (clients must trust it)", path.display()));
        }
        lines.extend(describe("Admin API", admin_api.as_ref()));
        lines.extend(describe("Auth API", auth_api.as_ref()));
        if let Some(email) = owner_email {
            lines.push(format!("owner           {email}"));
        }
        if let Some(url) = self.setup_url() {
            lines.push(format!("owner's setup   {url}"));
            lines.push(format!(
                "                or: countersign admin administrator set-password --data {} {}",
                shown(&self.config.data_dir),
                owner_email.as_deref().unwrap_or("EMAIL"),
            ));
        }
        let has_secrets = [admin_api, auth_api].into_iter().flatten().any(|issued| issued.secret.is_some());
        lines.push(if has_secrets {
            "Secret keys are shown only this once.".to_owned()
        } else {
            "Secret keys are not shown again; --rotate issues new ones.".to_owned()
        });
        lines.join("\n")
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn credentials(issued: Option<&Issued>) -> Json {
    let Some(issued) = issued else { return Json::Null };
    match &issued.secret {
        Some(secret) => json!({"ikey": issued.key.to_string(), "skey": secret.expose()}),
        None => json!({"ikey": issued.key.to_string()}),
    }
}

fn describe(name: &str, issued: Option<&Issued>) -> Vec<String> {
    let Some(issued) = issued else { return vec![format!("{name:<16}removed; --rotate makes a new one")] };
    let mut lines = vec![format!("{name:<16}ikey {}", issued.key)];
    lines.extend(issued.secret.as_ref().map(|secret| format!("{:16}skey {}", "", secret.expose())));
    lines
}
