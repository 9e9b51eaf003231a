//! Comma-separated values (RFC 4180), as spreadsheets write them: quotes, line ends of either kind, a byte order mark; the first line names the columns.

/// The largest file that is read, in bytes.
pub(super) const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A record, and the line it begins at; the first of the file is 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) line: usize,
    pub(super) fields: Vec<String>,
}

/// What cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CsvError {
    #[error("line {0}: a quoted field does not end")]
    Open(usize),
    #[error("line {0}: a quote inside a field that is not quoted, or text after a quoted one")]
    Quote(usize),
}

/// Reads `text`. Empty lines are no records.
pub(super) fn records(text: &str) -> Result<Vec<Record>, CsvError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut all, mut line) = (Vec::new(), 1);
    let mut record = Record { line, fields: Vec::new() };
    let mut letters = text.chars().peekable();
    while letters.peek().is_some() {
        let field = field(&mut letters, &mut line)?;
        record.fields.push(field);
        match letters.next() {
            Some(',') if letters.peek().is_some() => continue,
            // A comma at the very end stands before one more, empty field.
            Some(',') => record.fields.push(String::new()),
            Some('\r') => {
                letters.next_if_eq(&'\n');
            }
            Some(_) | None => {}
        }
        line += 1;
        let done = std::mem::replace(&mut record, Record { line, fields: Vec::new() });
        if done.fields.iter().any(|field| !field.is_empty()) {
            all.push(done);
        }
    }
    Ok(all)
}

/// One field; what ends it is left.
fn field(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, line: &mut usize) -> Result<String, CsvError> {
    let mut field = String::new();
    if letters.next_if_eq(&'"').is_none() {
        while let Some(letter) = letters.next_if(|letter| !matches!(letter, ',' | '\r' | '\n')) {
            if letter == '"' {
                return Err(CsvError::Quote(*line));
            }
            field.push(letter);
        }
        return Ok(field.trim().to_owned());
    }
    let begun = *line;
    loop {
        match letters.next() {
            Some('"') if letters.next_if_eq(&'"').is_some() => field.push('"'),
            Some('"') => break,
            Some(letter) => {
                *line += usize::from(letter == '\n');
                field.push(letter);
            }
            None => return Err(CsvError::Open(begun)),
        }
    }
    match letters.peek() {
        None | Some(',' | '\r' | '\n') => Ok(field),
        Some(_) => Err(CsvError::Quote(*line)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, Vec<String>)> {
        records(text).unwrap().into_iter().map(|record| (record.line, record.fields)).collect()
    }

    fn fields(fields: &[&str]) -> Vec<String> {
        fields.iter().map(|&field| field.to_owned()).collect()
    }

    #[test]
    fn what_spreadsheets_write_is_read() {
        let text = "\u{feff}a,b\r\n1, 2 \r\n\n\"x, \"\"y\"\"\nz\",\n,q\nlast,";
        let expected = [
            (1, fields(&["a", "b"])),
            (2, fields(&["1", "2"])),
            (4, fields(&["x, \"y\"\nz", ""])),
            (6, fields(&["", "q"])),
            (7, fields(&["last", ""])),
        ];
        assert_eq!(read(text), expected);
        assert!(read("").is_empty() && read("\n\r\n").is_empty());
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_line() {
        assert_eq!(records("a\n\"b\nc"), Err(CsvError::Open(2)));
        assert_eq!(records("a\nb\"c"), Err(CsvError::Quote(2)));
        assert_eq!(records("\"a\"b"), Err(CsvError::Quote(1)));
    }

    #[test]
    fn nothing_of_few_letters_makes_it_fall_over_and_what_was_quoted_is_read_back() {
        const LETTERS: [char; 5] = ['a', ',', '"', '\r', '\n'];
        for number in 0..5_usize.pow(6) {
            let text: String = (0..6).map(|place| LETTERS[number / 5_usize.pow(place) % 5]).collect();
            let _ = records(&text);
            let quoted = format!("\"{}\",x", text.replace('"', "\"\""));
            assert_eq!(records(&quoted).unwrap()[0].fields, [text.as_str(), "x"]);
        }
    }
}
