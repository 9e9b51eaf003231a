//! Questions about many objects at once, in statements of a few fixed lengths.

use std::collections::HashMap;
use std::hash::Hash;

use cs_core::id::AccountId;

use crate::args;
use crate::db::{Reader, Row, StoreError, Value};

/// How many ids one statement asks for at most.
pub(crate) const IDS_PER_QUERY: usize = 500;

/// `$from`, `$from + 1`, …: places for `count` arguments.
pub(crate) fn places(from: usize, count: usize) -> String {
    let mut text = String::new();
    for n in from..from + count {
        if n > from {
            text.push_str(", ");
        }
        text.push('$');
        text.push_str(&n.to_string());
    }
    text
}

/// Ids as arguments, filled up to one of a few lengths by repeating the last, so that there are few different statements to prepare.
pub(crate) fn padded<'a>(items: impl ExactSizeIterator<Item = &'a str>) -> Vec<Value> {
    let length = [1, 10, 100, 300, IDS_PER_QUERY].into_iter().find(|n| items.len() <= *n).unwrap_or(items.len());
    let mut values: Vec<Value> = items.map(Value::from).collect();
    if let Some(last) = values.last().cloned() {
        values.resize(length, last);
    }
    values
}

impl Reader {
    /// The rows that `sql` finds for any number of ids, in its order. It has the account as `$1`, and `{}` where the ids belong.
    pub(crate) async fn rows_of_many<'a>(
        &self,
        account: AccountId,
        ids: impl ExactSizeIterator<Item = &'a str>,
        sql: &'static str,
    ) -> Result<Vec<Row>, StoreError> {
        let ids: Vec<&str> = ids.collect();
        let mut found = Vec::new();
        for ids in ids.chunks(IDS_PER_QUERY) {
            let mut args = args![account.as_str()];
            args.extend(padded(ids.iter().copied()));
            let sql = sql.replace("{}", &places(2, args.len() - 1));
            found.extend(self.query(sql, args).await?);
        }
        Ok(found)
    }
}

/// Rows under what they belong to, each list in the order of the rows.
pub(crate) fn grouped<K: Eq + Hash, V>(
    rows: &[Row],
    read: impl Fn(&Row) -> Result<(K, V), StoreError>,
) -> Result<HashMap<K, Vec<V>>, StoreError> {
    let mut found: HashMap<K, Vec<V>> = HashMap::new();
    for row in rows {
        let (key, value) = read(row)?;
        found.entry(key).or_default().push(value);
    }
    Ok(found)
}
