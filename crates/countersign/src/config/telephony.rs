//! The gateway that sends messages and makes calls.

use std::path::PathBuf;
use std::time::Duration;

use cs_engine::telephony::Telephony;
use ipnet::IpNet;

use super::error::ConfigError;
use super::mail::MailPassword;
use super::value::{Raw, ValueError};
use super::webhooks::{WebhookSecret, WebhookUrl};

/// How long a gateway may take for one request unless set otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most messages and calls of one account in a day unless set otherwise.
const MOST_PER_DAY: i64 = 1_000;

/// A gateway, and what it is used for.
#[derive(Debug, Clone)]
pub struct TelephonyConfig {
    pub gateway: Gateway,
    /// What signs our requests to the gateway, and its reports to us.
    pub secret: Option<WebhookSecret>,
    /// What the use cases know of it.
    pub offers: Telephony,
}

/// Where messages and calls go.
#[derive(Debug, Clone)]
pub enum Gateway {
    /// Appended to a file, one JSON object a line.
    File(PathBuf),
    /// Posted to an address.
    Http(HttpGateway),
}

/// An address that messages and calls are posted to.
#[derive(Debug, Clone)]
pub struct HttpGateway {
    pub url: WebhookUrl,
    /// The value of the `Authorization` header, or `Basic user:password` in clear.
    pub authorization: Option<MailPassword>,
    /// How a message is written, where it is not our own JSON.
    pub body: Option<BodyTemplate>,
    /// PEM certificates to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// Networks that may be spoken to although they are not public.
    pub allowed_networks: Vec<IpNet>,
    pub timeout: Duration,
}

/// The body of a message in a gateway's own format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyTemplate {
    text: String,
    format: BodyFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyFormat {
    Json,
    Form,
}

impl BodyTemplate {
    /// What begins with `{` or `[` is JSON, anything else a form.
    pub fn parse_text(text: &str) -> Result<Self, ValueError> {
        let shape = ValueError::Expected("JSON or a form (`a=b&c=d`) with `{to}` and `{text}` in it");
        let text = text.trim();
        if !text.contains("{to}") || !text.contains("{text}") || text.len() > 4_096 {
            return Err(shape);
        }
        let format = if text.starts_with(['{', '[']) { BodyFormat::Json } else { BodyFormat::Form };
        let template = Self { text: text.to_owned(), format };
        // With placeholders that are inside of strings it is still JSON when they are filled.
        let is_json = || serde_json::from_str::<serde_json::Value>(&template.fill("1", "+1", "\"")).is_ok();
        if format == BodyFormat::Form || is_json() { Ok(template) } else { Err(shape) }
    }

    /// The body for a message; what is filled in cannot leave its place.
    pub(crate) fn fill(&self, id: &str, to: &str, text: &str) -> String {
        let quoted = |value: &str| match self.format {
            BodyFormat::Json => {
                let json = serde_json::Value::from(value).to_string();
                json[1..json.len() - 1].to_owned()
            }
            BodyFormat::Form => url::form_urlencoded::byte_serialize(value.as_bytes()).collect(),
        };
        let mut filled = String::with_capacity(self.text.len() + text.len());
        let mut rest = self.text.as_str();
        while let Some(at) = rest.find('{') {
            filled.push_str(&rest[..at]);
            rest = &rest[at..];
            let values = [("{to}", to), ("{text}", text), ("{id}", id)];
            match values.into_iter().find(|(name, _)| rest.starts_with(name)) {
                Some((name, value)) => {
                    filled.push_str(&quoted(value));
                    rest = &rest[name.len()..];
                }
                None => {
                    filled.push('{');
                    rest = &rest[1..];
                }
            }
        }
        filled.push_str(rest);
        filled
    }

    /// What is said of it in the request's head.
    pub(crate) const fn content_type(&self) -> &'static str {
        match self.format {
            BodyFormat::Json => "application/json",
            BodyFormat::Form => "application/x-www-form-urlencoded",
        }
    }
}

/// The `telephony.…` keys as they are read, one by one.
#[derive(Debug, Default)]
pub(super) struct TelephonyDraft {
    pub(super) gateway: Option<GatewayPlace>,
    pub(super) offer: Option<Vec<String>>,
    pub(super) secret: Option<WebhookSecret>,
    pub(super) authorization: Option<MailPassword>,
    pub(super) authorization_file: Option<MailPassword>,
    pub(super) body: Option<BodyTemplate>,
    pub(super) ca: Option<PathBuf>,
    pub(super) allowed_networks: Option<Vec<IpNet>>,
    pub(super) timeout: Option<Duration>,
    pub(super) most_per_day: Option<i64>,
    pub(super) prefixes: Option<Vec<String>>,
}

/// Where the gateway is.
#[derive(Debug)]
pub(super) enum GatewayPlace {
    File(PathBuf),
    Http(WebhookUrl),
}

impl GatewayPlace {
    pub(super) fn parse(raw: Raw) -> Result<Self, ValueError> {
        let text = raw.text()?;
        match text.strip_prefix("file:") {
            Some(path) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            Some(_) => Err(ValueError::Expected("`file:PATH` or an `https://` address")),
            None => WebhookUrl::parse_text(&text).map(Self::Http),
        }
    }
}

/// What is to be offered: `sms`, `phone`.
pub(super) fn offer(raw: Raw) -> Result<Vec<String>, ValueError> {
    let words = raw.list()?;
    let is_known = |word: &String| word == "sms" || word == "phone";
    if words.iter().all(is_known) { Ok(words) } else { Err(ValueError::Expected("a list of `sms` and `phone`")) }
}

