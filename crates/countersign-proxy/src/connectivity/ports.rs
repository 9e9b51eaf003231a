//! Ports of our own: whether they can be listened at.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use super::Finding;
use crate::cfg::Config;

pub(super) fn try_all(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut tried: Vec<(&Option<String>, u16)> = Vec::new();
    for server in &config.radius {
        let place = (&server.interface, server.port);
        if !tried.contains(&place) {
            tried.push(place);
            findings
                .push(port(&server.name, &server.interface, server.port, "UDP", |at| UdpSocket::bind(at).map(drop)));
        }
        if let Some((tls_port, _)) = &server.tls {
            findings
                .push(port(&server.name, &server.interface, *tls_port, "TCP", |at| TcpListener::bind(at).map(drop)));
        }
    }
    for server in &config.ldap {
        let ports = [Some(server.port), server.tls.as_ref().map(|tls| tls.port)];
        for number in ports.into_iter().flatten() {
            findings.push(port(&server.name, &server.interface, number, "TCP", |at| TcpListener::bind(at).map(drop)));
        }
    }
    for section in &config.http_proxy {
        let bind = |at| TcpListener::bind(at).map(drop);
        findings.push(port("http_proxy", &section.interface, section.port, "TCP", bind));
    }
    if let Some(section) = &config.accounting {
        let bind = |at| UdpSocket::bind(at).map(drop);
        findings.push(port("radius_acct", &section.interface, section.port, "UDP", bind));
    }
    if let Some(section) = &config.coa {
        let bind = |at| UdpSocket::bind(at).map(drop);
        findings
            .extend(section.ports.iter().map(|number| port("radius_coa", &section.interface, *number, "UDP", bind)));
    }
    findings
}

fn port(
    section: &str,
    interface: &Option<String>,
    number: u16,
    kind: &str,
    bind: impl FnOnce(SocketAddr) -> io::Result<()>,
) -> Finding {
    let address = match interface.as_deref().map(str::parse::<IpAddr>) {
        None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Some(Ok(address)) => address,
        Some(Err(_)) => {
            let text = format!("interface={} is no address", interface.as_deref().unwrap_or_default());
            return Finding::fails(section, text, "correct interface");
        }
    };
    let at = SocketAddr::new(address, number);
    match bind(at) {
        Ok(()) => Finding::works(section, format!("{kind} port {number} can be listened at")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let remedy = format!("that is the proxy itself if it runs; otherwise `ss -lnp` shows what does at {at}");
            Finding::doubtful(section, format!("{kind} port {number}: something listens there already"), remedy)
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Finding::fails(
            section,
            format!("{kind} port {number} cannot be listened at: {error}"),
            "ports below 1024 need CAP_NET_BIND_SERVICE: see AmbientCapabilities in the unit",
        ),
        Err(error) => {
            Finding::fails(section, format!("{kind} port {number} cannot be listened at: {error}"), "correct interface")
        }
    }
}
