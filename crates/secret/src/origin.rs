//! Scheme, host and port: what a credential is bound to.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// Scheme, host and port of a server (RFC 6454), normalised: lower case, IDNA, default port filled in.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

/// Why an address is not a usable origin.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OriginError {
    /// Not a URL at all.
    #[error("not an address: {0}")]
    Malformed(String),
    /// A scheme other than http and https.
    #[error("scheme {0} is not http or https")]
    Scheme(String),
    /// User information stands in the address, where it would be logged.
    #[error("the address carries a user name or password")]
    UserInfo,
    /// No host, or one with a trailing dot.
    #[error("the address has no usable host")]
    Host,
}

impl Origin {
    /// The origin of a URL; refuses user information, other schemes and odd hosts.
    ///
    /// # Errors
    /// [`OriginError`] names what is odd about the address.
    pub fn of(url: &Url) -> Result<Self, OriginError> {
        let scheme = url.scheme();
        if scheme != "http" && scheme != "https" {
            return Err(OriginError::Scheme(crate::escape(scheme, 40)));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OriginError::UserInfo);
        }
        let host = url.host_str().unwrap_or_default();
        if host.is_empty() || host.ends_with('.') {
            return Err(OriginError::Host);
        }
        let port = url.port_or_known_default().ok_or(OriginError::Host)?;
        Ok(Self { scheme: scheme.to_owned(), host: host.to_ascii_lowercase(), port })
    }

    /// Parses an address and takes its origin.
    ///
    /// # Errors
    /// [`OriginError`] where the text is not an http(s) address.
    pub fn parse(address: &str) -> Result<Self, OriginError> {
        let url = Url::parse(address).map_err(|cause| OriginError::Malformed(cause.to_string()))?;
        Self::of(&url)
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The host in lower case; an IPv6 address stands in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, also where it is the scheme's default.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the connection is protected by TLS.
    pub fn is_tls(&self) -> bool {
        self.scheme == "https"
    }

    /// Whether the host is this machine itself: `localhost` or a loopback address.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.ip().is_some_and(|ip| ip.is_loopback())
    }

    /// Whether the host is a link-local address, where cloud machines keep their metadata service.
    pub fn is_link_local(&self) -> bool {
        match self.ip() {
            Some(IpAddr::V4(ip)) => ip.is_link_local(),
            Some(IpAddr::V6(ip)) => {
                ip.is_unicast_link_local() || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_link_local())
            }
            None => false,
        }
    }

    fn ip(&self) -> Option<IpAddr> {
        match Host::parse(&self.host).ok()? {
            Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
            Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
            Host::Domain(_) => None,
        }
    }
}

/// The user information of an address, such as `user:password`; `None` where it has none.
///
/// Works on texts that are no good address too: what stands before the last `@` of the authority.
pub fn user_info(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    authority.rsplit_once('@').map(|(user_info, _)| user_info).filter(|user_info| !user_info.is_empty())
}

/// An address without user information, query and fragment, for messages.
pub fn shown_address(address: &str) -> String {
    let bare = address.split(['?', '#']).next().unwrap_or_default();
    match user_info(bare) {
        Some(user_info) => bare.replacen(&format!("{user_info}@"), "<redacted>@", 1),
        None => bare.to_owned(),
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = if self.is_tls() { 443 } else { 80 };
        write!(f, "{}://{}", self.scheme, self.host)?;
        if self.port == default { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::{Origin, OriginError, shown_address, user_info};

    fn same(a: &str, b: &str) -> bool {
        Origin::parse(a) == Origin::parse(b) && Origin::parse(a).is_ok()
    }

    #[test]
    fn spellings_of_one_origin_are_equal() {
        assert!(same("https://Example.com", "https://example.com:443/x?y"));
        assert!(same("http://127.0.0.1:80", "http://127.0.0.1/"));
        assert!(same("http://2130706433/", "http://127.0.0.1/"), "decimal spelling of an address");
        assert!(same("http://0x7f.1/", "http://127.0.0.1/"), "hex spelling of an address");
        assert!(same("https://bücher.example", "https://xn--bcher-kva.example"));
    }

    #[test]
    fn other_scheme_host_or_port_differs() {
        assert!(!same("https://example.com", "http://example.com"));
        assert!(!same("https://example.com", "https://example.com:444"));
        assert!(!same("https://example.com", "https://example.com.evil.example"));
        assert!(!same("http://127.0.0.1", "http://127.0.0.2"));
    }

    #[test]
    fn odd_addresses_are_refused() {
        assert_eq!(Origin::parse("https://user@example.com"), Err(OriginError::UserInfo));
        assert_eq!(Origin::parse("https://a:b@example.com"), Err(OriginError::UserInfo));
        assert_eq!(Origin::parse("https://example.com./"), Err(OriginError::Host));
        assert!(matches!(Origin::parse("file:///etc/passwd"), Err(OriginError::Scheme(_))));
        assert!(matches!(Origin::parse("https://exa%2Fmple.com"), Err(OriginError::Malformed(_))));
        assert!(matches!(Origin::parse("example.com"), Err(OriginError::Malformed(_))));
    }

    #[test]
    fn user_information_is_found_and_hidden() {
        assert_eq!(user_info("https://bob:hunter2@host/path@x"), Some("bob:hunter2"));
        assert_eq!(user_info("https://host/path@x"), None);
        assert_eq!(user_info("host"), None);
        assert_eq!(shown_address("https://bob:p@ss@host/a?token=1"), "https://<redacted>@host/a");
        assert_eq!(shown_address("https://host/a@b"), "https://host/a@b");
    }

    #[test]
    fn machine_metadata_addresses_are_known() {
        for address in [
            "http://169.254.169.254",
            "http://0xA9FEA9FE/",
            "http://[fe80::1]/",
            "http://[::ffff:169.254.169.254]/",
        ] {
            assert!(Origin::parse(address).is_ok_and(|o| o.is_link_local()), "{address}");
        }
        assert!(Origin::parse("http://[::1]:8080").is_ok_and(|o| o.is_loopback()));
    }
}
