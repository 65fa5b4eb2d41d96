//! Who asks, and how often.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::error::Error;
use crate::config::{ClientHeader, Limits, Network, Server};

/// The client of a request that came from `peer`: of a trusted proxy the one that it names. Read from right to left, so that nothing
/// counts that a client wrote itself; the first address that is no trusted proxy is the client.
pub fn client(peer: IpAddr, headers: &HeaderMap, server: &Server) -> IpAddr {
    let trusted = |address: IpAddr| server.proxies.iter().any(|network: &Network| network.holds(address));
    let mut client = peer.to_canonical();
    if !trusted(client) {
        return client;
    }
    let name = match server.client_header {
        ClientHeader::XForwardedFor => HeaderName::from_static("x-forwarded-for"),
        ClientHeader::Forwarded => HeaderName::from_static("forwarded"),
    };
    // By bytes: what a client wrote to the left may be no text, and must not hide what the proxy wrote to the right of it.
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    let hops = lines.iter().flat_map(|line| line.split(|byte| *byte == b','));
    for hop in hops.rev() {
        let hop = std::str::from_utf8(hop).unwrap_or_default().trim();
        let named = match server.client_header {
            ClientHeader::XForwardedFor => address(hop),
            ClientHeader::Forwarded => forwarded(hop),
        };
        // What cannot be read was not written by a proxy that we know: it stands for nobody.
        let Some(named) = named else { return client };
        client = named;
        if !trusted(client) {
            return client;
        }
    }
    client
}

/// `for=192.0.2.43;proto=https`, `for="[2001:db8::1]:4711"`
fn forwarded(hop: &str) -> Option<IpAddr> {
    let pairs = hop.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut named = pairs.filter(|(name, _)| name.eq_ignore_ascii_case("for"));
    address(named.next()?.1.trim().trim_matches('"'))
}

/// An address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let plain = || text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    plain()
        .or_else(with_port)
        .or_else(in_brackets)
        .map(|address: IpAddr| address.to_canonical())
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Use {
    /// A page, or a read of the API.
    Read,
    /// A list of packages to check.
    Check,
}

/// Clients that are remembered at most; beyond, all that are new share one account.
const CLIENTS: usize = 100_000;

/// What each client has left: a minute's worth at first, filled up all the time.
#[derive(Debug, Default)]
pub struct Accounts {
    left: Mutex<HashMap<(IpAddr, Use), (f64, Instant)>>,
}

impl Accounts {
    /// Takes one use from a client's account, or says when there will be one.
    pub fn take(&self, client: IpAddr, what: Use, limits: &Limits, now: Instant) -> Result<(), Error> {
        let rate = match what {
            Use::Read => limits.reads_per_minute,
            Use::Check => limits.checks_per_minute,
        };
        let Some(per_minute) = rate.filter(|_| limits.loopback || !client.is_loopback()) else {
            return Ok(());
        };
        let per_second = f64::from(per_minute) / 60.0;
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let mut holder = (household(client), what);
        if left.len() >= CLIENTS && !left.contains_key(&holder) {
            // After a minute an account is full again: as if it were not there.
            left.retain(|_, (_, at)| now.saturating_duration_since(*at) < Duration::from_secs(60));
            if left.len() >= CLIENTS {
                holder = (IpAddr::V6(Ipv6Addr::UNSPECIFIED), what);
            }
        }
        let (balance, at) = left.entry(holder).or_insert((f64::from(per_minute), now));
        let grown = now.saturating_duration_since(*at).as_secs_f64() * per_second;
        (*balance, *at) = ((*balance + grown).min(f64::from(per_minute)), now);
        if *balance < 1.0 {
            let wait = ((1.0 - *balance) / per_second).ceil();
            return Err(Error::Rate {
                per_minute,
                wait_s: wait.max(1.0) as u64,
            });
        }
        *balance -= 1.0;
        Ok(())
    }
}

/// How many of something each client has at a time.
#[derive(Debug)]
pub struct Crowd {
    most: usize,
    inside: Mutex<HashMap<IpAddr, usize>>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub struct Guest {
    crowd: Arc<Crowd>,
    client: IpAddr,
}

impl Crowd {
    /// At most so many of each.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            inside: Mutex::default(),
        })
    }

    /// One more of a client; `None` where it has as many as it may.
    pub fn enter(self: &Arc<Self>, client: IpAddr) -> Option<Guest> {
        let client = household(client.to_canonical());
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let count = inside.entry(client).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Guest {
            crowd: Arc::clone(self),
            client,
        })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut inside = self.crowd.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = inside.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                inside.remove(&self.client);
            }
        }
    }
}

