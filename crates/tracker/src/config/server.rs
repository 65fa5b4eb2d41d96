//! Where pages are served.

use std::net::{IpAddr, SocketAddr};

use super::{ConfigError, Given, Key, Section, Setting};

/// The keys of this concern.
pub const KEYS: Section = Section {
    name: "server",
    about: "Where pages are served",
    keys: &[
        Key::new("server.listen", "127.0.0.1:8080", "Address and port to listen on").flag("--listen"),
        Key::new(
            "server.url",
            "",
            "Under which address readers find it, as `https://tracker.example.org`: for what must name it in full. Below a path it cannot be",
        ),
        Key::new(
            "server.proxies",
            "",
            "Addresses and networks of proxies that are believed about their clients, as `127.0.0.1` or `10.0.0.0/8`",
        ),
        Key::new(
            "server.client_header",
            "x-forwarded-for",
            "The header in which these proxies name the client, `x-forwarded-for` or `forwarded`: the one that they set themselves",
        ),
    ],
};

/// Where pages are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The address.
    pub listen: SocketAddr,
    /// Under which address readers find it, without a slash at its end.
    pub url: Option<PublicUrl>,
    /// Who is believed about clients.
    pub proxies: Vec<Network>,
    /// Where they name them.
    pub client_header: ClientHeader,
}

impl Server {
    /// Reads its keys.
    pub fn read(given: &Given) -> Result<Self, ConfigError> {
        Ok(Self {
            listen: given.value("server.listen")?,
            url: given.optional("server.url")?,
            proxies: given.list("server.proxies")?,
            client_header: given.value("server.client_header")?,
        })
    }
}

/// Scheme, host and perhaps port: `https://tracker.example.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// Without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Setting for PublicUrl {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim_end_matches('/');
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let rest = rest.ok_or("it begins with https:// or http://")?;
        if rest.contains('/') {
            return Err("it has a path: give the tracker a host name of its own".to_owned());
        }
        let is_host = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        if rest.is_empty() || !rest.chars().all(is_host) {
            return Err("behind the scheme there is a host, and perhaps a port".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

/// An address, or all that share its first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether an address is in it.
    pub fn holds(&self, address: IpAddr) -> bool {
        let (own, other, width) = match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (u128::from(own.to_bits()), u128::from(other.to_bits()), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits(), other.to_bits(), 128),
            _ => return false,
        };
        let rest = width - u32::from(self.bits).min(width);
        own.checked_shr(rest).unwrap_or(0) == other.checked_shr(rest).unwrap_or(0)
    }
}

impl Setting for Network {
    fn parse(text: &str) -> Result<Self, String> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| "it is no address of a machine".to_owned())?;
        let address = address.to_canonical();
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) => bits
                .parse()
                .ok()
                .filter(|bits| *bits <= most)
                .ok_or_else(|| format!("behind the slash there is a number of bits up to {most}"))?,
        };
        Ok(Self { address, bits })
    }
}

/// Where proxies name their clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientHeader {
    /// `X-Forwarded-For: client, proxy`
    XForwardedFor,
    /// `Forwarded: for=client, for=proxy` (RFC 7239)
    Forwarded,
}

impl Setting for ClientHeader {
    fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            "forwarded" => Ok(Self::Forwarded),
            _ => Err("x-forwarded-for and forwarded are known".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_addresses() {
        let holds = |network: &str, address: &str| Network::parse(network).unwrap().holds(address.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("127.0.0.1", "127.0.0.1") && !holds("127.0.0.1", "127.0.0.2"));
        assert!(holds("0.0.0.0/0", "8.8.8.8") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("fd00::/8", "fd12::1") && !holds("fd00::/8", "fe80::1"));
        assert!(holds("::/0", "fe80::1") && holds("10.0.0.0/8", "::ffff:10.1.1.1"));
        for bad in ["", "x", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1"] {
            assert!(Network::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn public_addresses() {
        let read = |text: &str| PublicUrl::parse(text).map(|url| url.as_str().to_owned());
        assert_eq!(read("https://t.example.org/"), Ok("https://t.example.org".to_owned()));
        assert_eq!(read("http://[::1]:8080"), Ok("http://[::1]:8080".to_owned()));
        for bad in [
            "t.example.org",
            "ftp://x",
            "https://",
            "https://x/tracker",
            "https://a b",
            "https://x\"onload",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
