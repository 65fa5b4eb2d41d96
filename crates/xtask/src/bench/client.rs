//! Just enough HTTP to ask the tracker.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// An answer, and how long it took from connecting to the last byte.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    pub time: Duration,
}

/// Asks for a path.
pub fn get(server: SocketAddr, path: &str) -> Result<Answer> {
    let started = Instant::now();
    let mut stream = TcpStream::connect(server).with_context(|| format!("connect to {server}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).context("set a timeout")?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).with_context(|| format!("ask for {path}"))?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).with_context(|| format!("read {path}"))?;
    let time = started.elapsed();
    let (status, body) = split(&answer).with_context(|| format!("read the answer to {path}"))?;
    Ok(Answer {
        status,
        body: body.to_vec(),
        time,
    })
}

/// An address of this machine where nobody listens now.
pub fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
    listener.local_addr().context("find a free port")
}

fn split(answer: &[u8]) -> Option<(u16, &[u8])> {
    let head_end = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(answer.get(..head_end)?).ok()?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, answer.get(head_end + 4..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_split() {
        assert_eq!(
            split(b"HTTP/1.1 404 Not Found\r\na: b\r\n\r\nbody"),
            Some((404, b"body".as_slice()))
        );
        assert_eq!(split(b"HTTP/1.1 200 OK\r\n"), None);
        assert_eq!(split(b""), None);
    }
}
