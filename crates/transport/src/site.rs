//! One server: an address, and the credential that may go there.

use std::sync::Arc;

use landfall_run::{RateLimiter, Throttle};
use landfall_secret::{Credential, CredentialKind, Origin, Secret};
use serde::Serialize;
use url::Url;

use crate::{Anonymous, Error, Hop, Http, Method, Request};

/// A server and the credential that may go there. The two were compared when the site was made.
#[derive(Clone, Debug)]
pub struct Site {
    http: Http,
    name: &'static str,
    base: Url,
    origin: Origin,
    credential: Option<Arc<Credential>>,
    limiter: Option<RateLimiter>,
    throttle: Option<Throttle>,
}

/// An address on a site that the site itself gave us and that was found to be on the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location(Url);

impl Site {
    pub(crate) fn new(
        http: Http,
        name: &'static str,
        base: Url,
        origin: Origin,
        credential: Option<Credential>,
    ) -> Result<Self, Error> {
        if let Some(credential) = credential.as_ref().filter(|credential| *credential.origin() != origin) {
            return Err(Error::ForeignCredential { credential: credential.origin().clone(), site: origin });
        }
        Ok(Self {
            http,
            name,
            base,
            origin,
            credential: credential.map(Arc::new),
            limiter: None,
            throttle: None,
        })
    }

    /// The same server with another credential, or none.
    ///
    /// The credential is taken to be for this very origin: it is for tokens that the server itself handed out.
    pub fn with_credential(&self, kind: Option<CredentialKind>) -> Self {
        let credential = kind.map(|kind| Arc::new(Credential::new(self.origin.clone(), kind)));
        Self { credential, ..self.clone() }
    }

    /// The same server, with every request waiting its turn first.
    pub fn with_limiter(&self, limiter: RateLimiter) -> Self {
        Self { limiter: Some(limiter), ..self.clone() }
    }

    /// The same server, with each 429 counted where whoever schedules the work sees it.
    pub fn with_throttle(&self, throttle: Throttle) -> Self {
        Self { throttle: Some(throttle), ..self.clone() }
    }

    /// The system's name in errors and counters.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The address that paths are below, such as `https://api.atlassian.com/ex/jira/1a2b`.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Whether requests carry a credential.
    pub fn has_credential(&self) -> bool {
        self.credential.is_some()
    }

    /// `GET` of a path below the site's address.
    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    /// `POST` of JSON to a path below the site's address.
    pub fn post_json(&self, path: &str, body: &impl Serialize) -> Request {
        self.request(Method::POST, path).json(body)
    }

    /// `PUT` of JSON to a path below the site's address.
    pub fn put_json(&self, path: &str, body: &impl Serialize) -> Request {
        self.request(Method::PUT, path).json(body)
    }

    /// A request on a path below the site's address. The path begins with `/`; `?`, `#` and other special characters in it
    /// are encoded, and a path with a segment `.` or `..` is refused when the request is sent.
    pub fn request(&self, method: Method, path: &str) -> Request {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url.set_query(None);
        let climbs = path.split('/').any(|segment| {
            let plain = segment.to_ascii_lowercase().replace("%2e", ".");
            plain == "." || plain == ".."
        });
        let refused = (climbs || !path.starts_with('/') || path.contains('\\'))
            .then(|| Error::Path { site: self.name, path: landfall_secret::escape(path, 200) });
        Request::new(self.clone(), method, url, refused)
    }

    /// A request on an address that the site gave and that was accepted.
    pub fn request_at(&self, method: Method, location: &Location) -> Request {
        Request::new(self.clone(), method, location.0.clone(), None)
    }

    /// Accepts an address that an answer gave, where it is on this very site; relative addresses are resolved against
    /// `asked`, the address that was asked.
    ///
    /// # Errors
    /// [`Error::ForeignHop`] where it is not; `what` names the header or field.
    pub fn accept(&self, asked: &Url, given: &str, what: &'static str) -> Result<Location, Error> {
        let foreign = || Error::ForeignHop {
            site: self.origin.clone(),
            foreign: landfall_secret::escape(given.split(['?', '#']).next().unwrap_or_default(), 200),
            what,
        };
        let url = asked.join(given).map_err(|_| foreign())?;
        match Origin::of(&url) {
            Ok(origin) if origin == self.origin => Ok(Location(url)),
            Ok(_) | Err(_) => Err(foreign()),
        }
    }

    /// Where a redirect leads: on this site, or an anonymous request elsewhere.
    ///
    /// # Errors
    /// [`Error::ForeignHop`] where it leads from https to http, to a link-local address, or to an address of a private network
    /// although this site is not in one.
    pub fn hop(&self, asked: &Url, given: &str) -> Result<Hop, Error> {
        if let Ok(location) = self.accept(asked, given, "redirect") {
            return Ok(Hop::Same(location));
        }
        Anonymous::to(self, asked, given).map(Hop::Foreign)
    }

    /// A site for the token server of this one, whose address an answer gave. It is this very origin, or a host that
    /// was configured for it: `host:port`, or `host` for the default port of the scheme.
    ///
    /// # Errors
    /// [`Error::ForeignHop`] where it is neither.
    pub fn token_server(&self, realm: &str, allowed_host: Option<&str>) -> Result<Self, Error> {
        let foreign = || Error::ForeignHop {
            site: self.origin.clone(),
            foreign: landfall_secret::escape(realm.split(['?', '#']).next().unwrap_or_default(), 200),
            what: "WWW-Authenticate realm",
        };
        let url = Url::parse(realm).map_err(|_| foreign())?;
        let origin = Origin::of(&url).map_err(|_| foreign())?;
        let default_port = origin.port() == if origin.is_tls() { 443 } else { 80 };
        let named = allowed_host
            .is_some_and(|host| host == host_and_port(&origin) || (default_port && host == origin.host()));
        // A token server that was configured for a TLS site must speak TLS too.
        let no_weaker = origin.is_tls() || !self.origin.is_tls();
        if origin != self.origin && !(named && no_weaker) {
            return Err(foreign());
        }
        self.http.permit(&origin)?;
        let credential = self
            .credential
            .as_ref()
            .map(|credential| Arc::new(Credential::new(origin.clone(), credential.kind().clone())));
        Ok(Self { base: url, origin, credential, ..self.clone() })
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    pub(crate) fn credential(&self) -> Option<&Credential> {
        self.credential.as_deref()
    }

    pub(crate) fn limiter(&self) -> Option<&RateLimiter> {
        self.limiter.as_ref()
    }

    pub(crate) fn throttle(&self) -> Option<&Throttle> {
        self.throttle.as_ref()
    }

    /// The user and password, where the credential is of that kind: for logins that a protocol puts into a body.
    pub fn basic(&self) -> Option<(&str, &Secret)> {
        match self.credential.as_deref()?.kind() {
            CredentialKind::Basic { user, password } => Some((user, password)),
            CredentialKind::Bearer(_) | CredentialKind::Header { .. } => None,
        }
    }
}

impl Location {
    /// The address, for looking at it: with its query, which may hold what is not for a log.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// The address with query parameters added, as an upload's last request needs them.
    pub fn with_query(mut self, name: &str, value: &str) -> Self {
        self.0.query_pairs_mut().append_pair(name, value);
        self
    }
}

fn host_and_port(origin: &Origin) -> String {
    format!("{}:{}", origin.host(), origin.port())
}
