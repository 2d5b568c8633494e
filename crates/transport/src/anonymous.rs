//! A hop to another host: a request to which nothing secret can be added.

use std::net::Ipv4Addr;

use landfall_run::Run;
use landfall_secret::Origin;
use url::{Host, Url};

use crate::sending::{Sending, send_streaming};
use crate::{Error, HeaderMap, HeaderValue, Http, Location, Method, Site, Streaming, header};

/// Where a redirect leads.
#[derive(Clone, Debug)]
pub enum Hop {
    /// To an address on the site that was asked, which may see its credential.
    Same(Location),
    /// To another host, which sees none.
    Foreign(Anonymous),
}

/// A `GET` elsewhere: no credential, cookie or referer, and no way to add one. Redirects of the other host are refused.
#[derive(Clone, Debug)]
pub struct Anonymous {
    http: Http,
    name: &'static str,
    url: Url,
    headers: HeaderMap,
}

impl Anonymous {
    pub(crate) fn to(site: &Site, asked: &Url, given: &str) -> Result<Self, Error> {
        let foreign = || Error::ForeignHop {
            site: site.origin().clone(),
            foreign: landfall_secret::escape(given.split(['?', '#']).next().unwrap_or_default(), 200),
            what: "redirect",
        };
        let url = asked.join(given).map_err(|_| foreign())?;
        let origin = Origin::of(&url).map_err(|_| foreign())?;
        let downgrade = site.origin().is_tls() && !origin.is_tls();
        if downgrade || origin.is_link_local() || (is_private(&url) && !is_private_origin(site.origin())) {
            return Err(foreign());
        }
        site.http().permit(&origin)?;
        Ok(Self { http: site.http().clone(), name: site.name(), url, headers: HeaderMap::new() })
    }

    /// The address, for looking at it: with its query, which is often signed and so not for a log.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Asks for the bytes from an offset on (RFC 9110, Range).
    pub fn from_byte(mut self, offset: u64) -> Self {
        if let Ok(value) = HeaderValue::from_str(&format!("bytes={offset}-")) {
            self.headers.insert(header::RANGE, value);
        }
        self
    }

    /// Makes the request and returns when the head of the answer is there.
    ///
    /// # Errors
    /// As for [`crate::Request::send_streaming`].
    pub async fn send(&self, run: &Run) -> Result<Streaming, Error> {
        let sending = Sending {
            http: &self.http,
            name: self.name,
            method: &Method::GET,
            reads: true,
            url: &self.url,
            headers: &self.headers,
            credential: None,
            limiter: None,
            throttle: None,
            counted: Some("storage"),
            timeout: None,
            never_a_page: false,
        };
        send_streaming(&sending, run, None).await
    }
}

fn is_private_origin(origin: &Origin) -> bool {
    Url::parse(&origin.to_string()).is_ok_and(|url| is_private(&url))
}

/// Whether the host is written as an address of a private network or of this machine.
fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => is_private_v4(ip),
        // An IPv4 address in an IPv6 spelling reaches the same machine.
        Some(Host::Ipv6(ip)) => match ip.to_ipv4_mapped() {
            Some(ip) => is_private_v4(ip),
            None => ip.is_loopback() || ip.is_unique_local() || ip.is_unspecified(),
        },
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => true,
    }
}

fn is_private_v4(ip: Ipv4Addr) -> bool {
    ip.is_private() || ip.is_loopback() || ip.is_unspecified()
}
