//! TLS to PostgreSQL: to whom, or not at all.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use cs_store::testing::{Ports, PostgresServer};
use cs_store::vault::MasterKey;
use cs_store::{Database, Store, StoreConfig, StoreError, args};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::common::*;

/// An authority: its certificate, and what it issues with.
fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let mut parameters = CertificateParams::new(vec![]).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = parameters.self_signed(&key).unwrap().pem();
    (pem, Issuer::new(parameters, key))
}

fn write(path: &Path, text: &str) {
    use std::io::Write as _;
    let _ = std::fs::remove_file(path);
    let mut options = std::fs::OpenOptions::new();
    options.create_new(true).write(true).mode(0o600).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

async fn open(address: String) -> Result<Store, StoreError> {
    let master = Arc::new(MasterKey::generate().unwrap());
    Store::open(StoreConfig::new(Database::Postgres(address), master)).await
}

fn causes(error: &StoreError) -> String {
    let mut text = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(one) = cause {
        text += &format!("{one}: ");
        cause = one.source();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_is_spoken_to_over_tls_by_its_name_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let (ca, issuer) = authority("ours");
    let (wrong_ca, _) = authority("another's");
    let (right, wrong) = (dir.path().join("ca.pem"), dir.path().join("wrong.pem"));
    write(&right, &ca);
    write(&wrong, &wrong_ca);
    let ports = Ports::reserve(&[]);
    let port = ports.first();
    let server = PostgresServer::start(Some(port), &["ssl=on"], |data| {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        write(&data.join("server.crt"), &certificate.pem());
        write(&data.join("server.key"), &key.serialize_pem());
        let hosts = "local all all trust\nhostssl all all 127.0.0.1/32 trust\nhostnossl all all 127.0.0.1/32 reject\n";
        write(&data.join("pg_hba.conf"), hosts);
    });
    let Some(server) = server else { return };
    let by_socket = server.create_database();
    let name = by_socket.strip_prefix("postgres:///").unwrap().split_once('?').unwrap().0;
    let address = |host: &str, options: &str| format!("postgres://postgres@{host}:{port}/{name}?{options}");
    let with = |mode: &str, root: &Path| format!("sslmode={mode}&sslrootcert={}", root.display());

    let store = open(address("localhost", &with("verify-full", &right))).await.unwrap();
    store.commit(fact("a", "1")).await.unwrap();
    let encrypted = "SELECT CAST(count(*) AS BIGINT) FROM pg_stat_ssl WHERE ssl AND pid = pg_backend_pid()";
    assert_eq!(store.query(encrypted, args![]).await.unwrap()[0].int(0).unwrap(), 1);
    let plain = "SELECT CAST(count(*) AS BIGINT) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                 WHERE NOT ssl AND application_name = 'countersign'";
    assert_eq!(store.query(plain, args![]).await.unwrap()[0].int(0).unwrap(), 0);
    store.shutdown().await;

    // Whatever the mode is called, the other end is checked whole.
    for mode in ["verify-full", "verify-ca", "require", "prefer"] {
        let error = open(address("localhost", &with(mode, &wrong))).await.unwrap_err();
        assert!(causes(&error).contains("UnknownIssuer"), "{mode}: {}", causes(&error));
        let error = open(address("127.0.0.1", &with(mode, &right))).await.unwrap_err();
        assert!(causes(&error).contains("not valid for name"), "{mode}: {}", causes(&error));
    }
    let error = open(address("localhost", "sslmode=disable")).await.unwrap_err();
    assert!(causes(&error).contains("no encryption"), "{}", causes(&error));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_told_nothing_where_tls_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("ca.pem");
    write(&root, &authority("ours").0);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // Somebody in between who says that there is no TLS, to be told the password.
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 8];
        stream.read_exact(&mut request).await.unwrap();
        assert_eq!(request[4..], 80_877_103_u32.to_be_bytes(), "SSLRequest");
        stream.write_all(b"N").await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        rest
    });
    let options = format!("sslmode=verify-full&sslrootcert={}", root.display());
    let error = open(format!("postgres://postgres:secret@localhost:{port}/x?{options}")).await.unwrap_err();
    assert!(causes(&error).contains("TLS"), "{}", causes(&error));
    assert_eq!(heard.await.unwrap(), b"");
}
