//! What sections say about one another: which client a server asks, and what cannot be together.

use super::client::Client;
use super::fault::Faults;
use super::grammar::RawSection;
use super::others::Agent;
use super::radius_server::Mode;
use super::{Config, kind_of};

fn line_of(sections: &[RawSection], name: &str) -> Option<usize> {
    sections.iter().find(|section| section.name.eq_ignore_ascii_case(name)).map(|section| section.line)
}

/// Gives each server its client: its own; what `[main]` says; for LDAP the only directory; the only one there is.
pub(super) fn clients(config: &mut Config, sections: &[RawSection], faults: &mut Faults) {
    let only = |names: Vec<&String>| if let [name] = names[..] { Some(name.clone()) } else { None };
    let only_client = only(config.clients.keys().collect());
    let is_directory = |client: &&Client| matches!(client, Client::Ad(_));
    let directories = config.clients.iter().filter(|(_, client)| is_directory(client)).map(|(name, _)| name).collect();
    let only_directory = only(directories);
    let from_main = config.main.client.as_ref().map(|name| name.to_lowercase());
    let overridden = config.main.server.as_ref().map(|name| name.to_lowercase()).zip(from_main.clone());
    let wanted = |section: &str, own: Option<String>| match &overridden {
        Some((server, client)) if *server == section.to_lowercase() => Some(client.clone()),
        Some(_) | None => own.map(|name| name.to_lowercase()),
    };
    for server in &mut config.radius {
        let is_needed = server.mode != Mode::DuoOnly;
        if !is_needed && server.client.is_some() {
            let text = format!("[{}] asks for no first factor; its client is not used", server.name);
            faults.warning(line_of(sections, &server.name), text);
        }
        let found = wanted(&server.name, server.client.take());
        server.client = found.or_else(|| from_main.clone()).or_else(|| only_client.clone()).filter(|_| is_needed);
    }
    for server in &mut config.ldap {
        let found = wanted(&server.name, server.client.take());
        server.client =
            found.or_else(|| only_directory.clone()).or_else(|| from_main.clone()).or_else(|| only_client.clone());
    }
    for agent in config.cloud.iter_mut().chain(&mut config.sso) {
        let own = agent.client.take().map(|name| name.to_lowercase());
        agent.client = own.or_else(|| only_directory.clone());
    }
    for server in &mut config.radius {
        let client = server.client.as_ref().and_then(|name| config.clients.get(name));
        // Nobody else names lists.
        server.relays_dacl &= matches!(client, Some(Client::Radius(_)));
    }
    if let Some(accounting) = &mut config.accounting {
        let is_radius = |(_, client): &(&String, &Client)| matches!(client, Client::Radius(_));
        let upstreams = config.clients.iter().filter(is_radius).map(|(name, _)| name).collect();
        let own = accounting.client.take().map(|name| name.to_lowercase());
        accounting.client = own.or_else(|| only(upstreams));
    }
}

/// Notes what cannot be together, and what nobody uses.
pub(super) fn check(config: &Config, sections: &[RawSection], faults: &mut Faults) {
    if config.radius.is_empty()
        && config.ldap.is_empty()
        && config.cloud.is_empty()
        && config.sso.is_none()
        && config.http_proxy.is_empty()
    {
        let has_server =
            sections.iter().filter_map(|section| kind_of(&section.name)).any(|kind| kind.contains("server"));
        if !has_server && !sections.is_empty() {
            faults.error(None, "there is nothing to do: no section of a server, as [radius_server_auto]");
        }
    }
    for server in &config.radius {
        if server.mode != Mode::DuoOnly {
            known_client(config, sections, &server.name, server.client.as_deref(), faults);
        }
        let client = server.client.as_ref().and_then(|name| config.clients.get(name));
        if !server.bypass_rules.is_empty() && !matches!(client, Some(Client::Radius(_))) {
            let text =
                format!("[{}] has a bypass_rule, and no radius_client decides about what it lets through", server.name);
            faults.error(line_of(sections, &server.name), text);
        }
        let needs_groups = server.reply_rules.iter().any(|rule| rule.group.is_some());
        if needs_groups && matches!(client, Some(Client::DuoOnly) | None) {
            let text =
                format!("[{}] has a reply_attr for a group, and no client section that knows groups", server.name);
            faults.warning(line_of(sections, &server.name), text);
        }
        let copies = server.pass_through.all || !server.pass_through.attributes.is_empty();
        if copies && !matches!(client, Some(Client::Radius(_))) {
            let text = format!("[{}] copies attributes to a radius_client, and asks none", server.name);
            faults.warning(line_of(sections, &server.name), text);
        }
        if matches!((&server.mode, client), (Mode::Auto { .. } | Mode::Challenge { .. }, Some(Client::DuoOnly))) {
            let text = format!(
                "[{}] takes every password as right, as duo_only_client says; radius_server_duo_only asks for none",
                server.name
            );
            faults.warning(line_of(sections, &server.name), text);
        }
    }
    for server in &config.ldap {
        known_client(config, sections, &server.name, server.client.as_deref(), faults);
        let client = server.client.as_ref().and_then(|name| config.clients.get(name));
        if client.is_some_and(|client| !matches!(client, Client::Ad(_))) {
            let text = format!("[{}] speaks LDAP and needs an [ad_client]", server.name);
            faults.error(line_of(sections, &server.name), text);
        }
    }
    if config.main.http_proxy.is_some()
        && let Some(section) = sections.iter().find(|section| kind_of(&section.name) == Some("http_proxy"))
    {
        let text = "[http_proxy] reaches its api_host itself, and not through http_proxy_host of [main]";
        faults.warning(section.line, text);
    }
    if let Some(accounting) = &config.accounting {
        known_client(config, sections, "radius_acct", accounting.client.as_deref(), faults);
    }
    config.cloud.iter().chain(&config.sso).for_each(|agent| directory(config, sections, agent, faults));
    sockets(config, sections, faults);
    several(sections, faults);
    if !faults.has_errors() {
        // Otherwise it may be the section with the error that asks.
        unused(config, sections, faults);
    }
}

