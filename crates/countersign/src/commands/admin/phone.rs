//! `countersign admin phone`

use clap::{Args, Subcommand};
use cs_core::id::PhoneId;
use cs_engine::admin::phones::PhoneChange;
use cs_store::phones::PhoneRecord;
use cs_store::users::Slice;
use cs_wire::device::{ActivationCode, ActivationLink};
use fast_qr::{ECL, QRBuilder};
use jiff::SignedDuration;
use serde_json::{Value as Json, json};

use super::error::AdminError;
use super::out::{Answer, Card, Table, moment, moment_or, unix};
use super::site::{ACTOR, Site};
use super::when;

/// Phones and the authenticators on them
#[derive(Debug, Args)]
pub(super) struct Phone {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List phones
    List {
        /// Only this user's
        #[arg(long)]
        user: Option<String>,
    },
    /// Show a phone and what is on it
    Show { phone: String },
    /// Add a phone, to a user if one is named
    Add {
        #[arg(long)]
        user: Option<String>,
        #[command(flatten)]
        fields: Fields,
        /// Print an activation code at once
        #[arg(long, requires = "user")]
        activate: bool,
    },
    /// Change a phone
    Modify {
        phone: String,
        #[command(flatten)]
        fields: Fields,
    },
    /// Delete a phone and unbind what is on it
    Delete { phone: String },
    /// Give a phone to a further user
    Assign { phone: String, user: String },
    /// Take a phone from a user
    Unassign { phone: String, user: String },
    /// Print a new activation code, as QR code, link and text; earlier codes are void
    Activate {
        phone: String,
        /// How long the code works
        #[arg(long, value_name = "TIME", default_value = "24h")]
        valid: String,
    },
    /// Unbind the authenticator on a phone
    Deactivate { phone: String },
    /// Let an authenticator answer without a person for some time, for tests and automation
    AutoApprove {
        phone: String,
        /// Until when: a length of time or an RFC 3339 time, at most a year
        #[arg(long, value_name = "TIME", required_unless_present = "off")]
        until: Option<String>,
        /// End it now
        #[arg(long, conflicts_with = "until")]
        off: bool,
    },
}

#[derive(Debug, Args)]
struct Fields {
    /// With country code
    #[arg(long)]
    number: Option<String>,
    #[arg(long)]
    extension: Option<String>,
    /// Label
    #[arg(long)]
    name: Option<String>,
    /// Whose it is, where several people share one user: shown in menus and in the log
    #[arg(long)]
    owner: Option<String>,
    /// mobile, landline or unknown
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// google android, apple ios, generic smartphone, …
    #[arg(long)]
    platform: Option<String>,
}

impl Fields {
    fn change(&self) -> PhoneChange {
        PhoneChange {
            number: self.number.clone(),
            extension: self.extension.clone(),
            name: self.name.clone(),
            owner: self.owner.clone(),
            kind: self.kind.clone(),
            platform: self.platform.clone(),
            ..PhoneChange::default()
        }
    }
}

