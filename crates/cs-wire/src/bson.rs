//! The corner of BSON that duo_unix 1.x reads: strings, 32-bit integers and documents.
//!
//! Its parser knows nothing else, so neither does this one (bsonspec.org, version 1.1).

use serde_json::Value;

/// The longest document decoded, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// The deepest nesting of documents, the outermost counted.
pub const MAX_DEPTH: usize = 8;

const STRING: u8 = 0x02;
const DOCUMENT: u8 = 0x03;
const INT32: u8 = 0x10;

/// A document: names and values, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document(pub Vec<(String, Element)>);

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Element {
    /// Text.
    String(String),
    /// A number. Duo's codes must be this type, not the 64-bit one.
    Int32(i32),
    /// A document within.
    Document(Document),
}

/// The bytes or the value are not of the kind described above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a document of strings, 32-bit integers and documents")]
pub struct BsonError;

impl Document {
    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&Element> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, element)| element)
    }

    /// Converts an answer's JSON object. Fails on anything that this BSON lacks: other types, numbers
    /// beyond 32 bits, a NUL in a name, nesting beyond [`MAX_DEPTH`].
    pub fn from_json(value: &Value) -> Result<Self, BsonError> {
        match element_from_json(value, MAX_DEPTH)? {
            Element::Document(document) => Ok(document),
            Element::String(_) | Element::Int32(_) => Err(BsonError),
        }
    }

    /// The bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        self.encode_into(&mut bytes);
        bytes
    }

    fn encode_into(&self, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        bytes.extend_from_slice(&[0; 4]); // the length, known at the end
        for (name, element) in &self.0 {
            let kind = match element {
                Element::String(_) => STRING,
                Element::Int32(_) => INT32,
                Element::Document(_) => DOCUMENT,
            };
            bytes.push(kind);
            // A name ends at its first NUL; `from_json` and `decode` let none through.
            bytes.extend(name.bytes().filter(|&b| b != 0));
            bytes.push(0);
            match element {
                Element::String(text) => {
                    bytes.extend_from_slice(&length(text.len() + 1));
                    bytes.extend_from_slice(text.as_bytes());
                    bytes.push(0);
                }
                Element::Int32(number) => bytes.extend_from_slice(&number.to_le_bytes()),
                Element::Document(document) => document.encode_into(bytes),
            }
        }
        bytes.push(0);
        let total = length(bytes.len() - start);
        bytes[start..start + 4].copy_from_slice(&total);
    }

    /// Reads one document that fills `bytes`, at most [`MAX_BYTES`] long and [`MAX_DEPTH`] deep.
    pub fn decode(bytes: &[u8]) -> Result<Self, BsonError> {
        if bytes.len() > MAX_BYTES {
            return Err(BsonError);
        }
        let mut reader = Reader(bytes);
        let document = reader.document(MAX_DEPTH)?;
        if reader.0.is_empty() { Ok(document) } else { Err(BsonError) }
    }
}

/// A length as the format has it. Ours are far below 2 GB; a longer one would be cut short by the reader.
fn length(bytes: usize) -> [u8; 4] {
    i32::try_from(bytes).unwrap_or(i32::MAX).to_le_bytes()
}

