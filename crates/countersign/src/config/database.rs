//! The address of the database.

use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::value::{Raw, ValueError};

/// Which database to open.
#[derive(Clone)]
pub enum DatabaseUrl {
    Sqlite(PathBuf),
    Postgres(PostgresUrl),
}

/// A `postgres://` address. It usually holds a password, so `Debug` and `Display` leave that out.
#[derive(Clone)]
pub struct PostgresUrl {
    text: Zeroizing<String>,
    redacted: String,
}

impl DatabaseUrl {
    pub(crate) fn parse(raw: Raw) -> Result<Self, ValueError> {
        const SHAPE: ValueError = ValueError::Expected("`sqlite:FILE` or `postgres://user:password@host/name`");
        let text = Zeroizing::new(raw.text()?);
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() { Err(SHAPE) } else { Ok(Self::Sqlite(PathBuf::from(path))) };
        }
        let mut url = url::Url::parse(&text).map_err(|_| SHAPE)?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(SHAPE);
        }
        if url.password().is_some() && url.set_password(Some("redacted")).is_err() {
            return Err(SHAPE);
        }
        // A password may also be given as `?password=`, so parameters are left out whole.
        url.set_query(None);
        Ok(Self::Postgres(PostgresUrl { redacted: url.to_string(), text }))
    }
}

impl PostgresUrl {
    /// The whole address, with its password, for the driver.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => f.write_str(&url.redacted),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({})", self.redacted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<DatabaseUrl, ValueError> {
        DatabaseUrl::parse(Raw::Text(text.to_owned()))
    }

    #[test]
    fn a_password_is_never_printed() {
        for text in [
            "postgres://u:s3cret@db/x",
            "postgres://u:s3cret@db/x?password=s3cret",
            "postgresql://db/x?password=s3cret",
        ] {
            let url = parse(text).unwrap();
            assert!(!format!("{url} {url:?}").contains("s3cret"), "{url}");
            let DatabaseUrl::Postgres(postgres) = url else { panic!("not postgres") };
            assert_eq!(postgres.expose(), text);
        }
    }

    #[test]
    fn other_schemes_are_refused() {
        for text in ["mysql://db/x", "sqlite:", "countersign.db"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
