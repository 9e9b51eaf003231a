//! A small web server of files in memory, for pages that need no Countersign behind them.
//!
//! A form that is posted to it leads nowhere, and so does the path `/nothing`; a script that asks by POST is told that what it waits for has not come yet, unless a test
//! lets it hear something else.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// The server. It answers until the test process ends.
#[derive(Clone)]
pub struct Files {
    origin: String,
    files: Arc<Mutex<HashMap<String, File>>>,
    news: Arc<Mutex<News>>,
}

/// What a script is told that asks by POST.
struct News {
    status: u16,
    body: String,
}

struct File {
    headers: String,
    content: Vec<u8>,
}

impl Files {
    /// Starts it on a free port.
    pub fn serve() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let news = News { status: 200, body: r#"{"waiting":true}"#.to_owned() };
        let server = Self { origin, files: Arc::default(), news: Arc::new(Mutex::new(news)) };
        let (files, news) = (Arc::clone(&server.files), Arc::clone(&server.news));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (files, news) = (Arc::clone(&files), Arc::clone(&news));
                // A browser that leaves early is no failure of the test.
                thread::spawn(move || drop(answer(stream, &files, &news)));
            }
        });
        server
    }

    /// Puts `content` at `path`, in place of what was there. `headers` are further ones, such as a content security policy.
    pub fn put(&self, path: &str, content_type: &str, headers: &[(&str, &str)], content: impl Into<Vec<u8>>) {
        let further: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let file = File { headers: format!("content-type: {content_type}\r\n{further}"), content: content.into() };
        self.files.lock().unwrap().insert(path.to_owned(), file);
    }

    /// What scripts that ask by POST are told from now on.
    pub fn tell(&self, status: u16, body: &str) {
        *self.news.lock().unwrap() = News { status, body: body.to_owned() };
    }

    /// `http://localhost:PORT`: a secure context, as far as browsers are concerned.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The address of `path`.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

fn answer(stream: TcpStream, files: &Mutex<HashMap<String, File>>, news: &Mutex<News>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        let is_post = line.starts_with("POST ");
        let path = line.split(' ').nth(1).unwrap_or("/").split('?').next().unwrap_or("/").to_owned();
        let (mut length, mut wants_json) = (0, false);
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 || line == "\r\n" {
                break;
            }
            let header = line.to_ascii_lowercase();
            wants_json |= header.starts_with("accept:") && header.contains("json");
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        line.clear();
        if is_post {
            std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink())?;
            let answer = if wants_json {
                let News { status, body } = &*news.lock().unwrap();
                let length = body.len();
                format!("{status} Told\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
            } else {
                "204 No Content\r\n\r\n".to_owned()
            };
            write!(writer, "HTTP/1.1 {answer}")?;
            continue;
        }
        let mut message = Vec::new();
        match files.lock().unwrap().get(&path) {
            Some(File { headers, content }) => {
                let head = format!("HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\n\r\n", content.len());
                message.extend_from_slice(head.as_bytes());
                message.extend_from_slice(content);
            }
            None if path == "/nothing" => message.extend_from_slice(b"HTTP/1.1 204 No Content\r\n\r\n"),
            None => message.extend_from_slice(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"),
        }
        writer.write_all(&message)?;
    }
    Ok(())
}