impl Phone {
    pub(super) async fn run(&self, site: &Site) -> Result<Answer, AdminError> {
        let engine = &site.engine;
        match &self.command {
            Command::List { user } => list(site, user.as_deref()).await,
            Command::Show { phone } => show(site, site.phone(phone).await?.id).await,
            Command::Add { user, fields, activate: at_once } => {
                let user = match user {
                    Some(user) => Some(site.user(user).await?.id),
                    None => None,
                };
                let mut change = fields.change();
                // What can be activated, unless something else was said.
                change.kind.get_or_insert_with(|| "mobile".to_owned());
                change.platform.get_or_insert_with(|| "generic smartphone".to_owned());
                let phone = engine.create_phone(site.account, ACTOR, &change).await?;
                if let Some(user) = user {
                    engine.give_phone(site.account, ACTOR, user, phone).await?;
                }
                if *at_once {
                    activate(site, phone, SignedDuration::from_hours(24)).await
                } else {
                    show(site, phone).await
                }
            }
            Command::Modify { phone, fields } => {
                let phone = site.phone(phone).await?.id;
                engine.change_phone(site.account, ACTOR, phone, &fields.change()).await?;
                show(site, phone).await
            }
            Command::Delete { phone } => {
                let phone = site.phone(phone).await?;
                site.confirm(&format!("This deletes {} and unbinds what is on it.", phone_line(&phone)))?;
                engine.delete_phone(site.account, ACTOR, phone.id).await?;
                let json = json!({"phone_id": phone.id.as_str(), "deleted": true});
                Ok(Answer::new(json, format!("{}: deleted", phone.id)))
            }
            Command::Assign { phone, user } => {
                let (phone, user) = (site.phone(phone).await?.id, site.user(user).await?.id);
                engine.give_phone(site.account, ACTOR, user, phone).await?;
                show(site, phone).await
            }
            Command::Unassign { phone, user } => {
                let (phone, user) = (site.phone(phone).await?.id, site.user(user).await?.id);
                if !engine.take_phone(site.account, ACTOR, user, phone).await? {
                    return Err(AdminError::Refused(format!("{user} does not have {phone}")));
                }
                show(site, phone).await
            }
            Command::Activate { phone, valid } => {
                activate(site, site.phone(phone).await?.id, when::length("--valid", valid)?).await
            }
            Command::Deactivate { phone } => {
                let phone = site.phone(phone).await?;
                site.confirm(&format!("This unbinds the authenticator on {}.", phone_line(&phone)))?;
                if !engine.unbind_device(site.account, phone.id).await? {
                    return Err(AdminError::Refused(format!("there is no authenticator on {}", phone.id)));
                }
                show(site, phone.id).await
            }
            Command::AutoApprove { phone, until, off: _ } => {
                let phone = site.phone(phone).await?.id;
                let until = until.as_deref().map(|text| when::until("--until", text, site.now())).transpose()?;
                match engine.set_auto_approve(site.account, ACTOR, phone, until).await {
                    Err(cs_engine::EngineError::NotFound) => {
                        Err(AdminError::Refused(format!("there is no authenticator on {phone}; activate one first")))
                    }
                    outcome => {
                        outcome?;
                        show(site, phone).await
                    }
                }
            }
        }
    }
}

async fn list(site: &Site, user: Option<&str>) -> Result<Answer, AdminError> {
    let reader = site.reader();
    let phones = match user {
        Some(user) => {
            let user = site.user(user).await?.id;
            reader.phones_of(site.account, &[user]).await?.remove(&user).unwrap_or_default()
        }
        None => reader.phones(site.account, None, None, Slice { offset: 0, limit: 1000 }).await?.items,
    };
    let mut table = Table::new(&["label", "number", "platform", "authenticator", "last seen", "id"]);
    for phone in &phones {
        table.row([
            phone.name.clone(),
            phone.number.clone(),
            phone.platform.clone(),
            authenticator_line(phone),
            moment_or(phone.last_seen, "never"),
            phone.id.to_string(),
        ]);
    }
    let phones: Vec<Json> = phones.iter().map(phone_json).collect();
    Ok(Answer::new(json!({"phones": phones}), table.text("no phones")))
}

