use countersign::config::{KEYS, load_from};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/countersign.toml");

/// Keys that stand for another one, and cannot be set beside it: named in the other's comment.
const ALTERNATIVES: &[(&str, &str)] =
    &[("mail.password", "`password = \"…\"`"), ("telephony.authorization", "`authorization = \"…\"`")];

#[test]
fn the_example_configuration_shows_every_key_and_loads() {
    let text = std::fs::read_to_string(EXAMPLE).unwrap();
    // Uncommenting means `#key = …`; prose has a space after the `#`.
    let active: String = text
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line).to_owned() + "\n")
        .collect();
    let is_named = |key: &str| ALTERNATIVES.iter().any(|(name, mention)| *name == key && text.contains(mention));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("example.toml");
    for contents in [&text, &active] {
        std::fs::write(&file, contents).unwrap();
        let loaded = load_from(directory.path(), Some(&file), []).unwrap_or_else(|errors| panic!("{errors}"));
        let missing: Vec<_> = KEYS
            .iter()
            .map(|key| key.name)
            .filter(|name| !loaded.origins.contains_key(name) && !is_named(name))
            .collect();
        assert!(contents == &text || missing.is_empty(), "not in the example: {missing:?}");
    }
}
