//! Files of what is kept: whole or not at all, and sealed where they hold codes.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use cs_client::outage::Jwk;

use crate::outage::journal::sync_folder;

/// Keeps this use of an application's secret from every other.
const PURPOSE: &[u8] = b"countersign-proxy codes at rest, 1";

pub(super) fn read_key(folder: &Path, ikey: &str) -> Option<Jwk> {
    serde_json::from_slice(&std::fs::read(folder.join(format!("key-{ikey}"))).ok()?).ok()
}

/// An integration key names files: nothing but letters and digits.
pub(super) fn is_file_safe(ikey: &str) -> bool {
    !ikey.is_empty() && ikey.len() <= 64 && ikey.bytes().all(|octet| octet.is_ascii_alphanumeric())
}

/// Writes a file whole, or not at all.
pub(super) fn put(folder: &Path, name: &str, octets: &[u8]) -> std::io::Result<()> {
    let beside = folder.join(format!("{name}.new"));
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
    file.write_all(octets).and_then(|()| file.sync_all())?;
    std::fs::rename(&beside, folder.join(name))?;
    sync_folder(folder)
}

fn sealing(skey: &str) -> Option<RandomizedNonceKey> {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, skey.as_bytes());
    RandomizedNonceKey::new(&AES_256_GCM, hmac::sign(&secret, PURPOSE).as_ref()).ok()
}

pub(super) fn seal(skey: &str, text: &str) -> Option<Vec<u8>> {
    let mut sealed = text.as_bytes().to_vec();
    let nonce = sealing(skey)?.seal_in_place_append_tag(Aad::from(PURPOSE), &mut sealed).ok()?;
    Some([nonce.as_ref().as_slice(), &sealed].concat())
}

pub(super) fn unseal(skey: &str, whole: &[u8]) -> Option<String> {
    let (nonce, sealed) = whole.split_first_chunk::<NONCE_LEN>()?;
    let mut sealed = sealed.to_vec();
    let opened = sealing(skey)?.open_in_place(Nonce::from(nonce), Aad::from(PURPOSE), &mut sealed).ok()?;
    String::from_utf8(opened.to_vec()).ok()
}
