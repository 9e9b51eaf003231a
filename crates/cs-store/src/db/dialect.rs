//! What the two engines do not share, worked out once per statement text.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use super::Value;

/// What is known of one statement text.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The text with `?N` for `$N`: SQLite numbers `$N` by first appearance, not by N.
    pub(crate) sqlite: String,
    /// The table written or read first, empty if not recognised.
    pub(crate) table: String,
    /// Whether it is a plain `SELECT` from [`Plan::table`] and from nothing else, and the table is one that only guards write.
    pub(crate) reads_one_table: bool,
    /// Indexes of the arguments that name the row: account first, then the first other key column.
    key_args: Vec<usize>,
}

impl Plan {
    /// The lock order of a statement with these arguments: by table, then by account and id.
    pub(crate) fn lock_key(&self, args: &[Value]) -> (String, Vec<Vec<u8>>) {
        let key = self.key_args.iter().filter_map(|&index| args.get(index)).map(|value| match value {
            Value::Null => Vec::new(),
            Value::Int(n) => n.to_be_bytes().to_vec(),
            Value::Text(text) => text.as_bytes().to_vec(),
            Value::Blob(bytes) => bytes.clone(),
        });
        (self.table.clone(), key.collect())
    }
}

/// Statement texts of the program itself, by address: such a text is never freed, so its address names it.
static PLANS: LazyLock<RwLock<HashMap<(usize, usize), &'static Plan>>> = LazyLock::new(RwLock::default);

/// The plan of `sql`, remembered for texts that live as long as the program.
#[expect(clippy::ptr_arg, reason = "whether the text lives as long as the program matters")]
pub(crate) fn plan(sql: &Cow<'static, str>) -> Cow<'static, Plan> {
    let text = match sql {
        Cow::Borrowed(text) => *text,
        Cow::Owned(text) => return Cow::Owned(analyse(text)),
    };
    let key = (text.as_ptr() as usize, text.len());
    if let Some(plan) = PLANS.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Cow::Borrowed(*plan);
    }
    // Leaked on purpose: one per statement text in the program.
    let mut plans = PLANS.write().unwrap_or_else(PoisonError::into_inner);
    Cow::Borrowed(*plans.entry(key).or_insert_with(|| Box::leak(Box::new(analyse(text)))))
}

impl Clone for Plan {
    fn clone(&self) -> Self {
        Self {
            sqlite: self.sqlite.clone(),
            table: self.table.clone(),
            reads_one_table: self.reads_one_table,
            key_args: self.key_args.clone(),
        }
    }
}

fn analyse(sql: &str) -> Plan {
    let words = words(sql);
    let table = table(&words);
    let reads_one_table = reads_one_table(&words, &table);
    Plan { sqlite: numbered(sql), table, reads_one_table, key_args: key_args(&words) }
}

fn reads_one_table(words: &[String], table: &str) -> bool {
    let sources = words.iter().filter(|word| matches!(word.as_str(), "select" | "from" | "join" | "with"));
    let after = words.iter().skip_while(|word| *word != "from").nth(2);
    words.first().is_some_and(|word| word == "select")
        && sources.count() == 2
        && after.is_none_or(|word| word == "where")
        && !matches!(table, "log" | "log_chain" | "effect")
}

/// `$N` to `?N`, outside quoted text.
fn numbered(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut quoted = false;
    let mut chars = sql.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\'' {
            quoted = !quoted;
        }
        let parameter = c == '$' && !quoted && chars.peek().is_some_and(char::is_ascii_digit);
        out.push(if parameter { '?' } else { c });
    }
    out
}

/// Identifiers, parameters and single signs, lower-cased; quoted text is dropped.
fn words(sql: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in sql.chars() {
        if c == '\'' {
            quoted = !quoted;
        }
        if !quoted && (c.is_alphanumeric() || matches!(c, '_' | '$' | '.')) {
            word.push(c.to_ascii_lowercase());
            continue;
        }
        if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if !quoted && !c.is_whitespace() && c != '\'' {
            words.push(c.to_string());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn table(words: &[String]) -> String {
    let first = words.first().map(String::as_str);
    let marker = match first {
        Some("update") => 0,
        Some("insert") => words.iter().position(|word| word == "into").unwrap_or(0),
        _ => words.iter().position(|word| word == "from").unwrap_or(words.len()),
    };
    words.get(marker + 1).cloned().unwrap_or_default()
}

fn key_args(words: &[String]) -> Vec<usize> {
    let pairs =
        if words.first().is_some_and(|word| word == "insert") { insert_pairs(words) } else { where_pairs(words) };
    let account = pairs.iter().find(|(column, _)| column == "account").map(|(_, index)| *index);
    let other = pairs.iter().find(|(column, _)| column != "account").map(|(_, index)| *index);
    account.into_iter().chain(other).collect()
}

/// `column = $N` pairs after the first WHERE.
fn where_pairs(words: &[String]) -> Vec<(String, usize)> {
    let start = words.iter().position(|word| word == "where").unwrap_or(words.len());
    words[start..]
        .windows(3)
        .filter(|triple| triple[1] == "=")
        .filter_map(|triple| Some((triple[0].rsplit('.').next()?.to_owned(), parameter(&triple[2])?)))
        .collect()
}

/// Columns of `INSERT INTO t (a, b) VALUES ($1, $2)`, as far as values are plain parameters.
fn insert_pairs(words: &[String]) -> Vec<(String, usize)> {
    let list =
        |from: usize| words[from..].iter().skip_while(|word| *word != "(").skip(1).take_while(|word| *word != ")");
    let values = words.iter().position(|word| word == "values").unwrap_or(words.len());
    let columns = list(0).filter(|word| *word != ",");
    columns
        .zip(list(values).filter(|word| *word != ","))
        .map_while(|(column, value)| Some((column.clone(), parameter(value)?)))
        .collect()
}

fn parameter(word: &str) -> Option<usize> {
    word.strip_prefix('$')?.parse::<usize>().ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_keep_their_numbers() {
        assert_eq!(numbered("SET a = $2 WHERE b = $1 AND c = '$3'"), "SET a = ?2 WHERE b = ?1 AND c = '$3'");
    }

    #[test]
    fn a_plain_look_at_one_table_is_told_from_others() {
        for (sql, is_plain) in [
            ("SELECT 1 FROM integration WHERE account = $1 AND ikey = $2 AND version = $3", true),
            ("SELECT 1 FROM integration, users WHERE account = $1", false),
            ("SELECT 1 FROM integration i JOIN users u ON u.account = i.account", false),
            ("SELECT 1 FROM integration WHERE EXISTS (SELECT 1 FROM users)", false),
            ("SELECT 1 FROM log WHERE account = $1", false),
            ("UPDATE users SET version = 1", false),
        ] {
            assert_eq!(analyse(sql).reads_one_table, is_plain, "{sql}");
        }
    }

    #[test]
    fn the_lock_key_is_table_account_and_id() {
        for (sql, table, keys) in [
            ("UPDATE push SET state = $1 WHERE account = $3 AND txid = $2 AND state = $4", "push", vec![2, 1]),
            ("DELETE FROM phone WHERE phone.id = $1", "phone", vec![0]),
            ("INSERT INTO users (account, id, name) VALUES ($1, $2, $3)", "users", vec![0, 1]),
            ("SELECT 1 FROM users WHERE account = $1 AND id = $2 AND version = $3", "users", vec![0, 1]),
        ] {
            let plan = analyse(sql);
            assert_eq!((plan.table.as_str(), plan.key_args), (table, keys), "{sql}");
        }
    }
}