fn element_from_json(value: &Value, depth_left: usize) -> Result<Element, BsonError> {
    match value {
        Value::String(text) => Ok(Element::String(text.clone())),
        Value::Number(number) => {
            let number = number.as_i64().and_then(|number| i32::try_from(number).ok());
            number.map(Element::Int32).ok_or(BsonError)
        }
        Value::Object(members) => {
            let depth_left = depth_left.checked_sub(1).ok_or(BsonError)?;
            let mut elements = Vec::with_capacity(members.len());
            for (name, value) in members {
                if name.contains('\0') {
                    return Err(BsonError);
                }
                elements.push((name.clone(), element_from_json(value, depth_left)?));
            }
            Ok(Element::Document(Document(elements)))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) => Err(BsonError),
    }
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], BsonError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(BsonError)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, BsonError> {
        self.take(1).map(|byte| byte[0])
    }

    fn int32(&mut self) -> Result<i32, BsonError> {
        let bytes = self.take(4)?.try_into().map_err(|_| BsonError)?;
        Ok(i32::from_le_bytes(bytes))
    }

    fn text(bytes: &[u8]) -> Result<String, BsonError> {
        String::from_utf8(bytes.to_vec()).map_err(|_| BsonError)
    }

    fn name(&mut self) -> Result<String, BsonError> {
        let end = self.0.iter().position(|&b| b == 0).ok_or(BsonError)?;
        let name = Self::text(self.take(end)?)?;
        self.byte()?;
        Ok(name)
    }

    fn string(&mut self) -> Result<String, BsonError> {
        let size = usize::try_from(self.int32()?).map_err(|_| BsonError)?;
        let (end, text) = self.take(size)?.split_last().ok_or(BsonError)?;
        if *end != 0 {
            return Err(BsonError);
        }
        Self::text(text)
    }

    fn document(&mut self, depth_left: usize) -> Result<Document, BsonError> {
        let depth_left = depth_left.checked_sub(1).ok_or(BsonError)?;
        let size = usize::try_from(self.int32()?).map_err(|_| BsonError)?;
        let mut inner = Reader(self.take(size.checked_sub(4).ok_or(BsonError)?)?);
        let mut elements: Vec<(String, Element)> = Vec::new();
        loop {
            let kind = inner.byte()?;
            if kind == 0 {
                break;
            }
            let name = inner.name()?;
            let element = match kind {
                STRING => Element::String(inner.string()?),
                INT32 => Element::Int32(inner.int32()?),
                DOCUMENT => Element::Document(inner.document(depth_left)?),
                _ => return Err(BsonError),
            };
            elements.push((name, element));
        }
        if inner.0.is_empty() { Ok(Document(elements)) } else { Err(BsonError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OK: &str = "42000000027374617400030000004f4b0003726573706f6e7365002600000002726573756c740006000000616c6c6f77000273746174757300030000006869000000";
    const FAIL: &str = "46000000027374617400050000004641494c0010636f646500429c0000026d657373616765001b000000496e76616c6964207265717565737420706172616d65746572730000";

    fn text(text: &str) -> Element {
        Element::String(text.into())
    }

    fn hex(text: &str) -> Vec<u8> {
        data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    #[test]
    fn both_vectors_of_duo_unix() {
        let response = Document(vec![("result".into(), text("allow")), ("status".into(), text("hi"))]);
        let ok = Document(vec![("stat".into(), text("OK")), ("response".into(), Element::Document(response))]);
        let fail = Document(vec![
            ("stat".into(), text("FAIL")),
            ("code".into(), Element::Int32(40002)),
            ("message".into(), text("Invalid request parameters")),
        ]);
        for (document, bytes) in [(ok, OK), (fail, FAIL)] {
            assert_eq!(document.encode(), hex(bytes));
            assert_eq!(Document::decode(&hex(bytes)), Ok(document));
        }
    }

    #[test]
    fn every_cut_and_every_extra_byte_is_refused() {
        let good = hex(OK);
        for end in 0..good.len() {
            assert_eq!(Document::decode(&good[..end]), Err(BsonError), "{end}");
        }
        let longer = [&good[..], &[0]].concat();
        assert_eq!(Document::decode(&longer), Err(BsonError));
        assert_eq!(Document::decode(&vec![0; MAX_BYTES + 1]), Err(BsonError));
    }

    #[test]
    fn depth_is_bounded_both_ways() {
        let nest = |depth: usize| {
            (1..depth).fold(Document::default(), |inner, _| Document(vec![("d".into(), Element::Document(inner))]))
        };
        assert!(Document::decode(&nest(MAX_DEPTH).encode()).is_ok());
        assert_eq!(Document::decode(&nest(MAX_DEPTH + 1).encode()), Err(BsonError));
    }

    #[test]
    fn json_that_does_not_fit_is_refused() {
        for bad in [
            r#"{"a":true}"#,
            r#"{"a":null}"#,
            r#"{"a":[]}"#,
            r#"{"a":2147483648}"#,
            r#"{"a":1.5}"#,
            r#"{"a\u0000b":1}"#,
            r#""text""#,
            "1",
        ] {
            let value: Value = serde_json::from_str(bad).unwrap();
            assert_eq!(Document::from_json(&value), Err(BsonError), "{bad}");
        }
        let value = serde_json::json!({"stat":"OK","response":"pong"});
        let document = Document::from_json(&value).unwrap();
        assert_eq!(document.get("response"), Some(&text("pong")));
    }

    fn element() -> impl Strategy<Value = Element> {
        let leaf = prop_oneof![any::<i32>().prop_map(Element::Int32), ".{0,20}".prop_map(Element::String)];
        leaf.prop_recursive(4, 24, 4, |inner| {
            proptest::collection::vec(("[^\u{0}]{0,8}", inner), 0..4)
                .prop_map(|elements| Element::Document(Document(elements)))
        })
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(elements in proptest::collection::vec(("[^\u{0}]{0,8}", element()), 0..5)) {
            let document = Document(elements);
            prop_assert_eq!(Document::decode(&document.encode()), Ok(document));
        }
    }
}
