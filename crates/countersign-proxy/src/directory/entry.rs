//! An entry that was found, kept.

/// Attributes that hold what stays the same when an entry is renamed or moved: of Active Directory, of RFC 4530, and of 389 Directory Server.
pub(super) const KEYS: [&str; 3] = ["objectGUID", "entryUUID", "nsUniqueId"];

/// What stays the same when an entry is renamed or moved, in small hexadecimal digits; `None` if the directory does not tell.
pub(super) fn key_of(entry: &Entry) -> Option<String> {
    if let [guid] = entry.values("objectGUID")
        && guid.len() == 16
    {
        return Some(data_encoding::HEXLOWER.encode(guid));
    }
    let text = entry.text("entryUUID").or_else(|| entry.text("nsUniqueId"))?;
    let digits: String = text.chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    (digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(digits)
}

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

    /// Takes all values of an attribute out.
    pub(super) fn take(&mut self, name: &str) -> Vec<Vec<u8>> {
        let found = self.attributes.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, values)| std::mem::take(values)).unwrap_or_default()
    }

    /// Takes out the values of an attribute of which Active Directory gives only a part (`member;range=0-1499`), and where the next part begins. `None` if it is given as
    /// a whole, or not at all.
    pub(super) fn take_range(&mut self, name: &str) -> Option<(Vec<Vec<u8>>, Option<u32>)> {
        let part = |known: &str| {
            let (base, option) = known.split_once(';')?;
            let option = option.to_ascii_lowercase();
            let last = option.strip_prefix("range=")?.split_once('-')?.1.to_owned();
            base.eq_ignore_ascii_case(name).then_some(last)
        };
        let (last, values) = self.attributes.iter_mut().find_map(|(known, values)| Some((part(known)?, values)))?;
        // `*` is the end; what is no number ends it too, and what is missing then is seen by whoever compares.
        let next = last.parse::<u32>().ok().and_then(|last| last.checked_add(1));
        Some((std::mem::take(values), next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_one_key_whoever_gives_it() {
        let entry = |name: &str, value: &[u8]| Entry {
            dn: "cn=a".to_owned(),
            attributes: vec![(name.to_owned(), vec![value.to_vec()])],
        };
        let key = Some("00112233445566778899aabbccddeeff".to_owned());
        let guid = [0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff];
        assert_eq!(key_of(&entry("objectguid", &guid)), key);
        assert_eq!(key_of(&entry("entryUUID", b"00112233-4455-6677-8899-AABBCCDDEEFF")), key);
        assert_eq!(key_of(&entry("nsUniqueId", b"00112233-44556677-8899aabb-ccddeeff")), key);
        for (name, value) in [("objectGUID", &guid[..15]), ("entryUUID", b"0011"), ("uid", b"alice")] {
            assert_eq!(key_of(&entry(name, value)), None, "{name}");
        }
    }

    #[test]
    fn a_part_of_an_attribute_says_where_the_next_begins() {
        let entry = |name: &str| Entry {
            dn: "cn=g".to_owned(),
            attributes: vec![("member".to_owned(), vec![]), (name.to_owned(), vec![b"cn=a".to_vec()])],
        };
        let values = vec![b"cn=a".to_vec()];
        assert_eq!(entry("member;range=0-1499").take_range("Member"), Some((values.clone(), Some(1500))));
        assert_eq!(entry("member;Range=1500-*").take_range("member"), Some((values, None)));
        for whole in ["member;binary", "memberOf;range=0-1499", "member;range=0"] {
            assert_eq!(entry(whole).take_range("member"), None, "{whole}");
        }
    }
}
