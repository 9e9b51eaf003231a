//! Reading the file and the environment into a [`Config`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::database::DatabaseUrl;
use super::error::{ConfigError, ConfigErrors, Origin};
use super::keys::{Draft, KEYS, Key, RESERVED};
use super::value::{Raw, ValueError};
use super::{Config, Gateway, MailPassword, MasterKeySource};

/// A configuration and where each value that was set came from.
#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    /// The file read, if there was one.
    pub file: Option<PathBuf>,
    /// Key name to the last place that set it.
    pub origins: BTreeMap<&'static str, Origin>,
}

/// Reads `file` (default: `data_dir/countersign.toml` if it exists), then the process environment on top of it.
pub fn load(data_dir: &Path, file: Option<&Path>) -> Result<Loaded, ConfigErrors> {
    // `vars_os`: a variable that is not UTF-8 and none of ours must not stop the server.
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    load_from(data_dir, file, environment)
}

/// As [`load`], with the environment as an argument.
///
/// Fails with every fault found, not only the first.
pub fn load_from(
    data_dir: &Path,
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded, ConfigErrors> {
    let data_dir = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned());
    let mut reading =
        Reading { draft: Draft::new(Config::for_dir(&data_dir)), origins: BTreeMap::new(), errors: Vec::new() };
    let default_file = data_dir.join("countersign.toml");
    let path = file.map_or(default_file.as_path(), |path| path);
    let file = match std::fs::read_to_string(path) {
        Ok(text) => {
            reading.file(path, &text);
            Some(path.to_owned())
        }
        Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => None,
        Err(source) => {
            return Err(ConfigErrors(vec![ConfigError::Unreadable { path: path.to_owned(), source }]));
        }
    };
    reading.environment(environment);
    reading.finish(file)
}

struct Reading {
    draft: Draft,
    origins: BTreeMap<&'static str, Origin>,
    errors: Vec<ConfigError>,
}

