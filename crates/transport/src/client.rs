//! The one HTTP client of a run, and what it is told.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use landfall_secret::{Credential, Origin};
use url::Url;

use crate::{Error, Site, Trust};

/// To whom plain http may be spoken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlainHttp {
    /// Hosts, without port, that may be spoken to without TLS besides loopback.
    pub hosts: Vec<String>,
}

/// An explicit proxy. Proxy variables of the environment have no effect unless a binary passes them here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxy {
    /// For https servers, such as `http://proxy:3128`.
    pub https: Option<String>,
    /// For http servers.
    pub http: Option<String>,
    /// Hosts that are reached directly, comma-separated as in `NO_PROXY`. Loopback always is.
    pub bypass: String,
}

/// What an [`Http`] is told.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// A PEM file of certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Proxies (default: none).
    pub proxy: Proxy,
    /// To whom plain http may be spoken (default: loopback alone).
    pub plain_http: PlainHttp,
    /// How long a connection may take to come about (default 10 s).
    pub connect_timeout: Duration,
    /// How long the head of an answer may take, and how long a body may be silent (default 60 s).
    pub idle_timeout: Duration,
    /// Bytes a second below which a body counts as stalled, over 30 s (default 256).
    pub least_bytes_per_second: u64,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            ca_file: None,
            proxy: Proxy::default(),
            plain_http: PlainHttp::default(),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            least_bytes_per_second: 256,
        }
    }
}

/// The HTTP client of a run: one pool of connections, one reading of the certificates.
#[derive(Clone, Debug)]
pub struct Http {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: HttpConfig,
    trust: Trust,
    client: reqwest::Client,
}

impl Http {
    /// Reads the certificates and prepares the client. Nothing is sent.
    ///
    /// # Errors
    /// [`Error::Certificates`] for a bad `ca_file`, [`Error::Proxy`] for a bad proxy address, [`Error::Tls`] where TLS cannot
    /// be set up.
    pub fn new(config: HttpConfig) -> Result<Self, Error> {
        let trust = Trust::load(config.ca_file.as_deref())?;
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(trust.client_config()?)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .no_proxy()
            .http1_only()
            .user_agent(concat!("landfall/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(config.connect_timeout)
            .tcp_keepalive(Duration::from_secs(30))
            .pool_idle_timeout(Duration::from_secs(45));
        let bypass =
            reqwest::NoProxy::from_string(&format!("localhost,127.0.0.0/8,::1,{}", config.proxy.bypass));
        if let Some(address) = &config.proxy.https {
            builder = builder.proxy(
                reqwest::Proxy::https(address).map_err(|_| bad_proxy(address))?.no_proxy(bypass.clone()),
            );
        }
        if let Some(address) = &config.proxy.http {
            builder = builder
                .proxy(reqwest::Proxy::http(address).map_err(|_| bad_proxy(address))?.no_proxy(bypass));
        }
        let client = builder.build().map_err(|cause| Error::Tls { cause: cause.without_url().into() })?;
        Ok(Self { inner: Arc::new(Inner { config, trust, client }) })
    }

    /// A server at `address`, to which `credential` may go.
    ///
    /// `name` names the system in errors and counters, such as `vault`. A path in the address stands before every path
    /// that is asked for.
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::PlainHttp`], [`Error::LinkLocal`], and [`Error::ForeignCredential`] where the credential
    /// belongs to another origin.
    pub fn site(
        &self,
        name: &'static str,
        address: &str,
        credential: Option<Credential>,
    ) -> Result<Site, Error> {
        let shown = || landfall_secret::escape(&landfall_secret::shown_address(address), 200);
        let bad = |cause| Error::Address { site: name, shown: shown(), cause };
        let base = Url::parse(address)
            .map_err(|cause| bad(landfall_secret::OriginError::Malformed(cause.to_string())))?;
        let origin = Origin::of(&base).map_err(bad)?;
        self.permit(&origin)?;
        Site::new(self.clone(), name, base, origin, credential)
    }

    /// The certificates that were read, for clients that build their own TLS.
    pub fn trust(&self) -> &Trust {
        &self.inner.trust
    }

    /// What the client was told.
    pub fn config(&self) -> &HttpConfig {
        &self.inner.config
    }

    /// Refuses an origin that may not be spoken to at all: link-local, or plain http where it is not allowed.
    ///
    /// # Errors
    /// [`Error::LinkLocal`], [`Error::PlainHttp`], [`Error::NoCertificates`].
    pub fn permit(&self, origin: &Origin) -> Result<(), Error> {
        if origin.is_link_local() {
            return Err(Error::LinkLocal { origin: origin.clone() });
        }
        if origin.is_tls() {
            if self.inner.trust.is_empty() {
                return Err(Error::NoCertificates { origin: origin.clone() });
            }
        } else if !origin.is_loopback()
            && !self.inner.config.plain_http.hosts.iter().any(|host| host == origin.host())
        {
            return Err(Error::PlainHttp { origin: origin.clone() });
        }
        Ok(())
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.inner.client
    }
}

fn bad_proxy(address: &str) -> Error {
    Error::Proxy { shown: landfall_secret::escape(&landfall_secret::shown_address(address), 200) }
}
