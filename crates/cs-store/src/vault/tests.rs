use std::os::unix::fs::PermissionsExt;

use super::*;

fn vault(account: &str) -> (MasterKey, Vault) {
    let master = MasterKey::generate().unwrap();
    let vault = Vault::default();
    for purpose in Purpose::ACCOUNT {
        vault.admit(&master, &WrappedKey::generate(&master, account, purpose, 1).unwrap()).unwrap();
    }
    (master, vault)
}

#[test]
fn a_sealed_value_opens_only_where_it_belongs() {
    let (_, vault) = vault("DA1");
    let sealed = vault.seal("DA1", "integration", "skey", "DI1", b"secret").unwrap();
    assert!(!sealed.windows(6).any(|part| part == b"secret"));
    assert_eq!(*vault.open("DA1", "integration", "skey", "DI1", &sealed).unwrap(), b"secret");
    for (table, column, row) in [
        ("phone", "skey", "DI1"),
        ("integration", "seed", "DI1"),
        ("integration", "skey", "DI2"),
        ("integrations", "key", "DI1"),
    ] {
        assert_eq!(vault.open("DA1", table, column, row, &sealed).unwrap_err(), VaultError::NotAuthentic);
    }
    let mut changed = sealed.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(vault.open("DA1", "integration", "skey", "DI1", &changed).unwrap_err(), VaultError::NotAuthentic);
    for cut in 0..sealed.len() {
        assert!(vault.open("DA1", "integration", "skey", "DI1", &sealed[..cut]).is_err());
    }
}

#[test]
fn an_older_data_key_still_opens_and_is_called_outdated() {
    let (master, vault) = vault("DA1");
    let old = vault.seal("DA1", "t", "c", "r", b"x").unwrap();
    vault.admit(&master, &WrappedKey::generate(&master, "DA1", Purpose::Data, 2).unwrap()).unwrap();
    assert_eq!(*vault.open("DA1", "t", "c", "r", &old).unwrap(), b"x");
    assert!(vault.is_outdated("DA1", &old).unwrap());
    assert!(!vault.is_outdated("DA1", &vault.seal("DA1", "t", "c", "r", b"x").unwrap()).unwrap());
}

#[test]
fn digests_differ_by_account_and_purpose() {
    let (master, vault) = vault("DA1");
    for purpose in Purpose::ACCOUNT {
        vault.admit(&master, &WrappedKey::generate(&master, "DA2", purpose, 1).unwrap()).unwrap();
    }
    let digest = vault.digest("DA1", "bypass", b"123456789").unwrap();
    assert_eq!(digest, vault.digest("DA1", "bypass", b"123456789").unwrap());
    assert_ne!(digest, vault.digest("DA1", "sms", b"123456789").unwrap());
    assert_ne!(digest, vault.digest("DA2", "bypass", b"123456789").unwrap());
    assert_eq!(vault.digest("DA3", "bypass", b"").unwrap_err(), VaultError::NoKey { account: "DA3".into() });
}

#[test]
fn another_master_key_is_named_as_the_wrong_one() {
    let (_, vault) = vault("DA1");
    let (one, other) = (MasterKey::generate().unwrap(), MasterKey::generate().unwrap());
    let key = WrappedKey::generate(&one, "DA1", Purpose::Data, 1).unwrap();
    assert_eq!(vault.admit(&other, &key).unwrap_err(), VaultError::WrongMasterKey);
    let moved = WrappedKey { account: "DA2".into(), ..key };
    assert_eq!(vault.admit(&one, &moved).unwrap_err(), VaultError::NotAuthentic);
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("master.key");
    let key = MasterKey::create_file(&path).unwrap();
    let read = MasterKey::from_file(&path).unwrap();
    assert_eq!(format!("{key:?}"), format!("{read:?}"));
    for mode in [0o640, 0o604, 0o660] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let error = MasterKey::from_file(&path).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    assert!(MasterKey::create_file(&path).is_err(), "an existing key must not be overwritten");
}

#[test]
fn a_master_key_is_read_raw_hex_or_base64_and_nothing_else() {
    let hex = "00".repeat(32);
    let base64 = data_encoding::BASE64.encode(&[0; 32]);
    for text in [hex.as_str(), &format!("{hex}\n"), &base64] {
        assert_eq!(
            format!("{:?}", MasterKey::from_text("V", text).unwrap()),
            format!("{:?}", MasterKey::new(Zeroizing::new([0; 32])))
        );
    }
    for text in ["", "00", "not a key", &hex[1..]] {
        assert!(MasterKey::from_text("V", text).is_err());
    }
}