impl Reading {
    fn file(&mut self, path: &Path, text: &str) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let at = |offset: usize| Origin::File { path: path.to_owned(), line: line_of(text, offset) };
        if !errors.is_empty() {
            self.errors.extend(errors.iter().map(|error| ConfigError::Syntax {
                origin: at(error.span().map_or(0, |span| span.start)),
                message: format!(
                    "{}{}",
                    error.message(),
                    unquoted_hint(text, error.span().map_or(0, |span| span.start))
                ),
            }));
            return;
        }
        self.table("", table.get_ref(), &at);
    }

    fn table(&mut self, prefix: &str, table: &DeTable<'_>, at: &dyn Fn(usize) -> Origin) {
        // A map is sorted by name; people read a file from the top.
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let name = format!("{prefix}{}", key.get_ref());
            let origin = at(key.span().start);
            let is_table_name =
                KEYS.iter().any(|known| known.name.split_once('.').is_some_and(|(table, _)| table == name));
            match value.get_ref() {
                DeValue::Table(inner) if is_table_name => self.table(&format!("{name}."), inner, at),
                _ => self.entry(&name, value, origin),
            }
        }
    }

    fn entry(&mut self, name: &str, value: &Spanned<DeValue<'_>>, origin: Origin) {
        let Some(key) = KEYS.iter().find(|key| key.name == name) else {
            self.errors.push(unknown(name.to_owned(), origin, KEYS.iter().map(|key| key.name.to_owned())));
            return;
        };
        match raw(value.get_ref()) {
            Ok(raw) => self.set(key, raw, origin),
            Err(source) => self.errors.push(ConfigError::Value { origin, key: key.name, source }),
        }
    }

    fn environment(&mut self, environment: impl IntoIterator<Item = (String, String)>) {
        let mut variables: Vec<_> =
            environment.into_iter().filter(|(name, _)| name.starts_with("COUNTERSIGN_")).collect();
        variables.sort();
        for (name, value) in variables {
            let origin = Origin::Environment { variable: name.clone() };
            if let Some(key) = KEYS.iter().find(|key| key.variable() == name) {
                self.set(key, Raw::Text(value), origin);
            } else if !NOT_KEYS.contains(&name.as_str()) && !self.is_master_key_variable(&name) {
                self.errors.push(unknown(name, origin, KEYS.iter().map(Key::variable)));
            }
        }
    }

    fn is_master_key_variable(&self, name: &str) -> bool {
        matches!(&self.draft.config.master_key, MasterKeySource::Environment(variable) if variable == name)
            || name == "COUNTERSIGN_MASTER_KEY"
    }

    fn set(&mut self, key: &'static Key, raw: Raw, origin: Origin) {
        match (key.set)(&mut self.draft, raw) {
            Ok(()) => {
                self.origins.insert(key.name, origin);
            }
            Err(source) => self.errors.push(ConfigError::Value { origin, key: key.name, source }),
        }
    }

    fn finish(mut self, file: Option<PathBuf>) -> Result<Loaded, ConfigErrors> {
        let draft = &mut self.draft;
        if draft.certificate.is_some() != draft.key.is_some() {
            self.errors.push(ConfigError::Conflict {
                first: "tls.certificate",
                second: "tls.key",
                problem: "must be set together",
            });
        }
        draft.config.tls.files = draft.files();
        draft.config.webhooks = draft.webhooks.finish();
        let config = &mut draft.config;
        let webhooks =
            [("alerts.webhook", &config.alert_webhook), ("audit.checkpoint_webhook", &config.checkpoint_webhook)];
        if let (Some((first, _)), None) = (webhooks.iter().find(|(_, url)| url.is_some()), &config.webhooks) {
            let problem = "must be set together: receivers have to know that a message is ours";
            self.errors.push(ConfigError::Conflict { first, second: "webhooks.secret", problem });
        }
        if !draft.parent_was_set {
            // The API's host is what most installations set, and it is a valid RP ID for itself.
            config.hosts.parent = config.hosts.api.name.clone();
        }
        if !self.origins.contains_key("hosts.authenticator") {
            config.hosts.authenticator.name = config.hosts.api.name.clone();
        }
        for (key, host) in [("hosts.api", &config.hosts.api), ("hosts.authenticator", &config.hosts.authenticator)] {
            if !is_below(&host.name, &config.hosts.parent) {
                let problem = "do not fit: every host must be the parent domain or below it";
                self.errors.push(ConfigError::Conflict { first: key, second: "hosts.parent", problem });
            }
        }
        if config.shares_listener() && config.hosts.api.name == config.hosts.authenticator.name {
            self.errors.push(ConfigError::Conflict {
                first: "listen.api",
                second: "listen.authenticator",
                problem: "are the same address; give them different ports, or different names in [hosts]",
            });
        }
        config.mail = std::mem::take(&mut draft.mail).finish(&mut self.errors);
        config.telephony = std::mem::take(&mut draft.telephony).finish(&mut self.errors);
        absolute_paths(config);
        if self.errors.is_empty() {
            Ok(Loaded { config: self.draft.config, file, origins: self.origins })
        } else {
            Err(ConfigErrors(self.errors))
        }
    }
}

/// Variables that the command line reads itself, and those of the programs beside the server, which may be set in the same shell.
const NOT_KEYS: [&str; 4] =
    ["COUNTERSIGN_DATA", "COUNTERSIGN_CONFIG", "COUNTERSIGN_DEVICE_HOME", "COUNTERSIGN_PROXY_CONFIG"];

