//! Messages of the protocol, both ways.

use std::io::{Read, Write};

use super::row::Row;
use super::value::Value;
use super::{Address, Error};

/// The longest message we take. A raw document is a few MiB; the derived facts of a database some tens.
const LONGEST: usize = 512 << 20;

/// Bytes asked for at a time.
const READ: usize = 64 << 10;

/// What the server said.
#[derive(Debug)]
pub enum Message {
    /// A row.
    Row(Row),
    /// A statement ended; the rows it touched.
    Done(u64),
    /// A portion of rows ended, more wait.
    Suspended,
    /// The server waits for us.
    Ready,
    /// It failed.
    Failed(Error),
    /// Logged in.
    LoginDone,
    /// The password is asked for in a way that gives it away.
    LoginPlain,
    /// SASL mechanisms to choose from.
    LoginSasl(Vec<String>),
    /// A challenge.
    LoginMore(Vec<u8>),
    /// The server's proof.
    LoginProof(Vec<u8>),
    /// What we need not know.
    Noise,
}

/// Cuts what comes into messages.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    at: usize,
}

impl Frames {
    /// Reads once; 0 at the end.
    pub fn fill(&mut self, from: &mut impl Read) -> std::io::Result<usize> {
        if self.at > 0 {
            self.bytes.drain(..self.at);
            self.at = 0;
        }
        let old = self.bytes.len();
        self.bytes.resize(old + READ, 0);
        let room = self.bytes.get_mut(old..).unwrap_or_default();
        let read = loop {
            match from.read(room) {
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.bytes.truncate(old + read.as_ref().copied().unwrap_or(0));
        read
    }

    /// The next whole message; `None` where more has to be read.
    pub fn message(&mut self) -> Result<Option<Message>, Error> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some((head, rest)) = rest.split_first_chunk::<5>() else {
            return Ok(None);
        };
        let [kind, len @ ..] = *head;
        let len = u32::from_be_bytes(len) as usize;
        let body_len = len
            .checked_sub(4)
            .filter(|len| *len <= LONGEST)
            .ok_or_else(|| Error::Protocol(format!("a message of {len} bytes")))?;
        let Some(body) = rest.get(..body_len) else {
            return Ok(None);
        };
        let message = read(kind, body).ok_or_else(|| Error::Protocol(format!("a message of kind {:?} is cut off", char::from(kind))))?;
        self.at += 1 + len;
        Ok(Some(message))
    }
}

/// Takes all messages of what a server sends in pieces of so many bytes, and reads each column of their rows as all that it may be. How many
/// messages it was.
pub fn messages(bytes: &[u8], piece: usize) -> Result<usize, Error> {
    let (mut frames, mut count) = (Frames::default(), 0);
    for mut piece in bytes.chunks(piece.max(1)) {
        // A slice gives all that it has.
        while frames.fill(&mut piece).is_ok_and(|read| read > 0) {}
        while let Some(message) = frames.message()? {
            count += 1;
            if let Message::Row(row) = message {
                row.read_all();
            }
        }
    }
    Ok(count)
}

fn read(kind: u8, body: &[u8]) -> Option<Message> {
    Some(match kind {
        b'D' => Message::Row(Row::parse(body)?),
        b'C' => Message::Done(touched(body)),
        b's' => Message::Suspended,
        b'Z' => Message::Ready,
        b'E' => Message::Failed(failure(body)),
        b'R' => login(body)?,
        _ => Message::Noise,
    })
}

/// `INSERT 0 12`, `UPDATE 3`: the last word.
fn touched(body: &[u8]) -> u64 {
    let tag = body.split(|b| *b == 0).next().unwrap_or_default();
    let last = tag.rsplit(|b| *b == b' ').next().unwrap_or_default();
    std::str::from_utf8(last).ok().and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn failure(body: &[u8]) -> Error {
    let (mut code, mut message, mut detail) = (String::new(), String::new(), String::new());
    for field in body.split(|b| *b == 0) {
        let Some((kind, text)) = field.split_first() else { continue };
        let text = || String::from_utf8_lossy(text).into_owned();
        match kind {
            b'C' => code = text(),
            b'M' => message = text(),
            b'D' => detail = text(),
            _ => {}
        }
    }
    if !detail.is_empty() {
        message = format!("{message}: {detail}");
    }
    Error::Server { code, message }
}

fn login(body: &[u8]) -> Option<Message> {
    let (method, rest) = body.split_first_chunk::<4>()?;
    Some(match u32::from_be_bytes(*method) {
        0 => Message::LoginDone,
        10 => Message::LoginSasl(
            rest.split(|b| *b == 0)
                .filter(|name| !name.is_empty())
                .map(|name| String::from_utf8_lossy(name).into_owned())
                .collect(),
        ),
        11 => Message::LoginMore(rest.to_vec()),
        12 => Message::LoginProof(rest.to_vec()),
        _ => Message::LoginPlain,
    })
}

/// What waits to be sent.
#[derive(Debug, Default)]
pub struct Outgoing(Vec<u8>);

impl Outgoing {
    /// Bytes that wait.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Sends all.
    pub fn send(&mut self, to: &mut impl Write) -> std::io::Result<()> {
        let sent = to.write_all(&self.0).and_then(|()| to.flush());
        self.0.clear();
        // A large batch must not keep its memory for the life of the connection.
        self.0.shrink_to(READ);
        sent
    }

    /// Who we are.
    pub fn startup(&mut self, address: &Address) {
        let start = self.0.len();
        self.0.extend([0; 4]);
        self.0.extend(196_608_u32.to_be_bytes());
        for (name, value) in [
            ("user", address.user()),
            ("database", address.database()),
            ("client_encoding", "UTF8"),
            ("application_name", "firn-tracker"),
        ] {
            self.text(name);
            self.text(value);
        }
        self.0.push(0);
        self.close(start);
    }

    /// Statements as text.
    pub fn query(&mut self, sql: &str) {
        self.add(b'Q', |out| out.text(sql));
    }

    /// Prepares a statement; the server finds out the types.
    pub fn parse(&mut self, name: u32, sql: &str) {
        self.add(b'P', |out| {
            out.text(&format!("s{name}"));
            out.text(sql);
            out.0.extend([0, 0]);
        });
    }

    /// Gives values to a prepared statement: all in binary, as the answer.
    pub fn bind(&mut self, name: u32, values: &[Value<'_>]) {
        self.add(b'B', |out| {
            out.text("");
            out.text(&format!("s{name}"));
            out.0.extend([0, 1, 0, 1]);
            out.0.extend(u16::try_from(values.len()).unwrap_or(u16::MAX).to_be_bytes());
            values.iter().for_each(|value| value.write(&mut out.0));
            out.0.extend([0, 1, 0, 1]);
        });
    }

    /// Runs what was bound; 0 rows means all.
    pub fn execute(&mut self, rows: i32) {
        self.add(b'E', |out| {
            out.text("");
            out.0.extend(rows.to_be_bytes());
        });
    }

    /// Ends a sequence.
    pub fn sync(&mut self) {
        self.add(b'S', |_| {});
    }

    /// Asks for what is ready without ending the sequence.
    pub fn sync_flush(&mut self) {
        self.add(b'H', |_| {});
    }

    /// The head of binary rows.
    pub fn copy_begins(&mut self) {
        self.add(b'd', |out| out.0.extend(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"));
    }

    /// One of them.
    pub fn copy_row(&mut self, values: &[Value<'_>]) {
        self.add(b'd', |out| {
            out.0.extend(u16::try_from(values.len()).unwrap_or(u16::MAX).to_be_bytes());
            values.iter().for_each(|value| value.write(&mut out.0));
        });
    }

    /// Their end.
    pub fn copy_ends(&mut self) {
        self.add(b'd', |out| out.0.extend([255, 255]));
        self.add(b'c', |_| {});
    }

    /// Says goodbye.
    pub fn terminate(&mut self) {
        self.add(b'X', |_| {});
    }

    /// Begins a SASL login.
    pub fn sasl_first(&mut self, mechanism: &str, data: &str) {
        self.add(b'p', |out| {
            out.text(mechanism);
            out.0.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
            out.0.extend(data.as_bytes());
        });
    }

    /// Goes on with it.
    pub fn sasl(&mut self, data: &str) {
        self.add(b'p', |out| out.0.extend(data.as_bytes()));
    }

    fn add(&mut self, kind: u8, body: impl FnOnce(&mut Self)) {
        self.0.push(kind);
        let start = self.0.len();
        self.0.extend([0; 4]);
        body(self);
        self.close(start);
    }

    /// Text up to a zero byte: one inside would end it early and begin something else.
    fn text(&mut self, text: &str) {
        self.0.extend(text.bytes().filter(|b| *b != 0));
        self.0.push(0);
    }

    fn close(&mut self, start: usize) {
        let len = u32::try_from(self.0.len() - start).unwrap_or(u32::MAX);
        if let Some(place) = self.0.get_mut(start..start + 4) {
            place.copy_from_slice(&len.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(bytes: &[u8]) -> Result<Option<Message>, Error> {
        let mut frames = Frames::default();
        let mut bytes = bytes;
        while frames.fill(&mut bytes).unwrap() > 0 {}
        frames.message()
    }

    #[test]
    fn messages_are_cut_by_their_length() {
        assert!(matches!(frames(b"C\0\0\0\x10INSERT 0 42\0"), Ok(Some(Message::Done(42)))));
        assert!(matches!(frames(b"Z\0\0\0\x05I"), Ok(Some(Message::Ready))));
        assert!(matches!(frames(b"Z\0\0\0\x05"), Ok(None)));
        assert!(matches!(frames(b"Z\0\0"), Ok(None)));
        assert!(frames(b"Z\0\0\0\x01I").is_err());
        assert!(frames(b"D\xff\xff\xff\xffI").is_err());
        assert!(frames(b"D\0\0\0\x06\0\x09").is_err());
    }

    #[test]
    fn security_noise_is_refused_or_waited_for() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        for round in 0..20_000 {
            // Half of them with a length that fits, so that bodies are read.
            let mut bytes: Vec<u8> = (0..noise() % 64).map(|_| noise()).collect();
            if round % 2 == 0 {
                let kind = *b"DCEZRs".get(usize::from(noise()) % 6).unwrap();
                let len = u32::try_from(bytes.len() + 4).unwrap();
                bytes = [&[kind], len.to_be_bytes().as_slice(), &bytes].concat();
            }
            let _ = frames(&bytes);
        }
    }

    #[test]
    fn failures_say_code_and_message() {
        let body = b"SERROR\0C23505\0Mduplicate key\0DKey (a)=(1) exists.\0\0";
        let Error::Server { code, message } = failure(body) else { panic!() };
        assert_eq!((code.as_str(), message.as_str()), ("23505", "duplicate key: Key (a)=(1) exists."));
    }

    #[test]
    fn security_a_zero_byte_cannot_end_a_statement_early() {
        let mut out = Outgoing::default();
        out.query("SELECT '\0'");
        assert_eq!(out.0, b"Q\0\0\0\x0eSELECT ''\0");
    }
}
