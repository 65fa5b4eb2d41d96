//! Addresses of servers that are trusted to answer: over TLS, or on this machine.

use ureq::http::Uri;

/// Whether an address without TLS is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    /// Of this machine only.
    Loopback,
    /// Of any: somebody said so.
    Anywhere,
}

/// Why an address is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is none.
    #[error("take {url:?} for an address: http:// or https:// with a host is expected")]
    No {
        /// What was given.
        url: String,
    },
    /// It holds a name or a password, which would show in messages: it is not repeated.
    #[error("take an address with a name or a password in it")]
    Secret,
    /// Whoever is on the way could write the answers.
    #[error("ask {url} without TLS: whoever is on the way could read what is asked and write the answers")]
    Plain {
        /// What was given.
        url: String,
    },
}

/// Checks the address of a server and gives it back without a slash at its end. Names and passwords in it are refused: they would show in
/// messages.
pub fn base(url: &str, plain: Plain) -> Result<String, AddressError> {
    let no = || AddressError::No { url: url.to_owned() };
    if url.contains('@') {
        return Err(AddressError::Secret);
    }
    let uri: Uri = url.parse().map_err(|_| no())?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(no)?;
    let is_odd = uri.query().is_some();
    let scheme = uri.scheme_str().unwrap_or_default();
    if is_odd || !matches!(scheme, "http" | "https") {
        return Err(no());
    }
    if scheme == "http" && plain == Plain::Loopback && !is_loopback(host) {
        return Err(AddressError::Plain { url: url.to_owned() });
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let by_number = bare
        .parse::<std::net::IpAddr>()
        .is_ok_and(|address| address.to_canonical().is_loopback());
    by_number || host.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_only_on_this_machine() {
        for good in [
            "http://127.0.0.1:8080/",
            "http://[::1]:80",
            "http://localhost",
            "https://t.example/firn/",
        ] {
            assert_eq!(base(good, Plain::Loopback).as_deref(), Ok(good.trim_end_matches('/')));
        }
        for plain in [
            "http://t.example",
            "http://127.0.0.1.example",
            "http://10.0.0.1",
            "http://localhost.example",
        ] {
            let url = plain.to_owned();
            assert_eq!(base(plain, Plain::Loopback), Err(AddressError::Plain { url }));
            assert_eq!(base(plain, Plain::Anywhere).as_deref(), Ok(plain));
        }
        for no in ["", "t.example", "ftp://t.example", "https://", "/x", "https://t.example/?a=b"] {
            assert_eq!(base(no, Plain::Anywhere), Err(AddressError::No { url: no.to_owned() }), "{no}");
        }
        for secret in ["https://u:p@t.example", "u:p@t.example"] {
            let refused = base(secret, Plain::Anywhere).unwrap_err();
            assert_eq!(refused, AddressError::Secret);
            assert!(!refused.to_string().contains("u:p"));
        }
    }
}
