//! Access-Requests as a VPN's device makes them, and what their answers must be.

use anyhow::Context as _;
use aws_lc_rs::rand;
use cs_radius::{Builder, Code, Integrity, Packet, Secret, kind, password, reply_integrity, reply_is_authentic};
use serde::{Deserialize, Serialize};

use crate::otp;

/// Whose logins they are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Name {
    /// One person's, from another station each time.
    One(String),
    /// Those of so many users in turn, as they are called in the database.
    Users(u64),
    /// The same, each with the next code of their token behind the password.
    WithCode(u64),
}

impl Name {
    fn of(&self, number: u64) -> String {
        match self {
            Self::One(name) => name.clone(),
            Self::Users(users) | Self::WithCode(users) => otp::name(number % users),
        }
    }

    /// What is typed.
    fn typed(&self, number: u64, password: &str) -> String {
        match self {
            Self::One(_) | Self::Users(_) => password.to_owned(),
            Self::WithCode(users) => format!("{password},{}", otp::code(number, *users)),
        }
    }
}

/// A packet that is to be sent.
pub(super) struct Request {
    pub(super) octets: Vec<u8>,
    /// What it was answered before, when it is sent again.
    pub(super) answer: Option<Vec<u8>>,
}

/// Access-Request number `number`, with this identifier.
pub(super) fn request(
    number: u64,
    identifier: u8,
    name: &Name,
    password: &str,
    secret: &Secret,
) -> anyhow::Result<Request> {
    let mut authenticator = [0; 16];
    rand::fill(&mut authenticator).context("no random octets")?;
    let hidden = password::hide(name.typed(number, password).as_bytes(), secret, &authenticator)?;
    let mut builder = Builder::new(Code::AccessRequest, identifier);
    let [_, a, b, c] = u32::try_from(number % (1 << 24))?.to_be_bytes();
    builder
        .attribute(kind::USER_NAME, name.of(number).as_bytes())?
        .attribute(kind::USER_PASSWORD, &hidden)?
        .attribute(kind::NAS_IP_ADDRESS, &[192, 0, 2, 1])?
        .attribute(kind::NAS_IDENTIFIER, b"gate")?
        .number(kind::NAS_PORT, u32::from(identifier))?
        // Another person's station each time: the same one would be the same login, and not be asked about again.
        .attribute(kind::CALLING_STATION_ID, format!("10.{a}.{b}.{c}").as_bytes())?;
    Ok(Request { octets: builder.into_request(secret, &authenticator), answer: None })
}

/// Whether `octets` are the answer to `request` that is wanted: made with the secret, unaltered, and the same octets as before where it was answered before.
pub(super) fn judge(request: &Request, octets: &[u8], wanted: Code, secret: &Secret) -> Result<(), String> {
    if let Some(before) = &request.answer {
        return if before == octets { Ok(()) } else { Err("another answer than before".to_owned()) };
    }
    let asked = Packet::parse(&request.octets).map_err(|error| error.to_string())?;
    let answer = Packet::parse(octets).map_err(|error| error.to_string())?;
    if !reply_is_authentic(&answer, secret, asked.authenticator()) {
        return Err("an answer that was not made for this request".to_owned());
    }
    // Not every peer signs its answers.
    if reply_integrity(&answer, secret, asked.authenticator()) == Integrity::Wrong {
        return Err("a wrong Message-Authenticator".to_owned());
    }
    if answer.code() != wanted {
        let text = answer.text(kind::REPLY_MESSAGE).unwrap_or_default();
        return Err(format!("{} instead of {}: {text}", answer.code().name(), wanted.name()));
    }
    Ok(())
}
