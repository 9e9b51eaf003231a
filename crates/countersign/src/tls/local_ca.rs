//! A certificate authority of this installation alone, for sites that bring no certificate.
//!
//! Clients are told to trust `tls/ca.pem`. The authority lives ten years; a server certificate 60 days, renewed at 30.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, string::Ia5String,
};
use zeroize::Zeroizing;

use super::TlsError;
use super::files::{mode_of, read, read_facts, read_pair, sync_parent, write};
use crate::config::CertificateFiles;

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Life of a server certificate.
pub const LEAF_DAYS: i32 = 60;
/// A server certificate with fewer days left is replaced.
pub const RENEW_DAYS: i32 = 30;
const AUTHORITY_DAYS: i32 = 3650;

/// The authority's files, below the data directory.
#[derive(Debug, Clone)]
pub struct LocalCa {
    directory: PathBuf,
}

impl LocalCa {
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        Self { directory: data_dir.join("tls") }
    }

    /// PEM file that clients are told to trust.
    #[must_use]
    pub fn certificate_path(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// Chain and key the server presents.
    #[must_use]
    pub fn server_files(&self) -> CertificateFiles {
        CertificateFiles { certificate: self.directory.join("server.pem"), key: self.directory.join("server.key") }
    }

    /// Makes what is missing and renews what is due: the authority once, the server certificate when it has fewer
    /// than [`RENEW_DAYS`] left or does not cover `names`. Says whether a new server certificate was written.
    pub fn ensure(&self, names: &[String], now: Timestamp) -> Result<bool, TlsError> {
        self.create_directory()?;
        let key_path = self.directory.join("ca.key");
        let authority = if key_path.exists() {
            let mode = mode_of(&key_path)?;
            if mode & 0o077 != 0 {
                return Err(TlsError::KeyExposed { path: key_path, mode });
            }
            let pem = Zeroizing::new(read(&key_path)?);
            let pem = std::str::from_utf8(&pem).map_err(|_| TlsError::NoKey { path: key_path.clone() })?;
            KeyPair::from_pem(pem).map_err(|_| TlsError::NoKey { path: key_path.clone() })?
        } else {
            let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
            write(&key_path, Zeroizing::new(key.serialize_pem()).as_bytes(), 0o600)?;
            key
        };
        let parameters = authority_parameters(&authority, now)?;
        if !self.certificate_path().exists() {
            write(&self.certificate_path(), parameters.self_signed(&authority)?.pem().as_bytes(), 0o644)?;
        }
        if self.is_current(names, now) {
            return Ok(false);
        }
        self.issue(&Issuer::new(parameters, authority), names, now)?;
        Ok(true)
    }

    fn create_directory(&self) -> Result<(), TlsError> {
        use std::os::unix::fs::DirBuilderExt as _;
        if self.directory.exists() {
            return Ok(());
        }
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)
            .and_then(|()| sync_parent(&self.directory))
            .map_err(|source| TlsError::Write { path: self.directory.clone(), source })
    }

    fn is_current(&self, names: &[String], now: Timestamp) -> bool {
        let files = self.server_files();
        let (Ok(facts), Ok(_)) = (read_facts(&files.certificate), read_pair(&files)) else {
            return false;
        };
        facts.not_after.duration_since(now) >= DAY * RENEW_DAYS && names.iter().all(|name| facts.names.contains(name))
    }

    fn issue(&self, issuer: &Issuer<'_, KeyPair>, names: &[String], now: Timestamp) -> Result<(), TlsError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = common_name(names.first().map_or("countersign", String::as_str));
        parameters.subject_alt_names = names.iter().map(|name| alternative_name(name)).collect::<Result<_, _>>()?;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.use_authority_key_identifier_extension = true;
        validity(&mut parameters, now, LEAF_DAYS);
        let certificate = parameters.signed_by(&key, issuer)?;
        let files = self.server_files();
        // The key goes first: a reader that sees the old certificate with the new key refuses the pair and tries again.
        write(&files.key, Zeroizing::new(key.serialize_pem()).as_bytes(), 0o600)?;
        write(&files.certificate, certificate.pem().as_bytes(), 0o644)
    }
}

/// The same for the same key, so that the authority's certificate need not be parsed to issue under it.
fn authority_parameters(key: &KeyPair, now: Timestamp) -> Result<CertificateParams, TlsError> {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key.public_key_raw());
    let mut parameters = CertificateParams::default();
    // Two installations must not have authorities of one name: browsers would take one for the other.
    let name = format!("Countersign local CA {}", HEXLOWER.encode(&digest.as_ref()[..4]));
    parameters.distinguished_name = common_name(&name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    validity(&mut parameters, now, AUTHORITY_DAYS);
    Ok(parameters)
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn alternative_name(name: &str) -> Result<SanType, rcgen::Error> {
    match name.parse::<IpAddr>() {
        Ok(address) => Ok(SanType::IpAddress(address)),
        Err(_) => Ok(SanType::DnsName(Ia5String::try_from(name)?)),
    }
}

/// From yesterday, because clients' clocks are wrong by time zones, to `days` from now.
fn validity(parameters: &mut CertificateParams, now: Timestamp, days: i32) {
    let date = |offset: i32| {
        let day = now.saturating_add(DAY * offset).unwrap_or(Timestamp::MAX).to_zoned(TimeZone::UTC).date();
        rcgen::date_time_ymd(i32::from(day.year()), day.month().unsigned_abs(), day.day().unsigned_abs())
    };
    parameters.not_before = date(-1);
    // Validity has whole days; round up so that a fresh certificate has at least the days promised.
    parameters.not_after = date(days + 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_certificate_is_renewed_when_due_and_under_the_same_authority() {
        let directory = tempfile::tempdir().unwrap();
        let ca = LocalCa::new(directory.path());
        let names = names(&["localhost", "127.0.0.1", "::1"]);
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        assert!(ca.ensure(&names, start).unwrap());
        let authority = std::fs::read(ca.certificate_path()).unwrap();
        let facts = read_facts(&ca.server_files().certificate).unwrap();
        assert_eq!(facts.names, names);

        assert!(!ca.ensure(&names, start + DAY * 29).unwrap(), "not due");
        assert!(ca.ensure(&names, start + DAY * 32).unwrap(), "due");
        let renewed = read_facts(&ca.server_files().certificate).unwrap();
        assert!(renewed.not_after > facts.not_after);
        assert_eq!(std::fs::read(ca.certificate_path()).unwrap(), authority);
    }

    #[test]
    fn a_new_name_makes_a_new_certificate() {
        let directory = tempfile::tempdir().unwrap();
        let ca = LocalCa::new(directory.path());
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        ca.ensure(&names(&["localhost"]), start).unwrap();
        assert!(ca.ensure(&names(&["localhost", "mfa.example.com"]), start).unwrap());
        assert!(!ca.ensure(&names(&["localhost"]), start).unwrap(), "fewer names need no new one");
    }

    #[test]
    fn keys_are_private_and_an_exposed_one_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let ca = LocalCa::new(directory.path());
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        ca.ensure(&names(&["localhost"]), start).unwrap();
        for key in ["ca.key", "server.key"] {
            let path = directory.path().join("tls").join(key);
            assert_eq!(mode_of(&path).unwrap(), 0o600, "{key}");
        }
        let path = directory.path().join("tls/ca.key");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(ca.ensure(&names(&["localhost"]), start), Err(TlsError::KeyExposed { .. })));
    }
}