/// Whether a peer may have any number of connections: a proxy that is trusted stands for many clients, and the machine itself is not counted
/// unless that was asked for.
pub fn is_exempt(peer: IpAddr, server: &Server, limits: &Limits) -> bool {
    let peer = peer.to_canonical();
    server.proxies.iter().any(|network| network.holds(peer)) || (peer.is_loopback() && !limits.loopback)
}

/// Whoever has an IPv6 address has the whole /64.
fn household(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Given;

    fn server(header: &str) -> Server {
        let mut given = Given::default();
        given.flag("--x", "server.proxies", "127.0.0.1,10.0.0.0/8").unwrap();
        given.flag("--x", "server.client_header", header).unwrap();
        Server::read(&given).unwrap()
    }

    fn seen(peer: &str, header: &str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            let name: HeaderName = header.parse().unwrap();
            headers.append(name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        client(peer.parse().unwrap(), &headers, &server(header)).to_string()
    }

    #[test]
    fn security_only_trusted_proxies_name_clients() {
        let xff = "x-forwarded-for";
        // Not from a proxy: what it says of itself is nothing.
        assert_eq!(seen("192.0.2.1", xff, &["198.51.100.1"]), "192.0.2.1");
        assert_eq!(seen("127.0.0.1", xff, &["198.51.100.1"]), "198.51.100.1");
        // The client wrote the first part itself.
        assert_eq!(seen("127.0.0.1", xff, &["6.6.6.6, 198.51.100.1, 10.1.1.1"]), "198.51.100.1");
        assert_eq!(seen("127.0.0.1", xff, &["6.6.6.6", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen("127.0.0.1", xff, &["6.6.6.6, rubbish, 10.1.1.1"]), "10.1.1.1");
        assert_eq!(seen("127.0.0.1", xff, &["10.1.1.1, 10.2.2.2"]), "10.1.1.1");
        // What is no text does not hide what the proxy wrote.
        assert_eq!(seen("127.0.0.1", xff, &["\u{ff}, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(seen("127.0.0.1", xff, &[]), "127.0.0.1");
        assert_eq!(seen("127.0.0.1", xff, &["2001:db8::1"]), "2001:db8::1");
        assert_eq!(seen("::ffff:127.0.0.1", xff, &["[2001:db8::1]:80"]), "2001:db8::1");
        let fwd = "forwarded";
        assert_eq!(
            seen("127.0.0.1", fwd, &["for=198.51.100.1;proto=https;by=10.0.0.1"]),
            "198.51.100.1"
        );
        assert_eq!(seen("127.0.0.1", fwd, &["For=\"[2001:db8::1]:4711\", for=10.0.0.9"]), "2001:db8::1");
        assert_eq!(seen("127.0.0.1", fwd, &["for=_hidden"]), "127.0.0.1");
    }

    #[test]
    fn a_crowd_is_counted_by_household() {
        let crowd = Crowd::new(2);
        let enter = |client: &str| crowd.enter(client.parse().unwrap());
        let first = (enter("2001:db8::1"), enter("2001:db8::2"));
        assert!(first.0.is_some() && first.1.is_some() && enter("2001:db8::3").is_none());
        assert!(enter("192.0.2.1").is_some(), "gone again at once");
        drop(first);
        assert!(enter("2001:db8::3").is_some());
        assert!(crowd.inside.lock().unwrap().is_empty(), "nobody is remembered");
    }

    #[test]
    fn accounts_empty_and_fill_up() {
        let limits = Limits {
            reads_per_minute: Some(60),
            ..Limits::read(&Given::default()).unwrap()
        };
        let accounts = Accounts::default();
        let (start, client) = (Instant::now(), "2001:db8::1".parse().unwrap());
        let take = |client, seconds| accounts.take(client, Use::Read, &limits, start + Duration::from_secs(seconds));
        assert_eq!((0..60).filter(|_| take(client, 0).is_ok()).count(), 60);
        assert!(matches!(take(client, 0), Err(Error::Rate { per_minute: 60, wait_s: 1 })));
        assert!(take("2001:db8::2".parse().unwrap(), 0).is_err(), "the same household");
        assert!(take("2001:db8:0:1::1".parse().unwrap(), 0).is_ok());
        assert!(take(client, 1).is_ok() && take(client, 1).is_err());
        assert_eq!(
            (0..100).filter(|_| take(client, 1000).is_ok()).count(),
            60,
            "no more than a minute's worth"
        );
        assert!(accounts.take(client, Use::Check, &limits, start).is_ok(), "of its own");
        assert!((0..1000).all(|_| take("127.0.0.1".parse().unwrap(), 0).is_ok()));
    }
}
