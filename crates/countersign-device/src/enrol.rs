//! Binding a new device: make a key, prove it, and keep what comes back.

use std::sync::atomic::AtomicI64;
use std::time::Duration;

use cs_wire::device::{
    ActivatePayload, ActivateRequest, ActivateResponse, DeviceClass, DeviceInfo, DeviceKey, KeyProtection,
    ProtocolVersion, confirm_phrase, sign,
};
use reqwest::Method;

use crate::Environment;
use crate::activation::Activation;
use crate::authenticator::{Authenticator, ROOT, to_json};
use crate::directory::is_file_safe;
use crate::error::{Error, Refusal};
use crate::link::{Link, client};
use crate::record::{NewRecord, Record};
use crate::storage::Storage;

/// What the device says about itself when it is activated.
#[derive(Debug, Clone)]
pub struct Introduction {
    /// The person's name for the device.
    pub name: String,
    /// [`DeviceClass::Cli`], or [`DeviceClass::Automation`] where no person answers.
    pub class: DeviceClass,
    /// The only certificate authorities to trust for this account, in PEM; the system's where absent.
    pub ca_pem: Option<String>,
}

/// A device that was just bound.
#[derive(Debug)]
pub struct Activated {
    /// The device.
    pub authenticator: Authenticator,
    /// What the page that showed the code shows as well, computed here from code and key.
    pub phrase: String,
    /// Whether the device is inert until the person has confirmed the phrase there.
    pub must_confirm: bool,
}

impl Authenticator {
    /// Binds a new device with the one-time code in `activation`, and stores its key in `storage`.
    ///
    /// # Errors
    /// [`Error::Store`] before the code is spent where the key could not be kept; refusals (`activation_invalid`)
    /// and network errors.
    pub async fn activate(
        activation: &Activation,
        introduction: Introduction,
        storage: &Storage,
        environment: &Environment,
    ) -> Result<Activated, Error> {
        storage.prepare()?;
        let link = Link {
            client: match &environment.client {
                Some(client) => client.clone(),
                None => client(activation.origin(), introduction.ca_pem.as_deref())?,
            },
            origin: activation.origin().to_owned(),
            clock: environment.clock.clone(),
            offset_s: AtomicI64::new(0),
        };
        let key = DeviceKey::generate().map_err(|_| Error::Signing)?;
        let pkcs8 = key.expose_pkcs8().map_err(|_| Error::Signing)?;
        let device = DeviceInfo {
            class: introduction.class,
            name: introduction.name.clone(),
            platform: platform(),
            app_version: env!("CARGO_PKG_VERSION").to_owned(),
            key_protection: match storage {
                Storage::Directory(_) => KeyProtection::File,
                Storage::Memory(_) => KeyProtection::Unknown,
            },
            push: None,
        };
        let answer = send(&link, activation, &key, device).await?;
        link.learn_time(answer.server_time);
        if answer.origin != link.origin {
            return Err(Error::NotOurs { member: "origin" });
        }
        if !is_file_safe(&answer.device_id) {
            return Err(link.not_this_protocol("the device id is not one"));
        }
        let phrase = confirm_phrase(activation.code(), &key.public().thumbprint());
        let record = Record::from(NewRecord {
            device_id: answer.device_id,
            name: introduction.name,
            class: introduction.class,
            account: answer.account,
            user: answer.user.name,
            origin: answer.origin,
            key,
            pkcs8,
            otp: answer.otp,
            ca_pem: introduction.ca_pem,
            clock_offset_s: link.offset_s.into_inner(),
            activated_at: answer.server_time,
        });
        storage.insert(&record)?;
        let authenticator = Self::new(storage.clone(), record, environment.clone())?;
        Ok(Activated { authenticator, phrase, must_confirm: answer.confirm.required })
    }
}

/// Sends the activation, a second time where the server corrects our clock.
async fn send(
    link: &Link,
    activation: &Activation,
    key: &DeviceKey,
    device: DeviceInfo,
) -> Result<ActivateResponse, Error> {
    let path = format!("{ROOT}/activate");
    let mut corrected = false;
    loop {
        let thumbprint = key.public().thumbprint();
        let proof = ActivatePayload {
            v: ProtocolVersion::V1,
            code: activation.code().clone(),
            origin: link.origin.clone(),
            iat: link.now(),
            key: thumbprint,
        };
        let request = ActivateRequest {
            code: activation.code().clone(),
            key: key.public().jwk().clone(),
            proof: sign(&proof, &thumbprint.to_string(), key).map_err(|_| Error::Signing)?,
            device: device.clone(),
            replaces: None,
        };
        let body = to_json(&request)?;
        let response = link.send(Method::POST, &path, None, body, Some(Duration::from_secs(20))).await?;
        match link.accept(response).await {
            Ok(response) => return link.parse(&link.read(response).await?),
            Err(Error::Refused(Refusal { code, server_time: Some(time), .. })) if code == "clock" && !corrected => {
                link.learn_time(time);
                corrected = true;
            }
            Err(error) => return Err(error),
        }
    }
}

/// The operating system, for people.
fn platform() -> String {
    match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "macOS",
        "freebsd" => "FreeBSD",
        other => other,
    }
    .to_owned()
}