/// What numbers begin with: `+49`.
pub(super) fn prefixes(raw: Raw) -> Result<Vec<String>, ValueError> {
    let prefixes = raw.list()?;
    let is_one = |prefix: &String| {
        let digits = prefix.strip_prefix('+').unwrap_or_default();
        (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    if prefixes.iter().all(is_one) {
        Ok(prefixes)
    } else {
        Err(ValueError::Expected("a list such as [\"+49\", \"+1\"]"))
    }
}

impl TelephonyDraft {
    /// The gateway, if one is configured; what does not fit together goes to `errors`.
    pub(super) fn finish(self, errors: &mut Vec<ConfigError>) -> Option<TelephonyConfig> {
        let mut conflict = |first, second, problem| errors.push(ConfigError::Conflict { first, second, problem });
        let of_http = [
            ("telephony.authorization", self.authorization.is_some() || self.authorization_file.is_some()),
            ("telephony.body", self.body.is_some()),
            ("telephony.ca", self.ca.is_some()),
            ("telephony.allowed_networks", self.allowed_networks.is_some()),
            ("telephony.timeout", self.timeout.is_some()),
        ];
        let of_any = [
            ("telephony.offer", self.offer.is_some()),
            ("telephony.secret", self.secret.is_some()),
            ("telephony.most_per_day", self.most_per_day.is_some()),
            ("telephony.prefixes", self.prefixes.is_some()),
        ];
        let Some(place) = self.gateway else {
            for (name, _) in of_http.into_iter().chain(of_any).filter(|(_, is_set)| *is_set) {
                conflict(name, "telephony.gateway", "must be set together");
            }
            return None;
        };
        if self.authorization.is_some() && self.authorization_file.is_some() {
            let problem = "are two places for one secret; keep one";
            conflict("telephony.authorization", "telephony.authorization_file", problem);
        }
        let gateway = match place {
            GatewayPlace::File(path) => {
                for (name, _) in of_http.into_iter().filter(|(_, is_set)| *is_set) {
                    conflict(name, "telephony.gateway", "do not fit: it is for gateways with an address");
                }
                Gateway::File(path)
            }
            GatewayPlace::Http(url) => Gateway::Http(HttpGateway {
                url,
                authorization: self.authorization.or(self.authorization_file),
                body: self.body,
                ca: self.ca,
                allowed_networks: self.allowed_networks.unwrap_or_default(),
                timeout: self.timeout.unwrap_or(TIMEOUT),
            }),
        };
        let offer = self.offer.unwrap_or_else(|| vec!["sms".to_owned()]);
        let offers = |word: &str| offer.iter().any(|one| one == word);
        if offers("phone") && self.secret.is_none() {
            let problem = "must be set together to offer `phone`: reports of pressed keys have to be the gateway's";
            conflict("telephony.offer", "telephony.secret", problem);
        }
        let offers = Telephony {
            sms: offers("sms"),
            calls: offers("phone"),
            most_per_day: self.most_per_day.unwrap_or(MOST_PER_DAY),
            prefixes: self.prefixes.unwrap_or_default(),
        };
        Some(TelephonyConfig { gateway, secret: self.secret, offers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_stays_where_it_belongs() {
        let json =
            BodyTemplate::parse_text(r#"{"to": "{to}", "message": {"content": "{text}"}, "ref": "{id}"}"#).unwrap();
        let filled = json.fill("e1", "+14155550100", "codes\": \"x\",\n{to} 1234567");
        let read: serde_json::Value = serde_json::from_str(&filled).unwrap();
        assert_eq!(read["message"]["content"], "codes\": \"x\",\n{to} 1234567");
        assert_eq!((&read["to"], &read["ref"]), (&"+14155550100".into(), &"e1".into()));
        assert_eq!(json.content_type(), "application/json");

        let form = BodyTemplate::parse_text("From=%2B15550000&To={to}&Body={text}").unwrap();
        assert_eq!(
            form.fill("e1", "+14155550100", "1&To=+1900 {id}"),
            "From=%2B15550000&To=%2B14155550100&Body=1%26To%3D%2B1900+%7Bid%7D"
        );
        assert_eq!(form.content_type(), "application/x-www-form-urlencoded");
        for wrong in
            ["", "To={to}", "Body={text}", r#"{"to": {to}, "text": "{text}"}"#, r#"{"to": "{to}", "text": "{text}""#]
        {
            assert!(BodyTemplate::parse_text(wrong).is_err(), "{wrong}");
        }
    }

    fn finish(change: impl FnOnce(&mut TelephonyDraft)) -> (Option<TelephonyConfig>, Vec<String>) {
        let mut draft = TelephonyDraft { gateway: Some(GatewayPlace::File("sms.jsonl".into())), ..Default::default() };
        change(&mut draft);
        let mut errors = Vec::new();
        let telephony = draft.finish(&mut errors);
        (telephony, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn calls_need_a_secret_and_nothing_is_offered_by_itself() {
        let (telephony, errors) = finish(|_| {});
        let offers = telephony.unwrap().offers;
        assert!(errors.is_empty() && offers.sms && !offers.calls && offers.most_per_day == MOST_PER_DAY);
        let phone = || Some(vec!["phone".to_owned()]);
        assert!(finish(|draft| draft.offer = phone()).1[0].contains("telephony.secret"));
        let secret = WebhookSecret::parse_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let (telephony, errors) = finish(|draft| (draft.offer, draft.secret) = (phone(), Some(secret)));
        assert!(errors.is_empty(), "{errors:?}");
        let offers = telephony.unwrap().offers;
        assert!(!offers.sms && offers.calls);
        assert!(finish(|draft| draft.timeout = Some(TIMEOUT)).1[0].contains("gateways with an address"));
        assert!(finish(|draft| (draft.gateway, draft.offer) = (None, phone())).1[0].contains("telephony.gateway"));
    }
}
