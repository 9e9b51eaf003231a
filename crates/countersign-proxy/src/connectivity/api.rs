//! The server: name, connection, TLS, sign of life, clock, keys.

use std::time::Duration;

use cs_client::{Client, Config as ClientConfig, Error};
use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Finding, chain};
use crate::cfg::Config;
use crate::cfg::application::Application;
use crate::cfg::main_section::HttpProxyAddress;

const PATIENCE: Duration = Duration::from_secs(5);
/// A server takes a signature that is so many seconds old (Duo's Auth API: five minutes).
const LATE: u64 = 300;
/// From here on it is worth a look.
const DRIFTING: u64 = 30;

pub(super) async fn try_all(config: &Config) -> Vec<Finding> {
    let radius = config.radius.iter().map(|server| (&server.name, &server.application));
    let ldap = config.ldap.iter().map(|server| (&server.name, &server.application));
    let ca = config.main.http_ca_certs_file.as_ref().map(|path| (path, std::fs::read_to_string(path)));
    let ca = match ca {
        Some((path, Err(error))) => {
            let text = format!("cannot read {}: {error}", path.display());
            return vec![Finding::fails("main", text, "correct http_ca_certs_file")];
        }
        Some((_, Ok(text))) => Some(text),
        None => None,
    };
    let mut findings = Vec::new();
    for (section, application) in radius.chain(ldap) {
        for host in &application.api_hosts {
            findings.extend(host_of(section, application, host, ca.as_deref()).await);
        }
    }
    findings
}

async fn host_of(section: &str, application: &Application, host: &str, ca: Option<&str>) -> Vec<Finding> {
    let authority =
        if application.api_port == 443 { host.to_owned() } else { format!("{host}:{}", application.api_port) };
    // `api_host` may have a port of its own.
    let place = if host.contains(':') { host.to_owned() } else { format!("{host}:{}", application.api_port) };
    let authority = if host.contains(':') { host.to_owned() } else { authority };
    let mut findings = Vec::new();
    let proxy = application.http_proxy.as_ref().map(HttpProxyAddress::authority);
    let (way, option) = match &proxy {
        Some(proxy) => (proxy, "http_proxy_host"),
        None => (&place, "api_host"),
    };
    if let Some(failed) = reached(section, way, option, &mut findings).await {
        findings.push(failed);
        return findings;
    }
    let mut client = ClientConfig::new(authority, application.ikey.clone(), application.skey.to_string());
    (client.connect_timeout, client.call_timeout) = (PATIENCE, PATIENCE);
    client.ca_pem = ca.map(str::to_owned);
    client.http_proxy.clone_from(&proxy);
    let client = match Client::new(client) {
        Ok(client) => client,
        Err(error) => {
            findings.push(Finding::fails(
                section,
                format!("{place}: {}", chain(&error)),
                "correct api_host or http_ca_certs_file",
            ));
            return findings;
        }
    };
    match client.ping().await {
        Ok(answer) => {
            findings.push(Finding::works(section, format!("{place} answers by TLS")));
            findings.push(clock(section, &place, answer.time));
        }
        Err(error) => {
            findings.push(no_answer(section, &place, &error, ca.is_some()));
            return findings;
        }
    }
    findings.push(match client.check().await {
        Ok(_) => Finding::works(section, format!("{place} takes ikey and skey")),
        Err(error @ Error::Refused { .. }) => Finding::fails(
            section,
            format!("{place} does not take ikey and skey: {error}"),
            "compare both with the application's page, and the clocks; nobody is let in so, whatever failmode says",
        ),
        Err(error) => Finding::fails(section, format!("{place}: {}", chain(&error)), "look at the server"),
    });
    findings
}

/// Looks the name up and connects. Returns what fails.
pub(super) async fn reached(section: &str, place: &str, option: &str, findings: &mut Vec<Finding>) -> Option<Finding> {
    let found = match timeout(PATIENCE, tokio::net::lookup_host(place)).await {
        Ok(Ok(found)) => found.collect::<Vec<_>>(),
        Ok(Err(error)) => {
            let text = format!("the name of {place} is not known: {error}");
            return Some(Finding::fails(section, text, format!("correct {option}, or this host's name servers")));
        }
        Err(_) => {
            let text = format!("no name server said where {place} is within {} s", PATIENCE.as_secs());
            return Some(Finding::fails(section, text, "look at this host's name servers"));
        }
    };
    let mut last = "the name has no address".to_owned();
    for address in &found {
        match timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(_)) => {
                findings.push(Finding::works(section, format!("{place} is reached at {address}")));
                return None;
            }
            Ok(Err(error)) => last = format!("{address}: {error}"),
            Err(_) => last = format!("{address}: nothing came back within {} s", PATIENCE.as_secs()),
        }
    }
    let remedy = "look whether the server runs, and whether a firewall lets this host reach it";
    Some(Finding::fails(section, format!("{place} is not reached: {last}"), remedy))
}

pub(super) fn no_answer(section: &str, place: &str, error: &Error, has_ca: bool) -> Finding {
    let text = chain(error);
    let remedy = if !text.contains("certificate") {
        "look at what listens there: it does not answer as the server does"
    } else if has_ca {
        "http_ca_certs_file holds the authorities to trust: the server's certificate is of none of them, or for another name"
    } else {
        "name the authority of the server's certificate by http_ca_certs_file in [main] (tls/ca.pem of the server's data directory)"
    };
    Finding::fails(section, format!("{place}: {text}"), remedy)
}

pub(super) fn clock(section: &str, place: &str, server: i64) -> Finding {
    let apart = now().as_second().abs_diff(server);
    let text = format!("the clocks of this host and {place} are {apart} s apart");
    let remedy = "let both hosts keep time by NTP: signatures that are five minutes old are refused";
    match apart {
        LATE.. => Finding::fails(section, text, remedy),
        DRIFTING.. => Finding::doubtful(section, text, remedy),
        _ => Finding::works(section, text),
    }
}

#[expect(clippy::disallowed_methods, reason = "this host's clock is what is looked at")]
fn now() -> Timestamp {
    Timestamp::now()
}
