//! `authproxy.cfg`: read, checked and understood before anything is served.

pub mod application;
pub mod client;
pub mod explain;
pub mod fault;
pub mod grammar;
pub mod ldap_server;
pub mod main_section;
pub mod network;
pub mod others;
pub mod radius_server;
pub mod reader;
mod resolve;
pub mod rules;
pub mod word;

use std::cell::RefCell;
use std::collections::BTreeMap;

use client::Client;
use fault::{Fault, Faults};
use grammar::RawSection;
use ldap_server::LdapServer;
use main_section::Main;
use others::{Accounting, Agent, Coa, HttpProxy};
use radius_server::RadiusServer;
use reader::{Reader, Sources};

/// Kinds of sections: a section's name without the digits at its end.
const KINDS: &[&str] = &[
    "main",
    "ad_client",
    "radius_client",
    "duo_only_client",
    "radius_server_auto",
    "radius_server_challenge",
    "radius_server_concat",
    "radius_server_duo_only",
    "radius_server_iframe",
    "radius_server_eap",
    "ldap_server_auto",
    "cloud",
    "sso",
    "http_proxy",
    "radius_acct",
    "radius_coa",
];

/// A whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[main]`
    pub main: Main,
    /// `[radius_server_…]`, in their order.
    pub radius: Vec<RadiusServer>,
    /// `[ldap_server_auto]`, in their order.
    pub ldap: Vec<LdapServer>,
    /// Client sections by their names in small letters.
    pub clients: BTreeMap<String, Client>,
    /// `[cloud]`
    pub cloud: Vec<Agent>,
    /// `[sso]`
    pub sso: Option<Agent>,
    /// `[http_proxy]`
    pub http_proxy: Vec<HttpProxy>,
    /// `[radius_acct]`
    pub accounting: Option<Accounting>,
    /// `[radius_coa]`
    pub coa: Option<Coa>,
}

/// Reads a configuration: what it says, if the proxy can start with it, and everything that is wrong or doubtful about it.
pub fn read(text: &str, sources: &dyn Sources) -> (Option<Config>, Vec<Fault>) {
    let mut faults = Faults::default();
    let sections = grammar::parse(text, &mut faults);
    let faults = RefCell::new(faults);
    let config = Reading { sections: &sections, sources, faults: &faults }.config();
    let mut faults = faults.into_inner();
    resolve::check(&config, &sections, &mut faults);
    let usable = !faults.has_errors();
    (usable.then_some(config), faults.into_sorted())
}

struct Reading<'a> {
    sections: &'a [RawSection],
    sources: &'a dyn Sources,
    faults: &'a RefCell<Faults>,
}

impl<'a> Reading<'a> {
    fn config(&self) -> Config {
        for section in self.sections {
            if kind_of(&section.name).is_none() {
                let text = format!("no kind of section is called [{}]{}", section.name, nearest_kind(&section.name));
                self.faults.borrow_mut().error(section.line, text);
            }
        }
        let empty = RawSection { name: "main".to_owned(), line: 1, entries: Vec::new() };
        let main_section = self.of("main").next().map_or(&empty, |(_, section)| section);
        let main = self.with(main_section, Main::read);
        let mut config = Config {
            radius: self.radius(&main),
            ldap: self.each("ldap_server_auto", |reader| LdapServer::read(reader, &main)),
            clients: self.clients(),
            cloud: self.each("cloud", |reader| Agent::cloud(reader, &main)),
            sso: self.each("sso", |reader| Agent::sso(reader, &main)).pop(),
            http_proxy: self.each("http_proxy", |reader| HttpProxy::read(reader, &main)),
            accounting: self.each("radius_acct", |reader| Some(Accounting::read(reader, &main))).pop(),
            coa: self.each("radius_coa", |reader| Some(Coa::read(reader, &main))).pop(),
            main,
        };
        resolve::clients(&mut config, self.sections, &mut self.faults.borrow_mut());
        config
    }

    fn radius(&self, main: &Main) -> Vec<RadiusServer> {
        let is_radius = |kind: &str| kind.starts_with("radius_server_");
        let sections = self.sections.iter().filter_map(|section| Some((kind_of(&section.name)?, section)));
        sections
            .filter(|(kind, _)| is_radius(kind))
            .filter_map(|(kind, section)| self.with(section, |reader| RadiusServer::read(kind, reader, main)))
            .collect()
    }

    fn clients(&self) -> BTreeMap<String, Client> {
        let kinds = ["ad_client", "radius_client", "duo_only_client"];
        let sections = kinds.iter().flat_map(|kind| self.of(kind));
        let read = |(kind, section): (&'static str, &RawSection)| {
            let client = self.with(section, |reader| Client::read(kind, reader))?;
            Some((section.name.to_lowercase(), client))
        };
        sections.filter_map(read).collect()
    }

    fn of<'b>(&'b self, kind: &'b str) -> impl Iterator<Item = (&'static str, &'a RawSection)> + 'b {
        let sections = self.sections.iter().filter_map(|section| Some((kind_of(&section.name)?, section)));
        sections.filter(move |(found, _)| *found == kind)
    }

    fn each<T>(&self, kind: &str, read: impl Fn(&Reader<'_>) -> Option<T>) -> Vec<T> {
        self.of(kind).filter_map(|(_, section)| self.with(section, &read)).collect()
    }

    /// Reads a section and notes what of it nobody asked for.
    fn with<T>(&self, section: &RawSection, read: impl FnOnce(&Reader<'_>) -> T) -> T {
        let reader = Reader::new(section, self.sources, self.faults);
        let value = read(&reader);
        reader.finish();
        value
    }
}

/// The kind of a section: its name without the digits at its end, in small letters.
fn kind_of(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    KINDS.iter().find(|kind| **kind == stem).copied()
}

fn nearest_kind(name: &str) -> String {
    let name = name.to_lowercase();
    let far = |kind: &&&str| cs_radius::dictionary::distance(kind, &name);
    let like = KINDS.iter().min_by_key(far).filter(|kind| far(kind) <= 3);
    like.map(|kind| format!("; [{kind}] was meant?")).unwrap_or_default()
}
