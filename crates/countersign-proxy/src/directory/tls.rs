//! TLS to a directory: whom it trusts, and what a proof of NTLM is bound to.

use std::sync::Arc;

use anyhow::Context as _;
use aws_lc_rs::digest;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs::default_provider};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::signature_algorithm::SignatureAlgorithm;

use super::ntlm::ChannelBinding;
use crate::cfg::client::AdClient;

/// How TLS connections of a section are made.
///
/// Fails if the file of authorities cannot be read or holds none.
pub(super) fn client_config(ad: &AdClient) -> anyhow::Result<Arc<ClientConfig>> {
    let provider = Arc::new(default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let roots = ad.ssl_ca_certs_file.as_ref().map(|path| {
        authorities(path).with_context(|| format!("cannot take authorities from ssl_ca_certs_file {}", path.display()))
    });
    let config = match roots.transpose()? {
        Some(roots) if ad.ssl_verify_hostname => builder.with_root_certificates(roots).with_no_client_auth(),
        roots => {
            let verifier = Lenient { roots, algorithms: algorithms(&provider) };
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        }
    };
    Ok(Arc::new(config))
}

fn algorithms(provider: &CryptoProvider) -> WebPkiSupportedAlgorithms {
    provider.signature_verification_algorithms
}

fn authorities(path: &std::path::Path) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path)? {
        roots.add(certificate?)?;
    }
    anyhow::ensure!(!roots.is_empty(), "it holds no certificate");
    Ok(roots)
}

/// For `ssl_verify_hostname=false`: the name is not looked at. Without authorities nothing is, which the configuration is warned of.
#[derive(Debug)]
struct Lenient {
    roots: Option<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(roots) = &self.roots {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, self.algorithms.all)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The binding to a server's certificate: its digest by the algorithm that it is signed with, where that is stronger than SHA-1, and SHA-256 otherwise (RFC 5929 §4.1).
/// `None` for signatures without a digest of their own, for which none is defined.
pub(super) fn server_end_point(certificate: &[u8]) -> Option<ChannelBinding> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let signature = SignatureAlgorithm::try_from(&parsed.signature_algorithm).ok();
    let oid = match signature {
        Some(SignatureAlgorithm::RSASSA_PSS(ref parameters)) => parameters.hash_algorithm_oid().to_id_string(),
        Some(_) | None => parsed.signature_algorithm.algorithm.to_id_string(),
    };
    let algorithm = match oid.as_str() {
        // sha384WithRSAEncryption, ecdsa-with-SHA384, SHA-384
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" | "2.16.840.1.101.3.4.2.2" => &digest::SHA384,
        // the same with SHA-512
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" | "2.16.840.1.101.3.4.2.3" => &digest::SHA512,
        // Ed25519, Ed448
        "1.3.101.112" | "1.3.101.113" => return None,
        _ => &digest::SHA256,
    };
    Some(ChannelBinding::server_end_point(digest::digest(algorithm, certificate).as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(algorithm: &'static rcgen::SignatureAlgorithm) -> Vec<u8> {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        rcgen::CertificateParams::new(vec!["dc1.lab.test".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap()
            .der()
            .to_vec()
    }

    #[test]
    fn rfc_5929_the_digest_is_that_of_the_certificates_own_signature() {
        let bound = |algorithm, certificate: &[u8]| {
            Some(ChannelBinding::server_end_point(digest::digest(algorithm, certificate).as_ref()))
        };
        let small = certificate(&rcgen::PKCS_ECDSA_P256_SHA256);
        assert_eq!(server_end_point(&small), bound(&digest::SHA256, &small));
        let large = certificate(&rcgen::PKCS_ECDSA_P384_SHA384);
        assert_eq!(server_end_point(&large), bound(&digest::SHA384, &large));
        assert_eq!(server_end_point(&certificate(&rcgen::PKCS_ED25519)), None);
        assert_eq!(server_end_point(b"no certificate"), None);
    }
}
