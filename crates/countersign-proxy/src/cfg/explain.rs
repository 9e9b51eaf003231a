//! What a configuration does, in words, for somebody who did not write it.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::Config;
use super::application::{Append, Factor, FailMode};
use super::client::{Client, LdapTransport};
use super::ldap_server::LdapServer;
use super::radius_server::{Device, Enroll, Mode, RadiusServer};

/// Everything, a paragraph for each section.
pub fn explain(config: &Config) -> String {
    let mut text = String::new();
    if let Some(address) = config.main.operations {
        line(
            &mut text,
            format!("[main]\n  shows metrics and health at http://{address}/metrics, /healthz and /readyz."),
        );
    }
    config.radius.iter().for_each(|server| radius(&mut text, config, server));
    config.ldap.iter().for_each(|server| ldap(&mut text, config, server));
    for agent in &config.cloud {
        let does = "reads people for it when it asks";
        line(&mut text, format!("[{}]\n  keeps a connection to {} open, and {does}.", agent.name, agent.authority()));
        line(&mut text, format!("  Of them: {}", directory(config, agent.client.as_deref())));
    }
    if let Some(agent) = &config.sso {
        let does = "reads people and checks passwords for it when it asks";
        line(&mut text, format!("[{}]\n  keeps a connection to {} open, and {does}.", agent.name, agent.authority()));
        line(&mut text, format!("  Of them: {}", directory(config, agent.client.as_deref())));
    }
    for proxy in &config.http_proxy {
        let ranges: Vec<String> = proxy.clients.iter().map(ToString::to_string).collect();
        let who = if ranges.is_empty() { "everybody".to_owned() } else { ranges.join(", ") };
        line(&mut text, format!("[http_proxy]\n  lets {who} reach {}, at port {}.", proxy.api_host, proxy.port));
    }
    if let Some(accounting) = &config.accounting {
        let client = accounting.client.as_deref().unwrap_or_default();
        line(
            &mut text,
            format!("[radius_acct]\n  takes accounting at port {} and gives it on to [{client}].", accounting.port),
        );
    }
    if let Some(coa) = &config.coa {
        let ports = coa.ports.iter().map(u16::to_string).collect::<Vec<_>>().join(" and ");
        line(
            &mut text,
            format!(
                "[radius_coa]\n  takes ends and changes of sessions at port {ports} from every radius_client, for the device of the session."
            ),
        );
    }
    text
}

/// Which section a device at this address asks on this port, and by which line.
pub fn section_of(config: &Config, port: u16, address: IpAddr) -> Option<(&RadiusServer, &Device)> {
    let servers = config.radius.iter().filter(|server| server.port == port);
    let devices = servers.flat_map(|server| server.devices.iter().map(move |device| (server, device)));
    devices.filter(|(_, device)| device.range.contains(address)).min_by_key(|(_, device)| device.range.size())
}

