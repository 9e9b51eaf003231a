//! What a command prints: the same facts as text for people and as JSON for programs.

use std::fmt::Write as _;

use countersign_device::clean;
use jiff::Timestamp;
use serde_json::Value as Json;

/// The longest cell of a table, in characters.
const WIDEST: usize = 60;

/// A command's answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) json: Json,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn new(json: Json, text: impl Into<String>) -> Self {
        Self { json, text: text.into() }
    }
}

/// A table; every cell is made safe for a terminal.
pub(super) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into_iter().map(|cell| clean(&cell, WIDEST)).collect());
    }

    /// The table, or `nothing` when it has no row.
    pub(super) fn text(&self, nothing: &str) -> String {
        if self.rows.is_empty() {
            return nothing.to_owned();
        }
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
            cells.chain([self.header[column].len()]).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..self.header.len()).map(width).collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut text = String::new();
            for (cell, width) in cells.zip(&widths) {
                // Writing to a String cannot fail.
                let _ = write!(text, "{cell:<width$}  ");
            }
            text.trim_end().to_owned()
        };
        let mut lines = vec![line(&mut self.header.iter().copied())];
        lines.extend(self.rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
        lines.join("\n")
    }
}

/// Names and values below one another; what is empty is left out.
#[derive(Default)]
pub(super) struct Card(Vec<(&'static str, String)>);

impl Card {
    pub(super) fn line(&mut self, name: &'static str, value: impl Into<String>) -> &mut Self {
        let value = value.into();
        if !value.is_empty() {
            self.0.push((name, clean(&value, 500)));
        }
        self
    }

    pub(super) fn text(&self) -> String {
        let width = self.0.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        self.0.iter().map(|(name, value)| format!("{name:<width$}  {value}")).collect::<Vec<_>>().join("\n")
    }
}

/// A moment for people, UTC.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A moment for people that may not have come.
pub(super) fn moment_or(at: Option<Timestamp>, otherwise: &str) -> String {
    at.map_or_else(|| otherwise.to_owned(), moment)
}

/// A moment for programs: unix seconds.
pub(super) fn unix(at: Option<Timestamp>) -> Json {
    at.map(Timestamp::as_second).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_chose_cannot_steer_the_terminal() {
        let mut table = Table::new(&["name", "id"]);
        table.row(["e\u{1b}[31mvil\u{202e}\nuser".to_owned(), "DU1".to_owned()]);
        table.row(["x".repeat(200), "DU2".to_owned()]);
        let text = table.text("none");
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");
        assert_eq!(text.lines().count(), 3);
        assert!(text.lines().all(|line| line.chars().count() <= WIDEST + 5), "{text}");
        let mut card = Card::default();
        card.line("name", "a\u{9b}b").line("empty", "");
        assert_eq!(card.text(), "name  a\u{fffd}b");
    }

    #[test]
    fn an_empty_table_says_so() {
        assert_eq!(Table::new(&["name"]).text("no users"), "no users");
    }
}
