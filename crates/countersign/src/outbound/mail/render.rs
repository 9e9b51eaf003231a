//! A letter as a message: plain text and simple HTML.

use cs_engine::letters::Letter;
use jiff::Timestamp;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};

use super::MailError;

/// The longest subject, in characters.
const LONGEST_SUBJECT: usize = 150;

/// The message, from `from`. `id` is the letter's own: a message sent twice has it twice, and mail programs show one.
pub(super) fn message(letter: &Letter, id: &str, from: &Mailbox, now: Timestamp) -> Result<Message, MailError> {
    let to = letter.to.parse().map_err(|_| MailError::Recipient)?;
    let message_id = format!("<{}@{}>", id, from.email.domain());
    let part = |kind, body: String| SinglePart::builder().header(kind).body(body);
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(one_line(&letter.subject))
        .date(now.into())
        .message_id(Some(message_id))
        // Out-of-office replies to us help nobody (RFC 3834, section 5).
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
        .multipart(
            MultiPart::alternative()
                .singlepart(part(ContentType::TEXT_PLAIN, letter.plain()))
                .singlepart(part(ContentType::TEXT_HTML, html(letter))),
        )
        .map_err(MailError::Message)
}

/// A header is one line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_SUBJECT).collect()
}

fn html(letter: &Letter) -> String {
    let paragraph = |text: &String| format!("<p>{}</p>\r\n", escaped(text));
    let link = letter.link.as_ref().filter(|link| link.url.starts_with("https://")).map(|link| {
        let url = escaped(&link.url);
        format!(
            "<p><a href=\"{url}\" style=\"display:inline-block;padding:10px 18px;background:#1c4e80;color:#ffffff;\
             text-decoration:none;border-radius:4px\">{}</a></p>\r\n<p style=\"word-break:break-all\">{url}</p>\r\n",
            escaped(&link.label)
        )
    });
    format!(
        "<!doctype html>\r\n<html lang=\"{}\"><head><meta charset=\"utf-8\"><title>{}</title></head>\r\n\
         <body style=\"font-family:sans-serif;line-height:1.5;color:#1a1a1a;background:#ffffff\">\r\n{}{}{}</body></html>\r\n",
        letter.language.tag(),
        escaped(&letter.subject),
        letter.before.iter().map(paragraph).collect::<String>(),
        link.unwrap_or_default(),
        letter.after.iter().map(paragraph).collect::<String>(),
    )
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push_str("<br>"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use cs_core::language::Language;
    use cs_engine::letters::LetterLink;

    use super::*;

    const EVIL: &str = "x\r\nBcc: eve@example.org\r\n\r\n<script>alert('1')</script>\"&\u{0}";

    fn letter() -> Letter {
        Letter {
            to: "alice@example.org".to_owned(),
            language: Language::De,
            subject: EVIL.to_owned(),
            before: vec![EVIL.to_owned()],
            link: Some(LetterLink { label: EVIL.to_owned(), url: format!("https://a.example/{EVIL}") }),
            after: vec![EVIL.to_owned()],
        }
    }

    fn formatted(letter: &Letter) -> Result<String, MailError> {
        let from: Mailbox = "Example <mfa@example.org>".parse().unwrap();
        let message = message(letter, "0123", &from, "2026-06-01T12:00:00Z".parse().unwrap())?;
        Ok(String::from_utf8(message.formatted()).unwrap())
    }

    #[test]
    fn nothing_in_a_letter_becomes_a_header_or_markup() {
        let text = formatted(&letter()).unwrap();
        let (headers, _) = text.split_once("\r\n\r\n").unwrap();
        let names: Vec<&str> = headers
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split(':').next().unwrap())
            .collect();
        for name in &names {
            let known =
                ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"];
            assert!(known.contains(name), "{name} in {headers}");
        }
        assert_eq!(names.len(), 8);
        let html = html(&letter());
        assert!(!html.contains("<script") && !html.contains("alert('") && html.contains("&lt;script&gt;"), "{html}");
        assert_eq!(html.matches("<a ").count(), 1);
        assert_eq!(html.matches("href=\"").count(), 1);
    }

    #[test]
    fn an_address_that_is_several_is_none() {
        for bad in
            ["a@example.org, b@example.org", "a@example.org\r\nBcc: b@example.org", "Eve <a@example.org>", "", "a"]
        {
            let letter = Letter { to: bad.to_owned(), ..letter() };
            assert!(matches!(formatted(&letter), Err(MailError::Recipient)), "{bad:?}");
        }
    }

    #[test]
    fn a_link_to_elsewhere_than_the_web_is_not_made_one() {
        let link = Some(LetterLink { label: "Open".to_owned(), url: "javascript:alert(1)".to_owned() });
        assert!(!html(&Letter { link, ..letter() }).contains("<a "));
    }
}
