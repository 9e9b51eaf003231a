//! What somebody may have typed as a name, and where in a directory it is looked for.

use super::refusal::Refusal;

/// A typed name by its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typed<'a> {
    /// `alice@example.org`: searched in `at_attribute`.
    At(&'a str),
    /// `EXAMPLE\alice`: the second is searched in `sAMAccountName`, and must be of that domain.
    InDomain { domain: &'a str, name: &'a str },
    /// Searched in `username_attribute`.
    Plain(&'a str),
    /// A distinguished name, which nobody types as a login of RADIUS: the entry itself is read.
    Entry(&'a str),
}

/// Longer names are nobody's.
const LONGEST: usize = 512;

impl<'a> Typed<'a> {
    /// Fails for what cannot be a name: a comma makes it look like a distinguished name, and control characters hide something.
    pub(super) fn read(name: &'a str) -> Result<Self, Refusal> {
        if name.is_empty() || name.len() > LONGEST || name.contains(|c: char| c == ',' || c.is_control()) {
            return Err(Refusal::BadName);
        }
        if name.matches('@').count() == 1 {
            return Ok(Self::At(name));
        }
        match name.split_once('\\') {
            Some((domain, name)) if !name.contains('\\') => {
                if domain.is_empty() || name.is_empty() {
                    return Err(Refusal::BadName);
                }
                Ok(Self::InDomain { domain, name })
            }
            Some(_) | None => Ok(Self::Plain(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_of_three_shapes() {
        let told = [
            ("alice", Ok(Typed::Plain("alice"))),
            ("alice@lab.test", Ok(Typed::At("alice@lab.test"))),
            ("LAB\\alice", Ok(Typed::InDomain { domain: "LAB", name: "alice" })),
            ("a@b\\c", Ok(Typed::At("a@b\\c"))),
            ("a@b@c", Ok(Typed::Plain("a@b@c"))),
            ("a\\b\\c", Ok(Typed::Plain("a\\b\\c"))),
            ("*)(uid=*", Ok(Typed::Plain("*)(uid=*"))),
            ("uid=alice,dc=lab", Err(Refusal::BadName)),
            ("alice\0", Err(Refusal::BadName)),
            ("\\alice", Err(Refusal::BadName)),
            ("LAB\\", Err(Refusal::BadName)),
            ("", Err(Refusal::BadName)),
        ];
        for (name, expected) in told {
            assert_eq!(Typed::read(name), expected, "{name:?}");
        }
        assert_eq!(Typed::read(&"a".repeat(513)), Err(Refusal::BadName));
    }
}
