//! `[cloud]` and `[sso]`: the way to the server, a channel, and the directory by the section's own account.

use cs_client::{Channels, Client as ApiClient, Error};

use super::{Finding, api, chain};
use crate::agent::{as_account, to_server};
use crate::cfg::Config;
use crate::cfg::client::Client;
use crate::cfg::main_section::HttpProxyAddress;
use crate::cfg::others::Agent;
use crate::directory::Directory;

pub(super) async fn try_all(config: &Config) -> Vec<Finding> {
    let ca = config.main.http_ca_certs_file.as_ref();
    // A file that cannot be read is a finding about the servers of other sections, or of this one.
    let ca = match ca.map(|path| (path, std::fs::read_to_string(path))) {
        Some((path, Err(error))) if config.radius.is_empty() && config.ldap.is_empty() => {
            let text = format!("cannot read {}: {error}", path.display());
            return vec![Finding::fails("main", text, "correct http_ca_certs_file")];
        }
        Some((_, Err(_))) => return Vec::new(),
        Some((_, Ok(text))) => Some(text),
        None => None,
    };
    let mut findings = Vec::new();
    for agent in config.cloud.iter().chain(&config.sso) {
        server(agent, ca.as_deref(), &mut findings).await;
        let named = agent.client.as_deref().and_then(|name| Some((name, config.clients.get(name)?)));
        if let Some((name, Client::Ad(ad))) = named {
            findings.push(match Directory::new(name, &as_account(ad, agent), false) {
                Err(error) => Finding::fails(&agent.name, format!("{error:#}"), format!("correct [{name}]")),
                Ok(directory) => match directory.describe().await {
                    Ok(description) => Finding::works(&agent.name, format!("{description} takes the service account")),
                    Err(why) => Finding::fails(&agent.name, why, format!("look at the directory, or correct [{name}]")),
                },
            });
        }
    }
    findings
}

async fn server(agent: &Agent, ca: Option<&str>, findings: &mut Vec<Finding>) {
    let place = if agent.api_host.contains(':') {
        agent.api_host.clone()
    } else {
        format!("{}:{}", agent.api_host, agent.api_port)
    };
    let proxy = agent.http_proxy.as_ref().map(HttpProxyAddress::authority);
    let (way, option) = proxy.as_ref().map_or((&place, "api_host"), |proxy| (proxy, "http_proxy_host"));
    if let Some(failed) = api::reached(&agent.name, way, option, findings).await {
        findings.push(failed);
        return;
    }
    let made = ApiClient::new(to_server(agent, ca)).and_then(|api| Ok((api, Channels::new(to_server(agent, ca))?)));
    let (api, channels) = match made {
        Ok(made) => made,
        Err(error) => {
            let remedy = "correct api_host or http_ca_certs_file";
            findings.push(Finding::fails(&agent.name, format!("{place}: {}", chain(&error)), remedy));
            return;
        }
    };
    match api.ping().await {
        Ok(answer) => {
            findings.push(Finding::works(&agent.name, format!("{place} answers by TLS")));
            findings.push(api::clock(&agent.name, &place, answer.time));
        }
        Err(error) => {
            findings.push(api::no_answer(&agent.name, &place, &error, ca.is_some()));
            return;
        }
    }
    findings.push(match channels.open().await {
        Ok((_, mut speaker)) => {
            speaker.close().await;
            Finding::works(&agent.name, format!("{place} takes the keys, and opens a channel"))
        }
        Err(error @ Error::Refused { status: 401 | 403, .. }) => Finding::fails(
            &agent.name,
            format!("{place} does not take the keys: {error}"),
            "compare them with those that the server shows for the directory, and the clocks of both hosts",
        ),
        Err(error) => Finding::fails(
            &agent.name,
            format!("{place} opens no channel: {}", chain(&error)),
            "a server of an older version has none; a proxy in between must let WebSockets through",
        ),
    });
}
