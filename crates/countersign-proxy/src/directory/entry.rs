//! An entry that was found, kept.

/// A name and its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) dn: String,
    attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Entry {
    pub(super) fn of(entry: &cs_ldap::Entry<'_>) -> Self {
        let kept = |attribute: &cs_ldap::Attribute<'_>| {
            (attribute.name.to_owned(), attribute.values.iter().map(|value| value.to_vec()).collect())
        };
        Self { dn: entry.dn.to_owned(), attributes: entry.attributes.iter().map(kept).collect() }
    }

    /// All values of an attribute, whatever the case of its name.
    pub(super) fn values(&self, name: &str) -> &[Vec<u8>] {
        let found = self.attributes.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, values)| values.as_slice()).unwrap_or_default()
    }

    /// Those that are text.
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(name).iter().filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// The first that is text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).next()
    }
}
