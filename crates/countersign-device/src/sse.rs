//! A parser of server-sent events (WHATWG HTML, section 9.2) without I/O and with bounded memory.

/// One event may not be larger than this, and neither may a line: a request is a few kilobytes.
const MAX_EVENT_BYTES: usize = 64 * 1024;

/// One dispatched event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// The `event` field, `message` where the stream names none.
    pub(crate) name: String,
    /// The `data` lines joined by newlines.
    pub(crate) data: String,
}

/// Why a stream cannot be read on. The connection has to be dropped.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum SseError {
    #[error("an event is larger than {MAX_EVENT_BYTES} bytes")]
    TooLarge,
    #[error("the stream is not UTF-8")]
    NotUtf8,
}

/// Turns chunks of a stream into events; a chunk may end anywhere, also within a character.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    line: Vec<u8>,
    after_cr: bool,
    started: bool,
    name: String,
    data: String,
    has_data: bool,
}

impl Parser {
    /// Reads `chunk` and appends the events that it completes to `events`.
    pub(crate) fn feed(&mut self, chunk: &[u8], events: &mut Vec<Event>) -> Result<(), SseError> {
        for &byte in chunk {
            // CR, LF and CRLF each end one line.
            if byte == b'\n' && std::mem::take(&mut self.after_cr) {
                continue;
            }
            self.after_cr = byte == b'\r';
            if byte == b'\r' || byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.line(&line, events)?;
                continue;
            }
            if self.line.len() + self.data.len() >= MAX_EVENT_BYTES {
                return Err(SseError::TooLarge);
            }
            self.line.push(byte);
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8], events: &mut Vec<Event>) -> Result<(), SseError> {
        let mut line = std::str::from_utf8(line).map_err(|_| SseError::NotUtf8)?;
        if !std::mem::replace(&mut self.started, true) {
            line = line.strip_prefix('\u{FEFF}').unwrap_or(line);
        }
        if line.is_empty() {
            self.dispatch(events);
            return Ok(());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            // `id` and `retry` steer a browser's reconnection; ours asks for the whole list instead. An empty
            // field name is a comment.
            _ => {}
        }
        Ok(())
    }

    fn dispatch(&mut self, events: &mut Vec<Event>) {
        let name = std::mem::take(&mut self.name);
        let data = std::mem::take(&mut self.data);
        if std::mem::take(&mut self.has_data) {
            let name = if name.is_empty() { "message".to_owned() } else { name };
            events.push(Event { name, data });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(stream: &[u8]) -> Vec<(String, String)> {
        let mut events = Vec::new();
        Parser::default().feed(stream, &mut events).unwrap();
        events.into_iter().map(|e| (e.name, e.data)).collect()
    }

    fn event(name: &str, data: &str) -> (String, String) {
        (name.to_owned(), data.to_owned())
    }

    #[test]
    fn fields_comments_and_line_ends() {
        assert_eq!(
            parse(b"\xEF\xBB\xBF: hello\nevent: ping\ndata\n\ndata: a\r\ndata:b\r\rid: 7\nevent:closed\ndata:  x\n\n"),
            [event("ping", ""), event("message", "a\nb"), event("closed", " x")],
        );
    }

    #[test]
    fn an_event_without_data_is_not_dispatched_and_lends_nothing_to_the_next() {
        assert_eq!(parse(b"event: request\n\ndata: 1\n\n"), [event("message", "1")]);
        assert_eq!(parse(b"data: never ended"), []);
    }

    #[test]
    fn memory_is_bounded_for_one_line_and_for_many() {
        let mut parser = Parser::default();
        assert_eq!(parser.feed(&vec![b'x'; MAX_EVENT_BYTES + 1], &mut Vec::new()), Err(SseError::TooLarge));
        let mut parser = Parser::default();
        let lines = b"data: xxxxxxxxxxxxxxxxxxxxxxxx\n".repeat(MAX_EVENT_BYTES / 20);
        assert_eq!(parser.feed(&lines, &mut Vec::new()), Err(SseError::TooLarge));
    }

    #[test]
    fn a_stream_of_bytes_is_refused() {
        assert_eq!(Parser::default().feed(b"data: \xff\n", &mut Vec::new()), Err(SseError::NotUtf8));
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(stream in "(event: [a-z]{0,3}|data: [a-zé]{0,4}|:|\r|\n|\r\n|\n\n){0,40}", cut in 0usize..200) {
            let stream = stream.as_bytes();
            let cut = cut.min(stream.len());
            let mut events = Vec::new();
            let mut parser = Parser::default();
            parser.feed(&stream[..cut], &mut events).unwrap();
            parser.feed(&stream[cut..], &mut events).unwrap();
            let events: Vec<_> = events.into_iter().map(|e| (e.name, e.data)).collect();
            prop_assert_eq!(events, parse(stream));
        }

        #[test]
        fn no_bytes_panic(stream in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Parser::default().feed(&stream, &mut Vec::new());
        }
    }
}
