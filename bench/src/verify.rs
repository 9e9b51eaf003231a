//! What the WebAuthn library by itself takes to verify a login: the answer read from JSON, and judged. No server, no database.

use std::hint::black_box;

use anyhow::Context as _;
use data_encoding::BASE64URL_NOPAD;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::proto::{PublicKeyCredential, RegisterPublicKeyCredential, UserVerificationPolicy};

use crate::key::SoftKey;
use crate::process::Watched;
use crate::stats::Spread;

const RP_ID: &str = "localhost";
const ORIGIN: &str = "https://localhost:8443";
/// As the server sets it: whether the person was verified is its own rule.
const NOT_ASKED: UserVerificationPolicy = UserVerificationPolicy::Discouraged_DO_NOT_USE;

/// Microseconds of processor time for each verification.
pub(crate) fn measure(quick: bool) -> anyhow::Result<Spread> {
    let (origins, timeout) = (vec![ORIGIN.parse()?], std::time::Duration::from_secs(300));
    let core = WebauthnCore::new_unsafe_experts_only(RP_ID, RP_ID, origins, timeout, None, None);
    let key = SoftKey::new(ORIGIN, RP_ID)?;
    let builder = core.new_challenge_register_builder(b"user", "user", "user").context("a challenge")?;
    let builder = builder.user_verification_policy(NOT_ASKED);
    let (asked, state) = core.generate_challenge_register(builder).context("a challenge")?;
    let made = key.create(&BASE64URL_NOPAD.encode(&asked.public_key.challenge))?;
    let made: RegisterPublicKeyCredential = serde_json::from_str(&made)?;
    let credential = core.register_credential(&made, &state, None).context("the registration")?;

    let builder = core.new_challenge_authenticate_builder(Vec::new(), Some(NOT_ASKED)).context("a challenge")?;
    let (asked, state) = core.generate_challenge_authenticate(builder).context("a challenge")?;
    let response = key.get(&key.pair()?, &BASE64URL_NOPAD.encode(&asked.public_key.challenge), 1)?;
    let (rounds, times) = if quick { (3, 5_000) } else { (5, 20_000) };
    let own = Watched::one(std::process::id());
    let mut each = Vec::new();
    for _ in 0..rounds {
        let before = own.cpu_seconds()?;
        for _ in 0..times {
            let answer: PublicKeyCredential = serde_json::from_str(black_box(&response))?;
            black_box(core.authenticate_single_credential(&answer, &state, &credential).context("the login")?);
        }
        each.push((own.cpu_seconds()? - before) / f64::from(times) * 1e6);
    }
    Ok(Spread::of(each))
}
