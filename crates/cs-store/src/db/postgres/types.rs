//! Our values as PostgreSQL's types.

use std::error::Error;

use bytes::BytesMut;
use futures_util::TryStreamExt;
use tokio_postgres::RowStream;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use super::{Row, StoreError, Value};
use crate::db::ColumnError;

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(n) => match *ty {
                Type::INT8 => n.to_sql_checked(ty, out),
                Type::INT4 => i32::try_from(*n)?.to_sql_checked(ty, out),
                Type::INT2 => i16::try_from(*n)?.to_sql_checked(ty, out),
                _ => Err(format!("a number is bound to a {ty}").into()),
            },
            Self::Text(text) => text.to_sql_checked(ty, out),
            Self::Blob(bytes) => bytes.to_sql_checked(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        // Decided per value, in `to_sql`.
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *ty {
            Type::INT8 => Self::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Self::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT2 => Self::Int(i16::from_sql(ty, raw)?.into()),
            Type::BOOL => Self::Int(bool::from_sql(ty, raw)?.into()),
            Type::BYTEA => Self::Blob(raw.to_vec()),
            _ => Self::Text(String::from_sql(ty, raw)?),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    /// `sum()` of a `BIGINT` is a `NUMERIC`, which SQLite does not have: such a statement needs a cast.
    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::INT4 | Type::INT2 | Type::BOOL | Type::BYTEA)
            || <String as FromSql>::accepts(ty)
    }
}

/// All rows of a result.
pub(super) async fn rows(stream: RowStream) -> Result<Vec<Row>, StoreError> {
    let mut stream = std::pin::pin!(stream);
    let mut out = Vec::new();
    while let Some(row) = stream.try_next().await? {
        out.push(self::row(&row)?);
    }
    Ok(out)
}

pub(super) fn row(row: &tokio_postgres::Row) -> Result<Row, StoreError> {
    let column = |column| {
        row.try_get::<_, Value>(column)
            .map_err(|_| StoreError::Column(ColumnError { column, expected: "of a type this program uses" }))
    };
    Ok(Row::new((0..row.len()).map(column).collect::<Result<_, _>>()?))
}
