use countersign::config::CertificateFiles;
use countersign::tls::{LocalCa, Reload};

use super::site::{Client, Site};

#[tokio::test]
async fn a_new_certificate_is_taken_up_without_dropping_connections() {
    let site = Site::start();
    let mut before = site.connect().await;
    assert_eq!(before.get("/client").await.status, 200);

    let ca = LocalCa::new(site.directory.path());
    let names = vec!["localhost".to_owned(), "new.localhost".to_owned()];
    assert!(ca.ensure(&names, now()).unwrap());
    assert_eq!(site.running.certificates.reload().unwrap(), Reload::Replaced);

    let after = Client::connect(site.api(), site.client_config(), "new.localhost").await;
    assert_ne!(after.server_certificate(), before.server_certificate());
    assert_eq!(before.get("/client").await.status, 200, "the old connection lives on");
}

#[tokio::test]
async fn a_broken_certificate_is_reported_and_the_old_one_stays() {
    let site = Site::start();
    let CertificateFiles { certificate, .. } = LocalCa::new(site.directory.path()).server_files();
    std::fs::write(certificate, "nonsense").unwrap();
    let error = site.running.certificates.reload().unwrap_err().to_string();
    assert!(error.contains("server.pem holds no usable PEM certificate"), "{error}");
    assert_eq!(site.connect().await.get("/client").await.status, 200);
}

#[tokio::test]
async fn clients_may_use_the_host_name_or_an_address() {
    let site = Site::start();
    for name in ["localhost", "127.0.0.1"] {
        let mut client = Client::connect(site.api(), site.client_config(), name).await;
        assert_eq!(client.get("/client").await.body, "127.0.0.1");
    }
}

#[tokio::test]
async fn certificates_come_from_files_where_configured() {
    let elsewhere = tempfile::tempdir().unwrap();
    let ca = LocalCa::new(elsewhere.path());
    ca.ensure(&["localhost".to_owned()], now()).unwrap();
    let site = Site::with(|config| config.tls.files = Some(ca.server_files()));
    assert!(site.running.certificates.authority().is_none());
    assert!(!site.directory.path().join("tls").exists(), "no authority is made when none is used");
    let tls = site.directory.path().join("tls");
    std::fs::create_dir(&tls).unwrap();
    std::fs::copy(ca.certificate_path(), tls.join("ca.pem")).unwrap();
    assert_eq!(site.connect().await.get("/client").await.status, 200);
}

#[expect(clippy::disallowed_methods, reason = "the client checks certificates by the real clock")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
