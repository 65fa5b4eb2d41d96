//! A synchronous client of PostgreSQL's protocol, version 3.0: what the store needs of it and no more.
//!
//! Statements are prepared once a connection. Values travel in binary, so that a raw document is not written out in hexadecimal. Writes
//! of many rows are sent without waiting for each answer ([`Client::each`]). Why this is not a crate: ADR 4.

mod address;
mod frame;
mod row;
mod scram;
mod value;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

pub use address::{Address, AddressError};
pub use frame::messages;
pub use row::Row;
pub use scram::log_in;
pub use value::Value;

use frame::{Frames, Message, Outgoing};

/// How long connecting may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of statements sent before their answers are read. The server's answers to so many are small: neither side waits for the other.
const AHEAD: usize = 1 << 20;

/// Statements sent before their answers are read.
const STATEMENTS_AHEAD: usize = 512;

/// Rows that a streamed question asks for at a time.
const PORTION: i32 = 2048;

/// What went wrong between us and the server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server did not do what it was asked.
    #[error("PostgreSQL: {message} (SQLSTATE {code})")]
    Server {
        /// SQLSTATE.
        code: String,
        /// The server's message, with its detail.
        message: String,
    },
    /// The connection failed.
    #[error("talk to PostgreSQL at {at}")]
    Io {
        /// Where.
        at: String,
        /// Why.
        source: std::io::Error,
    },
    /// The server said what it should not.
    #[error("understand PostgreSQL: {0}")]
    Protocol(String),
    /// The server asks for a way to log in that is not safe or not known.
    #[error("log in to PostgreSQL: {0}")]
    Login(String),
    /// Stored data that does not have the shape we gave it.
    #[error("read what is stored")]
    Decode(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Stored data that does not have the shape we gave it.
    pub fn decode(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Decode(error.into())
    }
}

trait Stream: Read + Write + Send {}
impl Stream for TcpStream {}
impl Stream for UnixStream {}

