//! `postgres://` addresses, as libpq writes them.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

/// Where a database is, and who we are there.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    user: String,
    password: Option<String>,
    /// A host, or a folder with a socket in it.
    host: String,
    port: u16,
    database: String,
}

/// What is wrong with an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It does not begin as it must.
    #[error("it must begin with postgres://")]
    Scheme,
    /// A part cannot be read.
    #[error("its {0} cannot be read")]
    Part(&'static str),
    /// A parameter is not known.
    #[error("its parameter {0:?} is not known: host, port, user, password and sslmode are")]
    Parameter(String),
    /// The password or data would travel in the open.
    #[error("{0} is not this machine, and the connection would not be encrypted")]
    InTheOpen(String),
}

/// Where Debian, Fedora and NixOS put the socket.
const SOCKETS: [&str; 2] = ["/run/postgresql", "/var/run/postgresql"];

impl Address {
    /// Reads `postgres://[user[:password]@][host][:port]/database[?host=..&sslmode=disable]`. Without a host the socket of this machine
    /// is meant. A host that is another machine is refused unless `sslmode=disable` says that the way there is safe: we do not encrypt.
    pub fn parse(url: &str) -> Result<Self, AddressError> {
        let rest = ["postgres://", "postgresql://"].iter().find_map(|scheme| url.strip_prefix(scheme));
        let rest = rest.ok_or(AddressError::Scheme)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, authority),
        };
        let (host, port) = match place.rsplit_once(':') {
            // The colons of an IPv6 address stand in brackets.
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (place, None),
        };
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            Some((user, password)) => (decode(user, "user")?, decode(password, "password")?),
            None => Default::default(),
        };
        let mut address = Self {
            user,
            password: Some(password),
            host: decode(host.trim_start_matches('[').trim_end_matches(']'), "host")?,
            port: port.map_or(Ok(5432), str::parse).map_err(|_| AddressError::Part("port"))?,
            database: decode(database, "database")?,
        };
        let mut in_the_open = false;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "host" => address.host = decode(value, "host")?,
                "port" => address.port = value.parse().map_err(|_| AddressError::Part("port"))?,
                "user" => address.user = decode(value, "user")?,
                "password" => address.password = Some(decode(value, "password")?),
                "sslmode" if value == "disable" => in_the_open = true,
                // What asks for encryption must not be told that it has it.
                "sslmode" if !matches!(value, "allow" | "prefer") => return Err(AddressError::Part("sslmode (we do not encrypt)")),
                "sslmode" => {}
                other => return Err(AddressError::Parameter(other.to_owned())),
            }
        }
        address.complete(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
        if !in_the_open && !address.is_here() {
            return Err(AddressError::InTheOpen(address.host));
        }
        Ok(address)
    }

    /// What the address leaves open is taken from the environment, as libpq does.
    fn complete(&mut self, variable: impl Fn(&str) -> Option<String>) {
        if self.user.is_empty() {
            self.user = ["PGUSER", "USER", "LOGNAME"]
                .iter()
                .find_map(|name| variable(name))
                .unwrap_or_else(|| "firn".to_owned());
        }
        if self.password.as_deref().is_none_or(str::is_empty) {
            self.password = variable("PGPASSWORD");
        }
        if self.database.is_empty() {
            self.database.clone_from(&self.user);
        }
        if self.host.is_empty() {
            let there = SOCKETS.iter().find(|dir| std::path::Path::new(dir).is_dir());
            self.host = (*there.unwrap_or(&SOCKETS[0])).to_owned();
        }
    }

    fn is_here(&self) -> bool {
        self.socket().is_some() || self.host == "localhost" || self.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }

    /// The socket, where it is one.
    pub fn socket(&self) -> Option<PathBuf> {
        self.host
            .starts_with('/')
            .then(|| PathBuf::from(format!("{}/.s.PGSQL.{}", self.host, self.port)))
    }

    /// The host, where it is no socket.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; part of the socket's name too.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Who we are.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password, where there is one.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// The database.
    pub fn database(&self) -> &str {
        &self.database
    }
}

/// Without the password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            user,
            host,
            port,
            database,
            ..
        } = self;
        if host.starts_with('/') {
            write!(f, "postgres://{user}@/{database}?host={host}&port={port}")
        } else {
            write!(f, "postgres://{user}@{host}:{port}/{database}")
        }
    }
}

/// Without the password.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn decode(text: &str, what: &'static str) -> Result<String, AddressError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = rest.split_at_checked(2).and_then(|(digits, after)| {
            rest = after;
            u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
        });
        bytes.push(digits.filter(|b| *b != 0).ok_or(AddressError::Part(what))?);
    }
    String::from_utf8(bytes).map_err(|_| AddressError::Part(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let address = Address::parse("postgres://ada:s%40fe@127.0.0.1:5433/firn").unwrap();
        assert_eq!(
            (address.user(), address.password(), address.database()),
            ("ada", Some("s@fe"), "firn")
        );
        assert_eq!((address.host(), address.port(), address.socket()), ("127.0.0.1", 5433, None));
        assert_eq!(
            format!("{address} {address:?}"),
            "postgres://ada@127.0.0.1:5433/firn postgres://ada@127.0.0.1:5433/firn"
        );
        let socket = Address::parse("postgresql:///firn?host=/run/x&port=9&user=ada").unwrap();
        assert_eq!(socket.socket(), Some(PathBuf::from("/run/x/.s.PGSQL.9")));
        let socket = Address::parse("postgres://ada@%2Frun%2Fx/firn").unwrap();
        assert_eq!(socket.socket(), Some(PathBuf::from("/run/x/.s.PGSQL.5432")));
        assert_eq!(Address::parse("postgres://ada@[::1]:77/x").unwrap().host(), "::1");
        assert_eq!(Address::parse("postgres://ada@localhost").unwrap().database(), "ada");
        for bad in [
            "mysql://x",
            "postgres://a@localhost:x/y",
            "postgres://a%4@localhost/y",
            "postgres://a%00@localhost/y",
            "postgres://localhost/y?sslcert=x",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn security_another_machine_is_reached_in_the_open_only_on_demand() {
        let open = AddressError::InTheOpen("db.example.org".into());
        assert_eq!(Address::parse("postgres://ada:secret@db.example.org/x"), Err(open.clone()));
        assert_eq!(Address::parse("postgres://ada@db.example.org/x?sslmode=prefer"), Err(open));
        assert!(Address::parse("postgres://ada@localhost/x?sslmode=require").is_err());
        assert!(Address::parse("postgres://ada@db.example.org/x?sslmode=disable").is_ok());
    }
}