fn absolute_paths(config: &mut Config) {
    let base = config.data_dir.clone();
    let join = |path: &mut PathBuf| *path = base.join(&*path);
    if let DatabaseUrl::Sqlite(path) = &mut config.database {
        join(path);
    }
    if let MasterKeySource::File(path) = &mut config.master_key {
        join(path);
    }
    if let Some(files) = &mut config.tls.files {
        join(&mut files.certificate);
        join(&mut files.key);
    }
    if let Some(mail) = &mut config.mail {
        mail.ca.iter_mut().for_each(join);
        if let Some((_, MailPassword::File(path))) = &mut mail.login {
            join(path);
        }
    }
    config.country_database.iter_mut().chain(config.checkpoint_file.iter_mut()).for_each(join);
    config.anonymous_lists.iter_mut().for_each(join);
    config.webhooks.iter_mut().filter_map(|webhooks| webhooks.ca.as_mut()).for_each(join);
    config.push.ca.iter_mut().for_each(join);
    match config.telephony.as_mut().map(|telephony| &mut telephony.gateway) {
        Some(Gateway::File(path)) => join(path),
        Some(Gateway::Http(gateway)) => {
            gateway.ca.iter_mut().for_each(join);
            if let Some(MailPassword::File(path)) = &mut gateway.authorization {
                join(path);
            }
        }
        None => {}
    }
}

fn is_below(host: &str, parent: &str) -> bool {
    host == parent || host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
}

fn raw(value: &DeValue<'_>) -> Result<Raw, ValueError> {
    match value {
        DeValue::String(text) => Ok(Raw::Text(text.to_string())),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map(Raw::Number)
            .map_err(|_| ValueError::Expected("a smaller number")),
        DeValue::Array(items) => items
            .iter()
            .map(|item| match item.get_ref() {
                DeValue::String(text) => Ok(text.to_string()),
                _ => Err(ValueError::Expected("a list of texts")),
            })
            .collect::<Result<_, _>>()
            .map(Raw::List),
        DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Table(_) => {
            Err(ValueError::Expected("a text in quotes, a whole number or a list of texts"))
        }
    }
}

fn unknown(key: String, origin: Origin, known: impl Iterator<Item = String>) -> ConfigError {
    if RESERVED.contains(&key.as_str()) {
        return ConfigError::Reserved { origin, key };
    }
    // A third of the letters may differ: enough for a slip, too little to suggest nonsense.
    let suggestion = known
        .map(|name| (distance(&name, &key), name))
        .min()
        .filter(|(distance, name)| *distance <= name.len().max(key.len()) / 3)
        .map(|(_, name)| name);
    ConfigError::UnknownKey { origin, key, suggestion }
}

