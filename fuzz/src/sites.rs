//! The sites whose answers point somewhere, and what has to hold of where they point.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::OnceLock;

use landfall_secret::{Credential, CredentialKind, Origin, Secret};
use landfall_transport::{Error, Hop, Http, HttpConfig, Site};
use url::{Host, Url};

use crate::shown;

/// The addresses of the sites, as their origins are written.
pub const ORIGINS: [&str; 3] =
    ["https://registry.example.com", "https://registry.example.com:8443", "http://127.0.0.1:5000"];

/// A token server that is allowed.
const AUTH_HOST: &str = "auth.example.com";

/// What a signed address has in its query.
const SIGNATURE: &str = "canary-signature";

/// The sites of [`ORIGINS`], each with a login.
///
/// # Panics
/// Where they cannot be made.
pub fn sites() -> &'static [Site] {
    static SITES: OnceLock<Vec<Site>> = OnceLock::new();
    SITES.get_or_init(|| {
        // A certificate of our own: nobody is spoken to, and the machine may have none.
        let ca_file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/ca.pem"));
        let config = HttpConfig { ca_file: Some(ca_file), ..HttpConfig::default() };
        let http = Http::new(config).expect("a client");
        let site = |address: &&str| {
            let origin = Origin::parse(address).expect("an origin");
            let login = CredentialKind::Bearer(Secret::new("canary-of-the-site"));
            http.site("registry", address, Some(Credential::new(origin, login))).expect("a site")
        };
        ORIGINS.iter().map(site).collect()
    })
}

/// Lets a site accept, follow and ask what an answer gave; returns whether it was accepted as the site's own.
///
/// # Panics
/// Where it leads anywhere that it may not.
pub fn check(number: usize, asked: &Url, given: &str) -> bool {
    let (site, origin) = (&sites()[number], ORIGINS[number]);
    let accepted = match site.accept(asked, given, "Location") {
        Ok(location) => {
            is_on(origin, location.url(), given);
            let ended = location.with_query("digest", "sha256:00");
            is_on(origin, ended.url(), given);
            let last = ended.url().query_pairs().last();
            assert_eq!(last, Some(("digest".into(), "sha256:00".into())), "{given:?}");
            true
        }
        Err(error) => {
            refused(&error, given);
            false
        }
    };
    match site.hop(asked, given) {
        Ok(Hop::Same(location)) => {
            assert!(accepted, "{given:?}");
            is_on(origin, location.url(), given);
        }
        Ok(Hop::Foreign(anonymous)) => {
            assert!(!accepted, "{given:?}");
            leads_elsewhere(origin, anonymous.url(), given);
        }
        Err(error) => refused(&error, given),
    }
    for allowed in [None, Some(AUTH_HOST)] {
        match site.token_server(given, allowed) {
            Ok(server) => {
                let found = server.origin().to_string();
                let is_named = allowed.is_some() && found == format!("https://{AUTH_HOST}");
                assert!(found == origin || is_named, "{given:?} is {found}");
            }
            Err(error) => refused(&error, given),
        }
    }
    accepted
}

/// The text that a connection is made from begins with the origin, and nothing stands before the host.
fn is_on(origin: &str, url: &Url, given: &str) {
    let rest = url.as_str().strip_prefix(origin);
    assert!(rest.is_some_and(|rest| rest.starts_with('/')), "{given:?} became {url}");
    assert!(url.username().is_empty() && url.password().is_none(), "{given:?} became {url}");
}

fn leads_elsewhere(origin: &str, url: &Url, given: &str) {
    assert!(matches!(url.scheme(), "http" | "https"), "{given:?} became {url}");
    assert!(url.username().is_empty() && url.password().is_none(), "{given:?} became {url}");
    let public = origin.starts_with("https:");
    assert!(!public || url.scheme() == "https", "{given:?} became {url}");
    let ip = match url.host().expect("http and https have hosts") {
        Host::Domain(name) => {
            let is_local = name == "localhost" || name.ends_with(".localhost");
            assert!(!(public && is_local), "{given:?} became {url}");
            return;
        }
        Host::Ipv4(ip) => IpAddr::V4(ip),
        Host::Ipv6(ip) => ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4),
    };
    assert!(!is_metadata(ip), "{given:?} became {url}");
    assert!(!(public && is_inside(ip)), "{given:?} became {url}");
}

/// Link-local, where cloud machines keep their keys (RFC 3927, RFC 4291).
fn is_metadata(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.octets()[..2] == [169, 254],
        IpAddr::V6(ip) => ip.segments()[0] & 0xffc0 == 0xfe80,
    }
}

/// Private networks and this machine (RFC 1918, RFC 4193).
fn is_inside(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip == Ipv4Addr::UNSPECIFIED || matches!((a, b), (10 | 127, _) | (172, 16..=31) | (192, 168))
        }
        IpAddr::V6(ip) => {
            ip == Ipv6Addr::LOCALHOST || ip == Ipv6Addr::UNSPECIFIED || ip.segments()[0] & 0xfe00 == 0xfc00
        }
    }
}

/// A refusal shows neither query nor login.
fn refused(error: &Error, given: &str) {
    let shown = format!("{}{error:?}", shown(error));
    assert!(!shown.contains("canary-of-the-site"), "{shown}");
    if let Some((before, query)) = given.split_once(['?', '#'])
        && query.contains(SIGNATURE)
        && !before.contains(SIGNATURE)
    {
        assert!(!shown.contains(SIGNATURE), "{shown}");
    }
}