fn known_client(config: &Config, sections: &[RawSection], section: &str, client: Option<&str>, faults: &mut Faults) {
    let line = line_of(sections, section);
    match client {
        // A client with a mistake of its own is there, and its mistake is told.
        Some(name) if config.clients.contains_key(name) || line_of(sections, name).is_some() => {}
        Some(name) => faults.error(line, format!("[{section}] asks [{name}], which there is not")),
        None => faults
            .error(line, format!("[{section}] needs client=…: which of the client sections checks the first factor")),
    }
}

/// An agent answers for one directory.
fn directory(config: &Config, sections: &[RawSection], agent: &Agent, faults: &mut Faults) {
    let (line, section) = (line_of(sections, &agent.name), &agent.name);
    let directories: Vec<String> = sections
        .iter()
        .filter(|section| kind_of(&section.name) == Some("ad_client"))
        .map(|section| format!("[{}]", section.name))
        .collect();
    match &agent.client {
        Some(name) if matches!(config.clients.get(name), Some(Client::Ad(_))) => {}
        // Its own mistakes are told.
        Some(name) if kind_of(name) == Some("ad_client") && line_of(sections, name).is_some() => {}
        Some(name) if line_of(sections, name).is_some() => {
            faults.error(line, format!("[{section}] reads a directory, and [{name}] is none: name an [ad_client]"));
        }
        Some(name) => faults.error(line, format!("[{section}] asks [{name}], which there is not")),
        None if directories.is_empty() => faults.error(
            line,
            format!(
                "[{section}] needs an [ad_client]: the directory that is read for the server, with host, search_dn and a service account. Where the directory is, is written here and nowhere else"
            ),
        ),
        None => {
            let directories = directories.join(", ");
            faults.error(line, format!("[{section}] needs client=…: which of {directories} is read for the server"));
        }
    }
}

/// Sections that listen at the same place must be told apart by who asks.
fn sockets(config: &Config, sections: &[RawSection], faults: &mut Faults) {
    for (at, server) in config.radius.iter().enumerate() {
        for other in config.radius.iter().skip(at + 1) {
            if (server.port, &server.interface) != (other.port, &other.interface) {
                continue;
            }
            for (one, two) in server.devices.iter().flat_map(|one| other.devices.iter().map(move |two| (one, two))) {
                let line = line_of(sections, &other.name);
                let (name, range) = (&server.name, one.range);
                if one.range == two.range {
                    faults.error(
                        line,
                        format!("{range} asks [{name}] and [{}] at the same port; give one another port", other.name),
                    );
                } else if one.range.overlaps(&two.range) {
                    faults.warning(
                        line,
                        format!(
                            "{range} of [{name}] and {} of [{}] overlap at the same port; the smaller one decides",
                            two.range, other.name
                        ),
                    );
                }
            }
        }
    }
    for (at, server) in config.ldap.iter().enumerate() {
        let same = config
            .ldap
            .iter()
            .skip(at + 1)
            .find(|other| (other.port, &other.interface) == (server.port, &server.interface));
        if let Some(other) = same {
            let text = format!("[{}] and [{}] listen at the same port {}", server.name, other.name, server.port);
            faults.error(line_of(sections, &other.name), text);
        }
    }
}

fn unused(config: &Config, sections: &[RawSection], faults: &mut Faults) {
    let by_radius = config.radius.iter().filter_map(|server| server.client.as_ref());
    let by_ldap = config.ldap.iter().filter_map(|server| server.client.as_ref());
    let by_accounting = config.accounting.iter().filter_map(|accounting| accounting.client.as_ref());
    let by_agents = config.cloud.iter().chain(&config.sso).filter_map(|agent| agent.client.as_ref());
    let used: Vec<&String> = by_radius.chain(by_ldap).chain(by_accounting).chain(by_agents).collect();
    for name in config.clients.keys() {
        if !used.contains(&name) {
            faults.warning(line_of(sections, name), format!("no section asks [{name}]"));
        }
    }
}

/// Sections of which there is one.
fn several(sections: &[RawSection], faults: &mut Faults) {
    for kind in ["main", "sso", "radius_acct", "radius_coa"] {
        let of_kind = sections.iter().filter(|section| kind_of(&section.name) == Some(kind));
        for section in of_kind.skip(1) {
            faults.error(section.line, format!("there is one [{kind}]; [{}] is another", section.name));
        }
    }
}