/// Levenshtein distance in characters.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(200).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substitution = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substitution.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// What is mostly wrong with a line that is no TOML: a text without quotes.
fn unquoted_hint(text: &str, offset: usize) -> &'static str {
    let line = text.lines().nth(line_of(text, offset) - 1).unwrap_or_default();
    let value = line.split_once('=').map(|(_, value)| value.trim()).unwrap_or_default();
    let is_text = !value.is_empty() && !value.starts_with(['"', '\'', '[', '{']) && value.parse::<i64>().is_err();
    if is_text { "; a text stands in quotes" } else { "" }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, environment: &[(&str, &str)]) -> Result<Loaded, ConfigErrors> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("countersign.toml");
        std::fs::write(&path, text).unwrap();
        load_from(directory.path(), None, environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    fn faults(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
        let errors = read(text, environment).expect_err("should be refused");
        errors.0.iter().map(|error| error.to_string().rsplit('/').next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn an_empty_file_is_a_configuration() {
        let loaded = read("", &[]).unwrap();
        assert_eq!(loaded.config.hosts.parent, "localhost");
        assert!(
            matches!(&loaded.config.database, DatabaseUrl::Sqlite(path) if path.ends_with("countersign.db") && path.is_absolute())
        );
    }

    #[test]
    fn every_fault_is_named_with_its_line() {
        let text = "[listen]\napi = \"nowhere\"\nauthentcator = \"127.0.0.1:1\"\n\n[limits]\nbody_bytes = 1\nzzz = 1\n[listne]\napi = \"\"\n";
        assert_eq!(
            faults(text, &[]),
            [
                "countersign.toml:2: `listen.api` must be an address with a port, such as \"0.0.0.0:443\" or \"[::]:443\"",
                "countersign.toml:3: unknown key `listen.authentcator`; did you mean `listen.authenticator`?",
                "countersign.toml:6: `limits.body_bytes` must be between 4096 and 67108864",
                "countersign.toml:7: unknown key `limits.zzz`",
                "countersign.toml:8: unknown key `listne`",
            ]
        );
    }

    #[test]
    fn broken_toml_has_a_line_too() {
        let faults = faults("[listen]\napi = \n", &[]);
        assert!(faults[0].starts_with("countersign.toml:2: not valid TOML"), "{faults:?}");
        assert!(!faults[0].contains("quotes"), "{faults:?}");
        let faults = self::faults("[listen]\napi = 127.0.0.1:8443\n", &[]);
        assert!(faults[0].starts_with("countersign.toml:2: not valid TOML"), "{faults:?}");
        assert!(faults[0].ends_with("; a text stands in quotes"), "{faults:?}");
    }

    #[test]
    fn a_word_that_is_no_level_does_not_silence_the_log() {
        for good in ["info", "WARN", "info,countersign=debug", "countersign=debug"] {
            assert!(read(&format!("[log]\nlevel = \"{good}\"\n"), &[]).is_ok(), "{good}");
        }
        let faults = faults("[log]\nlevel = \"verbose\"\n", &[]);
        assert!(faults[0].contains("`log.level` must be error, warn, info, debug,"), "{faults:?}");
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let text = "[listen]\napi = \"127.0.0.1:1\"\n[hosts]\napi = \"a.example\"\n";
        let loaded = read(
            text,
            &[("COUNTERSIGN_LISTEN_API", "127.0.0.1:2"), ("COUNTERSIGN_LISTEN_TRUSTED_PROXIES", "10.0.0.0/8,::1")],
        )
        .unwrap();
        assert_eq!(loaded.config.listen.api.port(), 2);
        assert_eq!(loaded.config.trusted_proxies.len(), 2);
        assert_eq!(loaded.config.hosts.parent, "a.example");
        assert_eq!(loaded.config.hosts.authenticator.name, "a.example");
        assert_eq!(loaded.origins["listen.api"].to_string(), "environment variable COUNTERSIGN_LISTEN_API");
    }

    #[test]
    fn an_unknown_variable_is_an_error_and_the_master_key_is_not() {
        let faults =
            faults("", &[("COUNTERSIGN_LISTEN_APII", "x"), ("COUNTERSIGN_MASTER_KEY", "00"), ("PATH", "/bin")]);
        assert_eq!(
            faults,
            [
                "environment variable COUNTERSIGN_LISTEN_APII: unknown key `COUNTERSIGN_LISTEN_APII`; did you mean `COUNTERSIGN_LISTEN_API`?"
            ]
        );
    }

    #[test]
    fn variables_of_the_programs_beside_the_server_are_left_alone() {
        let others = [("COUNTERSIGN_DEVICE_HOME", "/home/alice/keys"), ("COUNTERSIGN_PROXY_CONFIG", "authproxy.cfg")];
        assert!(read("", &others).is_ok());
    }

    #[test]
    fn keys_that_only_work_together_are_checked_together() {
        assert!(faults("[tls]\ncertificate = \"a.pem\"\n", &[])[0].contains("must be set together"));
        assert!(
            faults("[hosts]\nparent = \"example.com\"\napi = \"badexample.com\"\n", &[])[0]
                .contains("parent domain or below")
        );
        assert!(faults("[alerts]\nwebhook = \"https://example.org/\"\n", &[])[0].contains("webhooks.secret"));
        assert!(faults("[listen]\nauthenticator = \"127.0.0.1:8443\"\n", &[])[0].contains("same address"));
        assert!(faults("[listen]\npanel = \"127.0.0.1:8445\"\n", &[])[0].contains("reserved"));
    }

    #[test]
    fn each_key_has_a_variable_of_its_own() {
        let mut variables: Vec<_> = KEYS.iter().map(Key::variable).collect();
        variables.sort();
        variables.dedup();
        assert_eq!(variables.len(), KEYS.len());
    }
}
