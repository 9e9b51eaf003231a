//! A request's parameters, whether they came as a form, a query or a JSON body.
//!
//! Clients send the same values in different clothes: `1`, `true`, `"True"` and JSON's `true` are one
//! boolean; a list may be an array, the text of an array, or separated by commas. The accessors here
//! take them all, name the parameter in their errors, and refuse a scalar that occurs twice.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use crate::encoding::{Pair, decode_pairs};
use crate::json::parse_strict;

/// The most parameters of one request.
pub const MAX_PARAMS: usize = 1000;
/// The longest name of a parameter, in bytes.
pub const MAX_NAME_BYTES: usize = 256;

/// The parameters in the order received. A name may occur more than once; JSON nulls are left out.
#[derive(Clone, Default, PartialEq)]
pub struct Params(Vec<(String, Value)>);

/// What is wrong with a request's parameters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    /// A required parameter is absent or empty (Duo's 40001).
    #[error("missing parameter {0}")]
    Missing(Cow<'static, str>),
    /// A parameter has a value it cannot have (Duo's 40002).
    #[error("invalid parameter {0}")]
    Invalid(Cow<'static, str>),
    /// They cannot be read at all: not UTF-8, not a JSON object, too many, a name too long (40002).
    #[error("unreadable parameters")]
    Unreadable,
}

type Found<T> = Result<Option<T>, ParamError>;

impl Params {
    /// Reads a query or a form body.
    pub fn from_form(text: &[u8]) -> Result<Self, ParamError> {
        Self::from_pairs(decode_pairs(text, MAX_PARAMS).ok_or(ParamError::Unreadable)?)
    }

    pub(crate) fn from_pairs(pairs: Vec<Pair<'_>>) -> Result<Self, ParamError> {
        let text = |bytes: Cow<'_, [u8]>| String::from_utf8(bytes.into_owned()).map_err(|_| ParamError::Unreadable);
        let mut params = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            params.push((checked_name(text(name)?)?, Value::String(text(value)?)));
        }
        Ok(Self(params))
    }

    /// Reads a JSON body: an object, or nothing at all.
    pub fn from_json(text: &[u8]) -> Result<Self, ParamError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let Ok(Value::Object(members)) = parse_strict(text) else {
            return Err(ParamError::Unreadable);
        };
        if members.len() > MAX_PARAMS {
            return Err(ParamError::Unreadable);
        }
        let mut params = Vec::with_capacity(members.len());
        for (name, value) in members {
            if !value.is_null() {
                params.push((checked_name(name)?, value));
            }
        }
        Ok(Self(params))
    }

    /// The names present, in the order received.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Whether there is a parameter of that name, even an empty one.
    pub fn has(&self, name: &str) -> bool {
        self.names().any(|found| found == name)
    }

    /// The one value of that name.
    fn only(&self, name: &'static str) -> Found<&Value> {
        let mut values = self.all(name);
        let value = values.next();
        if values.next().is_some() {
            return Err(invalid(name));
        }
        Ok(value)
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value)
    }

    /// A text. Numbers and booleans of JSON are taken as their text; an empty text is one.
    pub fn str(&self, name: &'static str) -> Found<Cow<'_, str>> {
        self.only(name)?.map(|value| scalar_text(value).ok_or_else(|| invalid(name))).transpose()
    }

    /// A text of at most `max_bytes` that, if it is there, is not empty: an empty one counts as absent.
    pub fn filled(&self, name: &'static str, max_bytes: usize) -> Found<String> {
        match self.str(name)? {
            Some(text) if text.len() > max_bytes => Err(invalid(name)),
            Some(text) if !text.is_empty() => Ok(Some(text.into_owned())),
            Some(_) | None => Ok(None),
        }
    }

    /// A text that must be there and not be empty.
    pub fn required(&self, name: &'static str, max_bytes: usize) -> Result<String, ParamError> {
        self.filled(name, max_bytes)?.ok_or_else(|| missing(name))
    }

    /// A boolean: `1`, `0`, `true`, `false` in any case, or JSON's own. An empty text counts as absent.
    pub fn bool(&self, name: &'static str) -> Found<bool> {
        let Some(text) = self.str(name)? else {
            return Ok(None);
        };
        match &*text.to_ascii_lowercase() {
            "1" | "true" => Ok(Some(true)),
            "0" | "false" => Ok(Some(false)),
            "" => Ok(None),
            _ => Err(invalid(name)),
        }
    }

    /// A whole number, in decimal digits or as JSON's. An empty text counts as absent.
    pub fn int(&self, name: &'static str) -> Found<i64> {
        match self.only(name)? {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => text.parse().map(Some).map_err(|_| invalid(name)),
            Some(Value::Number(number)) => number.as_i64().map(Some).ok_or_else(|| invalid(name)),
            Some(_) => Err(invalid(name)),
        }
    }

    /// A list sent as a JSON array, or as the text of one (`user_id_list`, `group_id_list`, …).
    pub fn json_list(&self, name: &'static str) -> Found<Vec<String>> {
        match self.nested(name)? {
            None => Ok(None),
            Some(value) => texts(&value).map(Some).ok_or_else(|| invalid(name)),
        }
    }

    /// A list sent as a JSON array, or as text separated by commas (`codes`, `groups_allowed`, …).
    /// Spaces around an item and empty items are dropped.
    pub fn csv_list(&self, name: &'static str) -> Found<Vec<String>> {
        match self.only(name)? {
            None => Ok(None),
            Some(list @ Value::Array(_)) => texts(list).map(Some).ok_or_else(|| invalid(name)),
            Some(value) => {
                let text = scalar_text(value).ok_or_else(|| invalid(name))?;
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Ok(Some(items.map(str::to_owned).collect()))
            }
        }
    }

    /// A value that may repeat (`next_offset=a&next_offset=b`), or come as one list, in commas or JSON.
    pub fn repeated(&self, name: &'static str) -> Result<Vec<String>, ParamError> {
        let mut items = Vec::new();
        for value in self.all(name) {
            match value {
                Value::Array(_) => items.extend(texts(value).ok_or_else(|| invalid(name))?),
                _ => {
                    let text = scalar_text(value).ok_or_else(|| invalid(name))?;
                    items.extend(text.split(',').map(str::to_owned));
                }
            }
        }
        Ok(items)
    }

    /// Names and values in one parameter: `alias1=a&alias2=b` encoded once more, or a JSON object.
    pub fn map(&self, name: &'static str) -> Found<Vec<(String, String)>> {
        let inner = match self.only(name)? {
            None => return Ok(None),
            Some(Value::String(text)) => Self::from_form(text.as_bytes()),
            Some(Value::Object(members)) => Ok(Self(members.clone().into_iter().collect())),
            Some(_) => Err(ParamError::Unreadable),
        };
        let inner = inner.map_err(|_| invalid(name))?;
        let texts = inner.0.iter().map(|(key, value)| Some((key.clone(), scalar_text(value)?.into_owned())));
        texts.collect::<Option<_>>().map(Some).ok_or_else(|| invalid(name))
    }

    /// The texts of all parameters whose names begin with `prefix`, by the rest of their names. None may occur twice.
    pub fn with_prefix(&self, prefix: &'static str) -> Result<Vec<(String, String)>, ParamError> {
        let mut found: Vec<(String, String)> = Vec::new();
        for (name, value) in &self.0 {
            let Some(rest) = name.strip_prefix(prefix) else { continue };
            let text = scalar_text(value).ok_or_else(|| invalid(prefix))?;
            if found.iter().any(|(earlier, _)| earlier == rest) {
                return Err(invalid(prefix));
            }
            found.push((rest.to_owned(), text.into_owned()));
        }
        Ok(found)
    }

    /// An object or list of JSON, as such or as its text. An empty text counts as absent.
    pub fn nested(&self, name: &'static str) -> Found<Value> {
        let value = match self.only(name)? {
            None => return Ok(None),
            Some(Value::String(text)) if text.is_empty() => return Ok(None),
            Some(Value::String(text)) => parse_strict(text.as_bytes()).map_err(|_| invalid(name))?,
            Some(value) => value.clone(),
        };
        match value {
            Value::Array(_) | Value::Object(_) => Ok(Some(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(invalid(name)),
        }
    }

    /// All parameters but those named, as one text that is the same for the same values in any order
    /// of names: for telling a repeated request from another one under the same idempotency key.
    pub fn canonical_text(&self, without: &[&str]) -> String {
        let mut kept: Vec<&(String, Value)> = self.0.iter().filter(|(name, _)| !without.contains(&&**name)).collect();
        kept.sort_by(|a, b| a.0.cmp(&b.0));
        let mut text = String::new();
        for (name, value) in kept {
            // JSON text of a string has no raw line break: lines cannot run into one another.
            text.push_str(&format!("{}:{value}\n", Value::String(name.clone())));
        }
        text
    }
}

impl fmt::Debug for Params {
    /// Names only: values may be passcodes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

fn checked_name(name: String) -> Result<String, ParamError> {
    if name.len() > MAX_NAME_BYTES { Err(ParamError::Unreadable) } else { Ok(name) }
}

/// The text of a scalar: a number's is its decimal digits, a boolean's `true` or `false`.
fn scalar_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn texts(list: &Value) -> Option<Vec<String>> {
    let Value::Array(items) = list else {
        return None;
    };
    items.iter().map(|item| scalar_text(item).map(Cow::into_owned)).collect()
}

pub(crate) const fn missing(name: &'static str) -> ParamError {
    ParamError::Missing(Cow::Borrowed(name))
}

pub(crate) const fn invalid(name: &'static str) -> ParamError {
    ParamError::Invalid(Cow::Borrowed(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn form(text: &str) -> Params {
        Params::from_form(text.as_bytes()).unwrap()
    }

    fn body(text: &str) -> Params {
        Params::from_json(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_boolean_in_all_its_clothes() {
        for (text, expected) in [("1", true), ("0", false), ("true", true), ("False", false), ("TRUE", true)] {
            assert_eq!(form(&format!("b={text}")).bool("b"), Ok(Some(expected)), "{text}");
            assert_eq!(body(&format!(r#"{{"b":"{text}"}}"#)).bool("b"), Ok(Some(expected)));
        }
        for (text, expected) in [("true", true), ("false", false), ("1", true), ("0", false)] {
            assert_eq!(body(&format!(r#"{{"b":{text}}}"#)).bool("b"), Ok(Some(expected)));
        }
        for (text, expected) in
            [("", Ok(None)), ("b=", Ok(None)), ("b=yes", Err(invalid("b"))), ("b=2", Err(invalid("b")))]
        {
            assert_eq!(form(text).bool("b"), expected, "{text}");
        }
        assert_eq!(body(r#"{"b":null}"#).bool("b"), Ok(None));
        assert_eq!(body(r#"{"b":[]}"#).bool("b"), Err(invalid("b")));
    }

    #[test]
    fn numbers_are_whole() {
        assert_eq!(form("n=300").int("n"), Ok(Some(300)));
        assert_eq!(form("n=-1").int("n"), Ok(Some(-1)));
        assert_eq!(body(r#"{"n":300}"#).int("n"), Ok(Some(300)));
        for bad in [r#"{"n":1.5}"#, r#"{"n":"x"}"#, r#"{"n":true}"#, r#"{"n":18446744073709551615}"#] {
            assert_eq!(body(bad).int("n"), Err(invalid("n")), "{bad}");
        }
    }

    #[test]
    fn texts_are_required_bounded_and_single() {
        let params = form("username=o%27neil+%C3%BC&empty=&twice=1&twice=1");
        assert_eq!(params.required("username", 64).unwrap(), "o'neil ü");
        assert_eq!(params.required("username", 3), Err(invalid("username")));
        assert_eq!(params.required("empty", 64), Err(missing("empty")));
        assert_eq!(params.required("absent", 64), Err(missing("absent")));
        assert_eq!(params.filled("twice", 64), Err(invalid("twice")));
        assert_eq!(params.bool("twice"), Err(invalid("twice")));
        assert_eq!(params.int("twice"), Err(invalid("twice")));
        assert_eq!(body(r#"{"passcode":123456}"#).required("passcode", 64).unwrap(), "123456");
        assert_eq!(body(r#"{"passcode":{}}"#).required("passcode", 64), Err(invalid("passcode")));
    }

    #[test]
    fn lists_in_all_their_clothes() {
        let ab = Ok(Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(form("l=%5B%22a%22%2C+%22b%22%5D").json_list("l"), ab);
        assert_eq!(body(r#"{"l":["a","b"]}"#).json_list("l"), ab);
        assert_eq!(body(r#"{"l":"[\"a\",\"b\"]"}"#).json_list("l"), ab);
        assert_eq!(form("l=a,b").json_list("l"), Err(invalid("l")));
        assert_eq!(form("l=%5B%5B%5D%5D").json_list("l"), Err(invalid("l")));
        assert_eq!(form("l=%7B%7D").json_list("l"), Err(invalid("l")));
        assert_eq!(form("").json_list("l"), Ok(None));

        assert_eq!(form("l=a,+b,").csv_list("l"), ab);
        assert_eq!(body(r#"{"l":["a","b"]}"#).csv_list("l"), ab);
        assert_eq!(form("l=").csv_list("l"), Ok(Some(vec![])));
        assert_eq!(body(r#"{"l":123456789}"#).csv_list("l"), Ok(Some(vec!["123456789".into()])));

        for text in ["o=1532951895000&o=af0b", "o=1532951895000,af0b"] {
            assert_eq!(form(text).repeated("o").unwrap(), ["1532951895000", "af0b"], "{text}");
        }
        assert_eq!(body(r#"{"o":["1532951895000","af0b"]}"#).repeated("o").unwrap().len(), 2);
    }

    #[test]
    fn maps_and_nested_values() {
        let aliases = Ok(Some(vec![("alias1".to_owned(), "a b".to_owned()), ("alias2".to_owned(), "c".to_owned())]));
        assert_eq!(form("aliases=alias1%3Da%2520b%26alias2%3Dc").map("aliases"), aliases);
        assert_eq!(body(r#"{"aliases":{"alias1":"a b","alias2":"c"}}"#).map("aliases"), aliases);
        assert_eq!(body(r#"{"aliases":["a"]}"#).map("aliases"), Err(invalid("aliases")));
        assert_eq!(form("p=%7B%22a%22%3A1%7D").nested("p"), Ok(Some(json!({"a":1}))));
        assert_eq!(body(r#"{"p":{"a":1}}"#).nested("p"), Ok(Some(json!({"a":1}))));
        assert_eq!(form("p=1").nested("p"), Err(invalid("p")));
    }

    #[test]
    fn names_with_a_prefix_are_given_by_their_rest() {
        let badge = Ok(vec![("badge".to_owned(), "17".to_owned()), (String::new(), String::new())]);
        assert_eq!(form("c.badge=17&d.badge=1&c.=").with_prefix("c."), badge);
        assert_eq!(form("c.a=1&c.a=2").with_prefix("c."), Err(invalid("c.")));
        assert_eq!(body(r#"{"c.a":[]}"#).with_prefix("c."), Err(invalid("c.")));
    }

    #[test]
    fn what_cannot_be_read_is_refused_whole() {
        assert_eq!(Params::from_form(b"a=%ff"), Err(ParamError::Unreadable));
        assert_eq!(Params::from_form(&b"a=1&".repeat(MAX_PARAMS + 1)), Err(ParamError::Unreadable));
        let long = format!("{}=1", "n".repeat(MAX_NAME_BYTES + 1));
        assert_eq!(Params::from_form(long.as_bytes()), Err(ParamError::Unreadable));
        for bad in ["[]", "1", "{", r#"{"a":1,"a":1}"#, "null"] {
            assert_eq!(Params::from_json(bad.as_bytes()), Err(ParamError::Unreadable), "{bad}");
        }
    }

    #[test]
    fn debug_shows_names_and_canonical_text_orders_them() {
        let params = form("passcode=123456&a=x");
        assert_eq!(format!("{params:?}"), r#"{"passcode", "a"}"#);
        assert_eq!(params.canonical_text(&["passcode"]), "\"a\":\"x\"\n");
        assert_eq!(params.canonical_text(&[]), form("a=x&passcode=123456").canonical_text(&[]));
        assert_ne!(form("a=1%0Ab=2").canonical_text(&[]), form("a=1&b=2").canonical_text(&[]));
    }
}
