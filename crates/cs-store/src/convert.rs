//! Columns into `cs-core` types. A row that cannot be is [`StoreError::Corrupt`], found here and nowhere else.

use std::str::FromStr;

use cs_core::otp::{OtpKind, OtpParams, OtpRecord, TimeStep, TotpWindow};

use crate::db::{Row, StoreError};

/// The error for a row of `table` that cannot be; its second column is the id by convention.
pub(crate) fn corrupt(table: &'static str, row: &Row) -> StoreError {
    let id = row.opt_str(1).ok().flatten().unwrap_or("?");
    StoreError::Corrupt { table, id: id.to_owned() }
}

/// The text in `column` as an id or another type that can be read from text.
pub(crate) fn parsed<T: FromStr>(table: &'static str, row: &Row, column: usize) -> Result<T, StoreError> {
    row.str(column)?.parse().map_err(|_| corrupt(table, row))
}

/// The one-time passwords of a row: algorithm and memo at `texts`, then period, counter, last step, drift and held flag from `numbers` on.
pub(crate) fn otp_columns(
    table: &'static str,
    row: &Row,
    kind: &str,
    texts: usize,
    numbers: usize,
) -> Result<(OtpParams, OtpRecord), StoreError> {
    let kind: OtpKind = kind.parse().map_err(|_| corrupt(table, row))?;
    let params = OtpParams {
        kind,
        algorithm: parsed(table, row, texts)?,
        step: TimeStep::from_secs(row.number(numbers)?).map_err(|_| corrupt(table, row))?,
        window: TotpWindow::default(),
    };
    let record = OtpRecord {
        kind,
        memo: row.opt_text(texts + 1)?,
        counter: row.int(numbers + 1)?,
        last_step: row.int(numbers + 2)?,
        drift: row.int(numbers + 3)?,
        held: row.flag(numbers + 4)?,
    };
    Ok((params, record))
}
