//! Finds the string constants of Rust code: literals, `concat!` and the file's own macros.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// All strings that the code of one file makes at compile time.
pub(crate) fn strings(code: &str) -> Vec<String> {
    let tokens = tokens(code);
    let mut file = File::default();
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if let Some(end) = file.define(&tokens, at) {
            at = end;
        } else if let Some((text, end)) = file.evaluate(&tokens, at, &Holes::new()) {
            found.push(text);
            at = end;
        } else {
            at += 1;
        }
    }
    found
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Text(String),
    Word(String),
    Sign(char),
}

/// What each `$name` stands for.
type Holes = BTreeMap<String, String>;

/// A macro: the names of its holes in their order, and its body.
struct Macro {
    holes: Vec<String>,
    body: Vec<Token>,
}

#[derive(Default)]
struct File {
    macros: BTreeMap<String, Macro>,
}

impl File {
    /// Takes in a macro that is defined at `at`; where its definition ends.
    fn define(&mut self, tokens: &[Token], at: usize) -> Option<usize> {
        let [Token::Word(keyword), Token::Sign('!'), Token::Word(name), Token::Sign('{'), ..] = tokens.get(at..)?
        else {
            return None;
        };
        if keyword != "macro_rules" {
            return None;
        }
        let end = closing(tokens, at + 3)?;
        let body = (at + 4..end).find(|&place| tokens[place] == Token::Sign('{'))?;
        let holes = tokens[at + 4..body].windows(2).filter_map(|pair| match pair {
            [Token::Sign('$'), Token::Word(hole)] => Some(hole.clone()),
            _ => None,
        });
        let body_tokens = tokens[body + 1..closing(tokens, body)?].to_vec();
        self.macros.insert(name.clone(), Macro { holes: holes.collect(), body: body_tokens });
        Some(end + 1)
    }

    /// The string at `at` and where it ends.
    fn evaluate(&self, tokens: &[Token], at: usize, holes: &Holes) -> Option<(String, usize)> {
        match tokens.get(at..)? {
            [Token::Text(text), ..] => Some((text.clone(), at + 1)),
            [Token::Sign('$'), Token::Word(name), ..] => Some((holes.get(name)?.clone(), at + 2)),
            [Token::Word(name), Token::Sign('!'), Token::Sign('('), ..] => {
                let end = closing(tokens, at + 2)?;
                let arguments = &tokens[at + 3..end];
                let text = if name == "concat" {
                    self.list(arguments, holes)?.concat()
                } else {
                    let called = self.macros.get(name)?;
                    let fillings = self.list(arguments, holes)?;
                    let holes = called.holes.iter().cloned().zip(fillings).collect();
                    self.list(&called.body, &holes)?.concat()
                };
                Some((text, end + 1))
            }
            _ => None,
        }
    }

    /// Strings with commas between them.
    fn list(&self, tokens: &[Token], holes: &Holes) -> Option<Vec<String>> {
        let mut out = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            if tokens[at] == Token::Sign(',') {
                at += 1;
                continue;
            }
            let (text, end) = self.evaluate(tokens, at, holes)?;
            out.push(text);
            at = end;
        }
        Some(out)
    }
}

/// Where the bracket that opens at `at` closes.
fn closing(tokens: &[Token], at: usize) -> Option<usize> {
    let mut depth = 0;
    for (place, token) in tokens.iter().enumerate().skip(at) {
        match token {
            Token::Sign('(' | '{' | '[') => depth += 1,
            Token::Sign(')' | '}' | ']') => depth -= 1,
            Token::Sign(_) | Token::Word(_) | Token::Text(_) => {}
        }
        if depth == 0 {
            return Some(place);
        }
    }
    None
}

fn tokens(code: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut chars = code.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'/') => while chars.next_if(|c| *c != '\n').is_some() {},
            '"' => tokens.push(Token::Text(literal(&mut chars))),
            '\'' => {
                // A character such as '"' is not a string; a lifetime has no second quote nearby.
                let mut ahead = chars.clone();
                let first = ahead.next();
                if first == Some('\\') || ahead.next() == Some('\'') {
                    chars.next();
                    chars.next();
                }
            }
            c if c.is_alphanumeric() || c == '_' => {
                let mut word = String::from(c);
                while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    word.push(c);
                }
                tokens.push(Token::Word(word));
            }
            c if c.is_whitespace() => {}
            c => tokens.push(Token::Sign(c)),
        }
    }
    tokens
}

/// The rest of a string literal; `\` at a line's end joins lines.
fn literal(chars: &mut Peekable<Chars<'_>>) -> String {
    let mut text = String::new();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => match chars.next() {
                Some('\n') => while chars.next_if(|c| c.is_whitespace()).is_some() {},
                Some(c) => text.push(c),
                None => {}
            },
            c => text.push(c),
        }
    }
    text
}

#[test]
fn literals_concatenations_and_macros_are_found() {
    let code = r#"
        macro_rules! columns { () => { "a, b " }; }
        macro_rules! select { ($rest:literal) => { concat!("SELECT ", columns!(), "FROM t ", $rest) }; }
        fn f(c: char) -> &'static str { if c == '"' { "one \
            line" } else { select!("WHERE a = $1") } } // "comment"
        macro_rules! set { ($table:literal, $column:literal) => { concat!("UPDATE ", $table, " SET ", $column, " = 1") }; }
        const X: &str = concat!(select!("WHERE "), "b", " = 1");
        const Y: &str = set!("t", "a");
    "#;
    let expected =
        ["one line", "SELECT a, b FROM t WHERE a = $1", "SELECT a, b FROM t WHERE b = 1", "UPDATE t SET a = 1"];
    assert_eq!(strings(code), expected);
}
