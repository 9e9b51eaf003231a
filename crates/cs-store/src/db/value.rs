//! Values that go into statements and rows that come out, the same for both engines.

use std::fmt;

use jiff::Timestamp;

/// One bound argument or one column.
///
/// Times are whole milliseconds since the Unix epoch, flags are 0 or 1, JSON is text: the types both engines share.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Value {
    /// SQL `NULL`, of any column type.
    #[default]
    Null,
    /// A `BIGINT`.
    Int(i64),
    /// A `TEXT`; PostgreSQL refuses the character U+0000, so the store does on both engines.
    Text(String),
    /// A `BLOB` or `BYTEA`.
    Blob(Vec<u8>),
}

/// Shows kind and size only: columns hold personal data and secrets.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Int(n) => write!(f, "Int({n})"),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Blob(bytes) => write!(f, "Blob({} bytes)", bytes.len()),
        }
    }
}

macro_rules! value_from {
    ($($from:ty => |$v:ident| $to:expr;)*) => {
        $(impl From<$from> for Value {
            fn from($v: $from) -> Self {
                $to
            }
        })*
    };
}

value_from! {
    &str => |v| Self::Text(v.to_owned());
    String => |v| Self::Text(v);
    &String => |v| Self::Text(v.clone());
    std::borrow::Cow<'_, str> => |v| Self::Text(v.into_owned());
    i64 => |v| Self::Int(v);
    i32 => |v| Self::Int(v.into());
    u32 => |v| Self::Int(v.into());
    u16 => |v| Self::Int(v.into());
    u8 => |v| Self::Int(v.into());
    bool => |v| Self::Int(v.into());
    Vec<u8> => |v| Self::Blob(v);
    &[u8] => |v| Self::Blob(v.to_vec());
    &Vec<u8> => |v| Self::Blob(v.clone());
    Timestamp => |v| Self::Int(v.as_millisecond());
    &Self => |v| v.clone();
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Blob(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(bytes: &[u8; N]) -> Self {
        Self::Blob(bytes.to_vec())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The arguments of a statement, in the order of `$1`, `$2`, …
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        ::std::vec![$($crate::db::Value::from($value)),*]
    };
}

/// A column that is not what the statement's reader expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column} is not {expected}")]
pub struct ColumnError {
    /// Index in the row, from 0.
    pub column: usize,
    /// What was asked for.
    pub expected: &'static str,
}

/// One row of a result, read by column index from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(Vec<Value>);

impl Row {
    /// A row of these columns.
    pub fn new(values: Vec<Value>) -> Self {
        Self(values)
    }

    /// All columns.
    pub fn values(&self) -> &[Value] {
        &self.0
    }

    /// All columns, owned.
    pub fn into_values(self) -> Vec<Value> {
        self.0
    }

    /// A text column, borrowed.
    pub fn str(&self, column: usize) -> Result<&str, ColumnError> {
        self.opt_str(column)?.ok_or(ColumnError { column, expected: "text" })
    }

    /// A text column that may be null, borrowed.
    pub fn opt_str(&self, column: usize) -> Result<Option<&str>, ColumnError> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            Some(Value::Int(_) | Value::Blob(_)) | None => Err(ColumnError { column, expected: "text" }),
        }
    }

    /// A text column.
    pub fn text(&self, column: usize) -> Result<String, ColumnError> {
        self.str(column).map(str::to_owned)
    }

    /// A text column that may be null.
    pub fn opt_text(&self, column: usize) -> Result<Option<String>, ColumnError> {
        Ok(self.opt_str(column)?.map(str::to_owned))
    }

    /// A whole number.
    pub fn int(&self, column: usize) -> Result<i64, ColumnError> {
        self.opt_int(column)?.ok_or(ColumnError { column, expected: "a number" })
    }

    /// A whole number that may be null.
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>, ColumnError> {
        match self.0.get(column) {
            Some(Value::Int(n)) => Ok(Some(*n)),
            Some(Value::Null) => Ok(None),
            Some(Value::Text(_) | Value::Blob(_)) | None => Err(ColumnError { column, expected: "a number" }),
        }
    }

    /// A whole number of a narrower type, such as `u32`.
    pub fn number<T: TryFrom<i64>>(&self, column: usize) -> Result<T, ColumnError> {
        T::try_from(self.int(column)?).map_err(|_| ColumnError { column, expected: "a number in range" })
    }

    /// A flag: 0 or 1, nothing else.
    pub fn flag(&self, column: usize) -> Result<bool, ColumnError> {
        match self.int(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(ColumnError { column, expected: "a flag" }),
        }
    }

    /// A time in milliseconds since the epoch.
    pub fn time(&self, column: usize) -> Result<Timestamp, ColumnError> {
        self.opt_time(column)?.ok_or(ColumnError { column, expected: "a time" })
    }

    /// A time that may be null.
    pub fn opt_time(&self, column: usize) -> Result<Option<Timestamp>, ColumnError> {
        self.opt_int(column)?
            .map(|ms| Timestamp::from_millisecond(ms).map_err(|_| ColumnError { column, expected: "a time" }))
            .transpose()
    }

    /// Bytes.
    pub fn blob(&self, column: usize) -> Result<&[u8], ColumnError> {
        self.opt_blob(column)?.ok_or(ColumnError { column, expected: "bytes" })
    }

    /// Bytes that may be null.
    pub fn opt_blob(&self, column: usize) -> Result<Option<&[u8]>, ColumnError> {
        match self.0.get(column) {
            Some(Value::Blob(bytes)) => Ok(Some(bytes)),
            Some(Value::Null) => Ok(None),
            Some(Value::Text(_) | Value::Int(_)) | None => Err(ColumnError { column, expected: "bytes" }),
        }
    }

    /// Exactly `N` bytes, such as a digest.
    pub fn bytes<const N: usize>(&self, column: usize) -> Result<[u8; N], ColumnError> {
        self.blob(column)?.try_into().map_err(|_| ColumnError { column, expected: "bytes of the right length" })
    }
}
