//! A server that lies about where to go next, and networks that break: what the other side gets to see.
//!
//! 127.0.0.1 is the server that we were told of, 127.0.0.2 a host that we were not: another host, not only another port.

mod addresses;
mod broken_networks;
mod other_hosts;
mod raw_server;
mod what_is_sent;

use std::io::Write as _;
use std::time::Duration;

use landfall_run::{RetryPolicy, Run};
use landfall_secret::{Credential, CredentialKind, Origin, Secret};
use landfall_transport::{Http, HttpConfig, Site};
use raw_server::Server;
use url::Url;

pub(crate) const TOKEN: &str = "s3cr3t-of-the-site";

pub(crate) fn run() -> Run {
    let policy = RetryPolicy { attempts: 3, base: Duration::from_millis(1), ..RetryPolicy::default() };
    Run::builder().retry_policy(policy).build()
}

pub(crate) fn http() -> Http {
    Http::new(HttpConfig::default()).expect("a client")
}

/// A client that gives up on silence soon.
pub(crate) fn impatient() -> Http {
    let config = HttpConfig { idle_timeout: Duration::from_millis(500), ..HttpConfig::default() };
    Http::new(config).expect("a client")
}

pub(crate) fn bearer(address: &str, token: &str) -> Credential {
    let origin = Origin::parse(address).expect("an origin");
    Credential::new(origin, CredentialKind::Bearer(Secret::new(token)))
}

pub(crate) fn site_of(http: &Http, server: &Server) -> Site {
    let address = server.url("");
    http.site("server", &address, Some(bearer(&address, TOKEN))).expect("a site")
}

pub(crate) fn asked(server: &Server) -> Url {
    Url::parse(&server.url("/asked")).expect("an address")
}

/// A site that speaks TLS; nothing listens there, for these cases must end before anybody is spoken to.
pub(crate) fn tls_site(address: &str) -> Site {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(SELF_SIGNED.as_bytes()).expect("written");
    let config = HttpConfig { ca_file: Some(file.path().to_owned()), ..HttpConfig::default() };
    let http = Http::new(config).expect("a client");
    http.site("server", address, Some(bearer(address, TOKEN))).expect("a site")
}

/// A certificate that trusts nobody here: it only lets a site speak TLS on a machine without a trust store.
pub(crate) const SELF_SIGNED: &str = "-----BEGIN CERTIFICATE-----
MIIBkTCCATegAwIBAgIUSF53gnevmpYkdijuLNp1zD+CjfQwCgYIKoZIzj0EAwIw
HTEbMBkGA1UEAwwSaG9zdGlsZS1ob3N0cyB0ZXN0MCAXDTI2MTEyMTAyMjYwNloY
DzIxMjYxMDI4MDIyNjA2WjAdMRswGQYDVQQDDBJob3N0aWxlLWhvc3RzIHRlc3Qw
WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARyd75pgARWe2B0hUjkabXe4JCGkvSN
iha6k8KOU0pH1Ro/APfULnv0JEJno6+tqWkm2QHm7Sq7pkDNYkgNXdZCo1MwUTAd
BgNVHQ4EFgQUrWGeLa29GLfBN7Fmc/Ivbb+zaaswHwYDVR0jBBgwFoAUrWGeLa29
GLfBN7Fmc/Ivbb+zaaswDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBF
AiEA7IRNpPYyIWSdVyzkNCoIf7OAQPJK5J4LfteTnq6XzmcCIGLcHTi0VklSvVIV
6iHjjdjH3xqMp5Zrprh+QzmK8Zgg
-----END CERTIFICATE-----
";
