//! Client sections: RADIUS servers are asked whether they are there (Status-Server, RFC 5997), directories are reached.

use std::net::SocketAddr;
use std::time::Duration;

use cs_radius::{Builder, Code, Packet, Secret, reply_is_authentic};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::Finding;
use crate::cfg::Config;
use crate::cfg::client::{AdClient, Client, LdapTransport, RadiusClient};

const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn try_all(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, client) in &config.clients {
        match client {
            Client::Radius(radius) => findings.extend(radius_hosts(name, radius).await),
            Client::Ad(ad) => findings.extend(directory_hosts(name, ad).await),
            Client::DuoOnly => {}
        }
    }
    findings
}

async fn looked_up(section: &str, host: &str, port: u16) -> Result<SocketAddr, Finding> {
    let found = timeout(PATIENCE, tokio::net::lookup_host((host, port))).await;
    let first = found.ok().and_then(Result::ok).and_then(|mut found| found.next());
    first.ok_or_else(|| {
        Finding::fails(section, format!("the name of {host} is not known"), "correct host, or this host's name servers")
    })
}

async fn radius_hosts(section: &str, radius: &RadiusClient) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (host, port) in &radius.hosts {
        findings.push(match looked_up(section, host, *port).await {
            Err(finding) => finding,
            Ok(address) if radius.tls.is_some() => reached(section, address).await,
            Ok(address) => status(section, address, &Secret::new(radius.secret.as_bytes())).await,
        });
    }
    findings
}

/// Asks twice: a packet may be lost.
async fn status(section: &str, address: SocketAddr, secret: &Secret) -> Finding {
    let silent = || {
        let text = format!("{address} does not answer a Status-Server within {} s", 2 * PATIENCE.as_secs());
        let remedy = "look whether it runs, knows this host as a client with the same secret, and answers Status-Server (FreeRADIUS: status_server = yes)";
        Finding::doubtful(section, text, remedy)
    };
    let own: SocketAddr = if address.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    let Ok(socket) = UdpSocket::bind(own).await else { return silent() };
    if let Err(error) = socket.connect(address).await {
        let remedy = "look at this host's routes";
        return Finding::fails(section, format!("{address} cannot be asked: {error}"), remedy);
    }
    for identifier in 0..2 {
        let mut authenticator = [0; 16];
        if aws_lc_rs::rand::fill(&mut authenticator).is_err() {
            return silent();
        }
        let packet = Builder::new(Code::StatusServer, identifier).into_request(secret, &authenticator);
        // A port where nothing listens is told by the next call.
        _ = socket.send(&packet).await;
        let mut octets = [0; 4096];
        match timeout(PATIENCE, socket.recv(&mut octets)).await {
            Ok(Ok(len)) => {
                let reply = Packet::parse(octets.get(..len).unwrap_or_default());
                let is_theirs = reply.is_ok_and(|reply| reply_is_authentic(&reply, secret, &authenticator));
                return if is_theirs {
                    Finding::works(section, format!("{address} answers, and has the same secret"))
                } else {
                    let text = format!("{address} answers, but with another secret");
                    Finding::fails(section, text, "compare secret with what that server has for this host")
                };
            }
            Ok(Err(error)) => {
                let remedy = "look whether it runs, and whether host and port are right";
                return Finding::fails(section, format!("{address} cannot be asked: {error}"), remedy);
            }
            Err(_) => {}
        }
    }
    silent()
}

async fn directory_hosts(section: &str, ad: &AdClient) -> Vec<Finding> {
    let mut findings = Vec::new();
    let port = ad.port;
    for host in &ad.hosts {
        findings.push(match looked_up(section, host, port).await {
            Ok(address) => reached(section, address).await,
            Err(finding) => finding,
        });
    }
    if ad.transport == LdapTransport::Clear {
        let text = "passwords travel to the directory in clear";
        findings.push(Finding::doubtful(section, text, "set transport=ldaps or starttls, and ssl_ca_certs_file"));
    }
    findings
}

async fn reached(section: &str, address: SocketAddr) -> Finding {
    let remedy = "look whether it runs, and whether a firewall lets this host reach it";
    match timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Finding::works(section, format!("{address} is reached")),
        Ok(Err(error)) => Finding::fails(section, format!("{address} is not reached: {error}"), remedy),
        Err(_) => {
            let text = format!("{address} is not reached: nothing came back within {} s", PATIENCE.as_secs());
            Finding::fails(section, text, remedy)
        }
    }
}
