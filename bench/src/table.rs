//! Tables that read well on a terminal and in a Markdown page.

use std::fmt::Write as _;

/// Everything a run prints, in order, and the bars it is held to.
#[derive(Debug, Default)]
pub(crate) struct Report {
    bars: Vec<Bar>,
    failed: bool,
}

#[derive(Debug)]
struct Bar {
    what: String,
    wanted: String,
    found: String,
    is_met: bool,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn text(&mut self, text: &str) {
        println!("{text}\n");
    }

    pub(crate) fn table(&mut self, title: &str, table: &Table) {
        println!("## {title}\n\n{}", table.render());
    }

    /// Notes a bar; all are printed at the end.
    pub(crate) fn bar(
        &mut self,
        what: impl Into<String>,
        wanted: impl Into<String>,
        found: impl Into<String>,
        is_met: bool,
    ) {
        self.bars.push(Bar { what: what.into(), wanted: wanted.into(), found: found.into(), is_met });
    }

    pub(crate) fn failure(&mut self, name: &str, error: &anyhow::Error) {
        self.failed = true;
        println!("{name}: NOT MEASURED: {error:#}\n");
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed || self.bars.iter().any(|bar| !bar.is_met)
    }

    pub(crate) fn bars(&self) {
        if self.bars.is_empty() {
            return;
        }
        let mut table = Table::new(["bar", "wanted", "found", ""]);
        for bar in &self.bars {
            table.row([bar.what.as_str(), &bar.wanted, &bar.found, if bar.is_met { "met" } else { "MISSED" }]);
        }
        println!("## Bars\n\n{}", table.render());
    }
}

/// A table of text.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<const N: usize>(head: [&str; N]) -> Self {
        Self { rows: vec![head.map(str::to_owned).to_vec()] }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [impl AsRef<str>; N]) {
        self.rows.push(cells.map(|cell| cell.as_ref().to_owned()).to_vec());
    }

    fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(3)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut out = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            for (column, &width) in widths.iter().enumerate() {
                let cell = row.get(column).map_or("", String::as_str);
                // Writing to a String cannot fail.
                let _ = write!(out, "| {cell:<width$} ");
            }
            out.push_str("|\n");
            if index == 0 {
                for &width in &widths {
                    let _ = write!(out, "| {} ", "-".repeat(width));
                }
                out.push_str("|\n");
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["what", "ms"]);
        table.row(["login", "1.25"]);
        assert_eq!(table.render(), "| what  | ms   |\n| ----- | ---- |\n| login | 1.25 |\n");
    }
}