/// The UDP ports at which a device at this address is heard.
pub fn ports_of(config: &Config, address: IpAddr) -> Vec<u16> {
    let heard = |server: &&RadiusServer| server.devices.iter().any(|device| device.range.contains(address));
    let mut ports: Vec<u16> = config.radius.iter().filter(heard).map(|server| server.port).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

fn line(text: &mut String, line: String) {
    // Writing to a string does not fail.
    _ = writeln!(text, "{line}");
}

fn radius(text: &mut String, config: &Config, server: &RadiusServer) {
    let at = server.interface.as_deref().unwrap_or("every address");
    line(text, format!("[{}]", server.name));
    let tls = server.tls.as_ref().map(|(port, _)| format!(", and by TLS at port {port}")).unwrap_or_default();
    line(text, format!("  listens at {at}, UDP port {}{tls}.", server.port));
    for device in &server.devices {
        let wait = device.nas_timeout.as_secs();
        line(text, format!("  Devices at {} may ask, and get an answer within {wait} s.", device.range));
    }
    line(text, format!("  First factor: {}", first_factor(config, server.client.as_deref(), &server.mode)));
    line(text, format!("  Second factor: {}", second_factor(&server.mode)));
    if !server.exempt_usernames.is_empty() {
        line(text, format!("  No second factor for {}.", server.exempt_usernames.join(", ")));
    }
    for rule in &server.reply_rules {
        let value = rule.attribute.show(&rule.value);
        let whom = rule.group.as_ref().map(|group| format!("members of {group}")).unwrap_or("everybody".to_owned());
        line(text, format!("  Tells devices {} = {value} of {whom} who is let in.", rule.attribute.name));
    }
    for rule in &server.bypass_rules {
        let all = rule.all.iter().map(|(entry, value)| format!("{} = {}", entry.name, entry.show(value)));
        let all = all.collect::<Vec<_>>().join(" and ");
        line(text, format!("  Packets with {all} are decided by the RADIUS server alone."));
    }
    line(text, format!("  {}", outage(server.application.failmode, &server.application.api_hosts)));
}

fn ldap(text: &mut String, config: &Config, server: &LdapServer) {
    let at = server.interface.as_deref().unwrap_or("every address");
    let tls = server.tls.as_ref().map(|tls| format!(", with TLS at port {}", tls.port)).unwrap_or_default();
    line(text, format!("[{}]", server.name));
    line(text, format!("  listens at {at}, TCP port {}{tls}.", server.port));
    line(text, format!("  First factor: {}", directory(config, server.client.as_deref())));
    let first = if server.exempt_primary_bind { "every bind of a connection but the first" } else { "every bind" };
    line(text, format!("  Second factor: {} for {first}.", factors(&server.factors)));
    if !server.exempt_ous.is_empty() {
        line(text, format!("  No second factor at or under {}.", server.exempt_ous.join("; ")));
    }
    line(text, format!("  {}", outage(server.application.failmode, &server.application.api_hosts)));
}

fn first_factor(config: &Config, client: Option<&str>, mode: &Mode) -> String {
    match (mode, client.and_then(|name| config.clients.get(name))) {
        (Mode::DuoOnly, _) => "none.".to_owned(),
        (_, Some(Client::Radius(radius))) => {
            let hosts: Vec<String> = radius.hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect();
            format!("the RADIUS server {}.", hosts.join(", then "))
        }
        (_, Some(Client::Ad(_))) => directory(config, client),
        (_, Some(Client::DuoOnly)) => "every password is right.".to_owned(),
        (_, None) => "nobody; no login works.".to_owned(),
    }
}

fn directory(config: &Config, client: Option<&str>) -> String {
    let Some(Client::Ad(ad)) = client.and_then(|name| config.clients.get(name)) else {
        return "nobody; no login works.".to_owned();
    };
    let protected = match ad.transport {
        LdapTransport::Clear => "in clear",
        LdapTransport::StartTls => "with StartTLS",
        LdapTransport::Ldaps => "with LDAPS",
    };
    let group = ad.security_group_dn.as_ref().map(|dn| format!(", for members of {dn}")).unwrap_or_default();
    format!("the directory {} {protected}, under {}{group}.", ad.hosts.join(", then "), ad.search_dn)
}

fn second_factor(mode: &Mode) -> String {
    let appended = |append: &Option<Append>| {
        append
            .as_ref()
            .map(|append| format!(", or what is typed behind {:?} after the password", append.delimiter))
            .unwrap_or_default()
    };
    match mode {
        Mode::Auto { factors: list, append, enroll, fallback } => {
            let fallback = fallback
                .map(|after| format!("; after {} s without an answer a code is asked for", after.as_secs()))
                .unwrap_or_default();
            let enroll = if *enroll == Enroll::Challenge { "; people who must enroll see how" } else { "" };
            format!("{}{}{fallback}{enroll}.", factors(list), appended(append))
        }
        Mode::Challenge { .. } => "chosen from a menu.".to_owned(),
        Mode::Concat(append) => format!("typed behind {:?} after the password, always.", append.delimiter),
        Mode::DuoOnly => "the password itself.".to_owned(),
        Mode::Eap { menu: true, append, .. } => {
            format!(
                "chosen from a menu{}, inside EAP; where none can be shown, what the server takes for the best.",
                appended(append)
            )
        }
        Mode::Eap { factors: list, append, .. } => format!("{}{}, inside EAP.", factors(list), appended(append)),
    }
}

fn factors(factors: &[Factor]) -> String {
    let word = |factor: &Factor| match factor {
        Factor::Auto => "what the server takes for the best",
        Factor::Push => "a push",
        Factor::Phone => "a call",
        Factor::Passcode => "a code, which is asked for",
    };
    factors.iter().map(word).collect::<Vec<_>>().join(", otherwise ")
}

fn outage(failmode: FailMode, hosts: &[String]) -> String {
    let hosts = hosts.join(", then ");
    match failmode {
        FailMode::Safe => {
            format!("When {hosts} cannot be asked, the first factor alone LETS PEOPLE IN (failmode=safe).")
        }
        FailMode::Secure => format!("When {hosts} cannot be asked, nobody is let in (failmode=secure)."),
        FailMode::Offline => format!("When {hosts} cannot be asked, codes are checked here (failmode=offline)."),
    }
}