/// One connection.
pub struct Client {
    stream: Box<dyn Stream>,
    at: String,
    frames: Frames,
    out: Outgoing,
    /// Names of prepared statements.
    statements: HashMap<String, u32>,
    /// Whether the connection can be used again: no error of transport, no transaction left open.
    usable: bool,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Client {
    /// Connects and logs in.
    pub fn connect(address: &Address) -> Result<Self, Error> {
        let at = address.to_string();
        let io = |source| Error::Io { at: at.clone(), source };
        let stream: Box<dyn Stream> = match address.socket() {
            Some(path) => Box::new(UnixStream::connect(path).map_err(io)?),
            None => Box::new(tcp(address).map_err(io)?),
        };
        let mut client = Self {
            stream,
            at,
            frames: Frames::default(),
            out: Outgoing::default(),
            statements: HashMap::new(),
            usable: true,
        };
        client.log_in(address)?;
        Ok(client)
    }

    /// Whether it can be used again.
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// Runs statements that take no values and give no rows.
    pub fn run(&mut self, sql: &str) -> Result<(), Error> {
        self.out.query(sql);
        self.flush()?;
        self.until_ready(|_| Ok(()))
    }

    /// Runs one statement; answers how many rows it touched.
    pub fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, Error> {
        let mut touched = 0;
        self.ask(sql, values, |message| {
            if let Message::Done(tag) = message {
                touched = tag;
            }
            Ok(())
        })?;
        Ok(touched)
    }

    /// All rows of a question whose answer is bounded.
    pub fn query(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        self.ask(sql, values, |message| {
            if let Message::Row(row) = message {
                rows.push(row);
            }
            Ok(())
        })?;
        Ok(rows)
    }

    /// The only row of an answer.
    pub fn one(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Row, Error> {
        self.optional(sql, values)?
            .ok_or_else(|| Error::Protocol(format!("no row where one must be: {sql}")))
    }

    /// The first row of an answer.
    pub fn optional(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Option<Row>, Error> {
        Ok(self.query(sql, values)?.into_iter().next())
    }

    /// Hands over the rows of a large answer one after another, inside a transaction. An error of `each` ends it.
    pub fn stream<E>(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        mut each: impl FnMut(Row) -> Result<(), E>,
    ) -> Result<Result<(), E>, Error> {
        let name = self.prepare(sql)?;
        self.out.bind(name, values);
        loop {
            self.out.execute(PORTION);
            self.out.sync_flush();
            self.flush()?;
            let (mut suspended, mut outcome) = (false, Ok(()));
            loop {
                match self.next()? {
                    Message::Row(row) if outcome.is_ok() => outcome = each(row),
                    Message::Suspended => {
                        suspended = true;
                        break;
                    }
                    Message::Done(_) => break,
                    Message::Failed(error) => {
                        self.finish_failed()?;
                        return Err(error);
                    }
                    _ => {}
                }
            }
            if !suspended || outcome.is_err() {
                self.out.sync();
                self.flush()?;
                self.until_ready(|_| Ok(()))?;
                return Ok(outcome);
            }
        }
    }

    /// Runs one statement once for each list of values, inside a transaction; answers how many rows all of them touched.
    pub fn each<'v>(&mut self, sql: &str, lists: impl IntoIterator<Item = Vec<Value<'v>>>) -> Result<u64, Error> {
        let name = self.prepare(sql)?;
        let (mut waiting, mut touched) = (0, 0);
        for values in lists {
            self.out.bind(name, &values);
            self.out.execute(0);
            waiting += 1;
            if waiting == STATEMENTS_AHEAD || self.out.len() > AHEAD {
                touched += self.settle()?;
                waiting = 0;
            }
        }
        if waiting > 0 {
            touched += self.settle()?;
        }
        Ok(touched)
    }

    /// Appends rows to a table, inside a transaction: the fastest way there is. `columns` is `table (column, ..)`. An error among the rows
    /// ends it.
    pub fn copy<'v>(&mut self, columns: &str, rows: impl IntoIterator<Item = Vec<Value<'v>>>) -> Result<(), Error> {
        self.out.query(&format!("COPY {columns} FROM STDIN (FORMAT binary)"));
        self.out.copy_begins();
        for row in rows {
            self.out.copy_row(&row);
            if self.out.len() > AHEAD {
                self.flush()?;
            }
        }
        self.out.copy_ends();
        self.flush()?;
        self.until_ready(|_| Ok(()))
    }

    fn settle(&mut self) -> Result<u64, Error> {
        self.out.sync();
        self.flush()?;
        let mut touched = 0;
        self.until_ready(|message| {
            if let Message::Done(tag) = message {
                touched += tag;
            }
            Ok(())
        })?;
        Ok(touched)
    }

    fn ask(&mut self, sql: &str, values: &[Value<'_>], each: impl FnMut(Message) -> Result<(), Error>) -> Result<(), Error> {
        let name = self.prepare(sql)?;
        self.out.bind(name, values);
        self.out.execute(0);
        self.out.sync();
        self.flush()?;
        self.until_ready(each)
    }

    /// The number of the prepared statement; prepares it at its first use.
    fn prepare(&mut self, sql: &str) -> Result<u32, Error> {
        if let Some(name) = self.statements.get(sql) {
            return Ok(*name);
        }
        let name = u32::try_from(self.statements.len()).unwrap_or(u32::MAX);
        self.out.parse(name, sql);
        self.out.sync();
        self.flush()?;
        self.until_ready(|_| Ok(()))?;
        self.statements.insert(sql.to_owned(), name);
        Ok(name)
    }

    /// Reads what comes until the server waits for us. The first error counts; what follows it is read to stay in step.
    fn until_ready(&mut self, mut each: impl FnMut(Message) -> Result<(), Error>) -> Result<(), Error> {
        let mut outcome = Ok(());
        loop {
            match self.next()? {
                Message::Ready => return outcome,
                Message::Failed(error) if outcome.is_ok() => outcome = Err(error),
                message if outcome.is_ok() => outcome = each(message),
                _ => {}
            }
        }
    }

    fn finish_failed(&mut self) -> Result<(), Error> {
        self.out.sync();
        self.flush()?;
        self.until_ready(|_| Ok(()))
    }

    fn next(&mut self) -> Result<Message, Error> {
        loop {
            match self.frames.message() {
                Ok(Some(Message::Noise)) => {}
                Ok(Some(message)) => return Ok(message),
                Ok(None) => self.fill()?,
                Err(error) => {
                    self.usable = false;
                    return Err(error);
                }
            }
        }
    }

    fn fill(&mut self) -> Result<(), Error> {
        let read = self.frames.fill(&mut self.stream);
        let problem = match read {
            Ok(0) => std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the server closed the connection"),
            Ok(_) => return Ok(()),
            Err(e) => e,
        };
        Err(self.broken(problem))
    }

    fn flush(&mut self) -> Result<(), Error> {
        let sent = self.out.send(&mut self.stream);
        sent.map_err(|e| self.broken(e))
    }

    fn broken(&mut self, source: std::io::Error) -> Error {
        self.usable = false;
        Error::Io {
            at: self.at.clone(),
            source,
        }
    }

    fn log_in(&mut self, address: &Address) -> Result<(), Error> {
        self.out.startup(address);
        self.flush()?;
        let mut scram: Option<scram::Scram> = None;
        loop {
            match self.next()? {
                Message::LoginDone => {}
                Message::LoginPlain => {
                    return Err(Error::Login(
                        "the server asks for the password as plain text or MD5; use scram-sha-256 or peer".into(),
                    ));
                }
                Message::LoginSasl(mechanisms) => {
                    if !mechanisms.iter().any(|m| m == scram::MECHANISM) {
                        return Err(Error::Login(format!(
                            "the server offers {}, none of which is known",
                            mechanisms.join(", ")
                        )));
                    }
                    let password = address
                        .password()
                        .ok_or_else(|| Error::Login(format!("the server asks for a password, and {address} names none")))?;
                    let started = scram::Scram::new(password, &nonce().map_err(|e| self.broken(e))?);
                    self.out.sasl_first(scram::MECHANISM, started.first());
                    scram = Some(started);
                    self.flush()?;
                }
                Message::LoginMore(data) => {
                    let scram = scram.as_mut().ok_or_else(|| Error::Protocol("a challenge before a login".into()))?;
                    let answer = scram.answer(&data)?;
                    self.out.sasl(&answer);
                    self.flush()?;
                }
                Message::LoginProof(data) => {
                    let scram = scram.as_ref().ok_or_else(|| Error::Protocol("a proof before a login".into()))?;
                    scram.verify(&data)?;
                }
                Message::Failed(error) => {
                    self.usable = false;
                    return Err(error);
                }
                Message::Ready => return Ok(()),
                _ => {}
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.usable {
            self.out.terminate();
            // The server notices a closed connection anyway.
            let _ = self.out.send(&mut self.stream);
        }
    }
}

fn tcp(address: &Address) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address");
    for at in (address.host(), address.port()).to_socket_addrs()? {
        match TcpStream::connect_timeout(&at, PATIENCE) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(e) => last = e,
        }
    }
    Err(last)
}

/// Random bytes that make a login unlike every other.
fn nonce() -> std::io::Result<[u8; 18]> {
    let mut bytes = [0; 18];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}