async fn show(site: &Site, id: PhoneId) -> Result<Answer, AdminError> {
    let phone = site.phone(id.as_str()).await?;
    let users = site.reader().users_of_phones(site.account, &[id]).await?.remove(&id).unwrap_or_default();
    let mut card = Card::default();
    card.line("id", id.as_str())
        .line("label", phone.name.as_str())
        .line("owner", phone.owner.as_str())
        .line("number", phone.number.as_str())
        .line("type", phone.kind.as_str())
        .line("platform", phone.platform.as_str())
        .line("model", phone.model.as_str())
        .line("authenticator", authenticator_line(&phone));
    if let Some(bound) = &phone.authenticator {
        card.line("activated", moment(bound.activated_at))
            .line("key kept in", bound.key_protection.as_str())
            .line("version", bound.app_version.as_str())
            .line("answers by itself until", bound.auto_approve_until.map(moment).unwrap_or_default());
    }
    let mut json = phone_json(&phone);
    let mut names = Vec::new();
    for user in &users {
        let user = site.user(user.as_str()).await?;
        card.line("user", format!("{} ({})", user.username, user.id));
        names.push(json!({"user_id": user.id.as_str(), "username": user.username}));
    }
    json["users"] = names.into();
    Ok(Answer::new(json, card.text()))
}

/// Makes an activation code and shows it once: QR code, link and text.
pub(super) async fn activate(site: &Site, phone: PhoneId, valid: SignedDuration) -> Result<Answer, AdminError> {
    let issued = site.engine.activation_of_phone(site.account, ACTOR, phone, valid.as_secs()).await;
    let issued = match issued {
        Err(cs_engine::EngineError::Invalid("phone_id")) => {
            return Err(AdminError::Refused(format!(
                "{phone} cannot be activated: it needs a user (`phone assign`), a type and a platform (`phone modify`)"
            )));
        }
        other => other?,
    };
    let host = site.engine.authenticator_origin().trim_start_matches("https://");
    let code = issued.code.expose().parse::<ActivationCode>();
    let link = code.and_then(|code| ActivationLink::new(code, host));
    let link = link.map_err(|_| AdminError::Refused("`hosts.authenticator` is not a host name".to_owned()))?;
    let qr = QRBuilder::new(link.to_code()).ecl(ECL::M).build().map(|code| code.to_str()).unwrap_or_default();
    let text = format!(
        "{qr}\nScan this with the authenticator, open the link, or give the text to `countersign-device activate`.\n\
         It works once, until {}.\n\nlink  {}\ntext  {}",
        moment(issued.expires_at),
        link.to_link(),
        link.to_code()
    );
    let json = json!({
        "phone_id": phone.as_str(),
        "activation_code": link.to_code(),
        "activation_url": link.to_link(),
        "expiration": issued.expires_at.as_second(),
    });
    Ok(Answer::new(json, text))
}

/// A phone in one line.
pub(super) fn phone_line(phone: &PhoneRecord) -> String {
    let names = [phone.name.as_str(), phone.number.as_str(), phone.platform.as_str()];
    let name = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    let owner = if phone.owner.is_empty() { String::new() } else { format!("{}'s ", phone.owner) };
    format!("{owner}{name} ({}), {}", phone.id, authenticator_line(phone))
}

fn authenticator_line(phone: &PhoneRecord) -> String {
    match &phone.authenticator {
        None => "not activated".to_owned(),
        Some(bound) if !bound.confirmed => format!("{}, waits to be confirmed", bound.class.as_str()),
        Some(bound) => bound.class.as_str().to_owned(),
    }
}

/// A phone's JSON shape.
pub(super) fn phone_json(phone: &PhoneRecord) -> Json {
    let authenticator = phone.authenticator.as_ref().map(|bound| {
        json!({
            "user_id": bound.user.as_str(),
            "class": bound.class.as_str(),
            "confirmed": bound.confirmed,
            "activated_at": bound.activated_at.as_second(),
            "auto_approve_until": unix(bound.auto_approve_until),
            "key_protection": bound.key_protection,
            "app_version": bound.app_version,
        })
    });
    json!({
        "phone_id": phone.id.as_str(),
        "name": phone.name,
        "owner": phone.owner,
        "number": phone.number,
        "extension": phone.extension,
        "type": phone.kind,
        "platform": phone.platform,
        "model": phone.model,
        "activated": phone.authenticator.is_some(),
        "authenticator": authenticator,
        "last_seen": unix(phone.last_seen),
    })
}
