//! A web server of our own that can be told to misbehave.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// With its query.
    pub path: String,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
}

impl Request {
    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The first byte that is asked for, where a part is.
    pub fn start(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// What is answered.
pub struct Reply {
    status: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    length: Option<usize>,
    sent: usize,
    stall: Duration,
}

impl Reply {
    /// A status and nothing else.
    pub fn status(status: &'static str) -> Self {
        Self::body(status, Vec::new())
    }

    /// A file.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::body("200 OK", body)
    }

    /// The rest of a file from a byte on.
    pub fn rest(body: &[u8], start: usize) -> Self {
        let range = format!("bytes {start}-{}/{}", body.len() - 1, body.len());
        Self::body("206 Partial Content", body[start..].to_vec()).with("Content-Range", range)
    }

    fn body(status: &'static str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self {
            status,
            headers: Vec::new(),
            length: Some(body.len()),
            sent: body.len(),
            body,
            stall: Duration::ZERO,
        }
    }

    /// With a header.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// That breaks off after so many bytes.
    pub fn cut(mut self, sent: usize) -> Self {
        self.sent = sent;
        self
    }

    /// That says another length than it has.
    pub fn claims(mut self, length: usize) -> Self {
        self.length = Some(length);
        self
    }

    /// That says no length.
    pub fn endless(mut self) -> Self {
        self.length = None;
        self
    }

    /// That says nothing for a while before it breaks off.
    pub fn stalls(mut self, stall: Duration) -> Self {
        self.stall = stall;
        self
    }
}

/// A running server. It goes on to the end of the test program.
pub struct Fake {
    /// Without a slash at the end.
    pub url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Fake {
    /// Starts one that answers so.
    pub fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (noted, answer) = (Arc::clone(&seen), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (noted, answer) = (Arc::clone(&noted), Arc::clone(&answer));
                thread::spawn(move || {
                    let stream = stream.unwrap();
                    let Some(request) = read(&stream) else { return };
                    noted.lock().unwrap().push(request.clone());
                    write(stream, &answer(&request));
                });
            }
        });
        Self { url, seen }
    }

    /// What was asked since the last call.
    pub fn asked(&self) -> Vec<Request> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// The paths of it.
    pub fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|request| request.path).collect()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let mut headers = HashMap::new();
    for line in lines {
        let line = line.ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    Some(Request { path, headers })
}

/// Nobody may be listening any more.
fn write(mut stream: TcpStream, reply: &Reply) {
    let mut head = format!("HTTP/1.1 {}\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(length) = reply.length {
        head.push_str(&format!("Content-Length: {length}\r\n"));
    }
    head.push_str("\r\n");
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(&reply.body[..reply.sent.min(reply.body.len())]);
    let _ = stream.flush();
    thread::sleep(reply.stall);
}

/// Files by path, each with a tag of its contents, as good servers have them.
#[derive(Clone, Default)]
pub struct Site {
    files: Arc<Mutex<HashMap<String, Vec<u8>>>>,
}

impl Site {
    /// Puts a file there, in the place of the last one.
    pub fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.files.lock().unwrap().insert(path.to_owned(), bytes.into());
    }

    /// Takes a file away.
    pub fn drop(&self, path: &str) {
        self.files.lock().unwrap().remove(path);
    }

    /// The names of the files below a path.
    pub fn names(&self, below: &str) -> Vec<String> {
        let files = self.files.lock().unwrap();
        files
            .keys()
            .filter_map(|path| path.strip_prefix(below))
            .map(str::to_owned)
            .collect()
    }

    /// Answers as good servers do.
    pub fn answer(&self, request: &Request) -> Reply {
        let path = request.path.split('?').next().unwrap_or_default();
        let files = self.files.lock().unwrap();
        let Some(bytes) = files.get(path) else {
            return Reply::status("404 Not Found");
        };
        let tag = format!("\"{}\"", tracker::document::Digest::of(bytes));
        if request.header("if-none-match") == Some(&tag) {
            return Reply::status("304 Not Modified").with("ETag", tag);
        }
        match request.start() {
            Some(start) if request.header("if-range") == Some(&tag) && start < bytes.len() => Reply::rest(bytes, start).with("ETag", tag),
            _ => Reply::ok(bytes.clone()).with("ETag", tag),
        }
    }
}
