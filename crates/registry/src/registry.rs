//! One registry: its address, its login, and how every request to it is made.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use landfall_run::{RateLimiter, Run, Share, Throttle};
use landfall_secret::Origin;
use landfall_transport::{Answer, Cap, HeaderMap, Http, Request, Site, StatusCode, Streaming};

use crate::refusal::About;
use crate::token::Slot;
use crate::{Error, Login};

/// What kind of registry it is; each has its quirks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavour {
    /// One that keeps to the OCI distribution-spec.
    #[default]
    Generic,
    /// Amazon ECR: Basic at once, repositories that must exist, paced writes (PutImage 10/s, InitiateLayerUpload 100/s an
    /// account and region; half of each is used).
    Ecr,
    /// Artifactory: may say 403 for what is not there (RTFACT-13797).
    Artifactory,
}

/// Whether TLS is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// `http` for loopback hosts and those that plain http is allowed for, `https` for all others.
    #[default]
    Auto,
    /// `https` always.
    Https,
    /// `http`, which has to be allowed for the host.
    Http,
}

/// What a [`Registry`] is told besides its host and login.
#[derive(Clone, Debug, Default)]
pub struct RegistryOptions {
    /// What kind of registry it is (default: generic).
    pub flavour: Flavour,
    /// Another host, with or without port, whose token server may see the login (default: none but the registry itself).
    pub auth_host: Option<String>,
    /// Whether TLS is spoken (default: by host).
    pub scheme: Scheme,
    /// A path that stands before `/v2/`, such as `/artifactory/api/docker/key` (default: none).
    pub api_prefix: String,
    /// The fraction of the registry's rates that this run may use (default: all that is ours).
    pub share: Share,
}

/// One registry and the login for it. Cloning is cheap; clones share tokens and limits.
#[derive(Clone, Debug)]
pub struct Registry {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    host: String,
    flavour: Flavour,
    auth_host: Option<String>,
    site: Site,
    login: Option<Login>,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
    manifest_writes: Option<RateLimiter>,
    upload_starts: Option<RateLimiter>,
    throttle: Throttle,
    /// Whether the registry refused blobs in one PUT before.
    patches: AtomicBool,
    /// First segments of paths under which it was answered that no referrers are listed.
    without_referrers: Mutex<BTreeSet<String>>,
}

/// What is done in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Pull,
    Push,
}

/// What a request needs and is about.
#[derive(Clone, Debug)]
pub(crate) struct Need<'a> {
    pub(crate) path: &'a str,
    pub(crate) access: Access,
    pub(crate) doing: String,
}

/// An answer of either kind.
pub(crate) trait Headed {
    fn status(&self) -> StatusCode;
    fn headers(&self) -> &HeaderMap;
}

impl Headed for Answer {
    fn status(&self) -> StatusCode {
        self.status()
    }

    fn headers(&self) -> &HeaderMap {
        self.headers()
    }
}

impl Headed for Streaming {
    fn status(&self) -> StatusCode {
        self.status()
    }

    fn headers(&self) -> &HeaderMap {
        self.headers()
    }
}

impl Registry {
    /// A registry at a host (with its port, where it has one). Nothing is sent.
    ///
    /// # Errors
    /// [`Error::Transport`] where the host is not usable, or plain http is not allowed for it.
    pub fn new(
        http: &Http,
        host: &str,
        login: Option<Login>,
        options: RegistryOptions,
    ) -> Result<Self, Error> {
        let scheme = match options.scheme {
            Scheme::Https => "https",
            Scheme::Http => "http",
            Scheme::Auto => scheme_of(http, host),
        };
        let address = format!("{scheme}://{host}{}", options.api_prefix.trim_end_matches('/'));
        let doing = || format!("use the registry {}", landfall_secret::escape(host, 200));
        let throttle = Throttle::default();
        let site = http
            .site("registry", &address, None)
            .map_err(|cause| Error::transport(doing(), cause))?
            .with_throttle(throttle.clone());
        let limiter = |per_second: f64, burst| {
            (options.flavour == Flavour::Ecr).then(|| RateLimiter::new(per_second, burst, options.share))
        };
        Ok(Self {
            inner: Arc::new(Inner {
                host: host.to_owned(),
                flavour: options.flavour,
                auth_host: options.auth_host,
                site,
                login,
                slots: Mutex::default(),
                manifest_writes: limiter(5.0, 5),
                upload_starts: limiter(50.0, 50),
                throttle,
                patches: AtomicBool::new(false),
                without_referrers: Mutex::default(),
            }),
        })
    }

    /// The host, with its port where one was given.
    pub fn host(&self) -> &str {
        &self.inner.host
    }

    /// What kind of registry it is.
    pub fn flavour(&self) -> Flavour {
        self.inner.flavour
    }

    /// How often it said that it was asked too much (429).
    pub fn throttled(&self) -> u64 {
        self.inner.throttle.count()
    }

    pub(crate) fn login(&self) -> Option<&Login> {
        self.inner.login.as_ref()
    }

    pub(crate) fn auth_host(&self) -> Option<&str> {
        self.inner.auth_host.as_deref()
    }

    pub(crate) fn anonymous_site(&self) -> &Site {
        &self.inner.site
    }

    pub(crate) fn patches(&self) -> &AtomicBool {
        &self.inner.patches
    }

    /// First segments of paths, which are repositories of their own in Artifactory, that list no referrers.
    pub(crate) fn without_referrers(&self) -> &Mutex<BTreeSet<String>> {
        &self.inner.without_referrers
    }

    pub(crate) fn manifest_writes(&self) -> Option<&RateLimiter> {
        self.inner.manifest_writes.as_ref()
    }

    pub(crate) fn upload_starts(&self) -> Option<&RateLimiter> {
        self.inner.upload_starts.as_ref()
    }

    /// What the first request carries: ECR is known to take Basic, others say what they take.
    pub(crate) fn first_site(&self) -> Site {
        let direct = match (self.inner.flavour, self.login()) {
            (Flavour::Ecr, Some(login)) | (_, Some(login @ Login::Bearer(_))) => login.kind(),
            (_, Some(Login::Basic { .. } | Login::IdentityToken(_)) | None) => None,
        };
        self.inner.site.with_credential(direct)
    }

    pub(crate) fn login_refused(&self, need: &Need<'_>, said: String) -> Error {
        let host = self.inner.host.clone();
        match self.login() {
            Some(login) => {
                Error::LoginRefused { host, user: login.user().to_owned(), doing: need.doing.clone(), said }
            }
            None => Error::NoLogin { host, doing: need.doing.clone() },
        }
    }

    pub(crate) fn about<'a>(&'a self, doing: &'a str) -> About<'a> {
        About { host: &self.inner.host, user: self.login().map_or("nobody", Login::user), doing }
    }

    /// The error that an unwanted answer is.
    pub(crate) fn refused(&self, need: &Need<'_>, answer: &Answer, run: &Run) -> Error {
        let repository = format!("{}/{}", self.inner.host, need.path);
        crate::refusal::error(&self.about(&need.doing), &repository, answer, run)
    }

    pub(crate) fn failed(doing: &str, cause: landfall_transport::Error) -> Error {
        Error::transport(doing, cause)
    }

    /// Makes a request and reads its answer, logging in as the registry asks for.
    pub(crate) async fn ask(
        &self,
        need: &Need<'_>,
        cap: Cap,
        run: &Run,
        make: impl Fn(&Site) -> Request,
    ) -> Result<Answer, Error> {
        self.exchange(need, run, |site| make(&site).send(run, cap)).await
    }

    /// As [`Self::ask`], and returns when the head of the answer is there.
    pub(crate) async fn ask_streaming(
        &self,
        need: &Need<'_>,
        run: &Run,
        make: impl Fn(&Site) -> Request,
    ) -> Result<Streaming, Error> {
        self.exchange(need, run, |site| make(&site).send_streaming(run)).await
    }

    /// The site for a request whose body cannot be sent twice.
    pub(crate) async fn entered(&self, need: &Need<'_>, run: &Run) -> Result<Site, Error> {
        Ok(self.slot(need).current(self, need, run).await?.site)
    }

    async fn exchange<R, F>(&self, need: &Need<'_>, run: &Run, send: impl Fn(Site) -> F) -> Result<R, Error>
    where
        R: Headed,
        F: Future<Output = Result<R, landfall_transport::Error>>,
    {
        let slot = self.slot(need);
        let failed = |cause| Self::failed(&need.doing, cause);
        let carried = slot.current(self, need, run).await?;
        let answer = send(carried.site.clone()).await.map_err(failed)?;
        let (answer, carried) = match answer.status() {
            StatusCode::UNAUTHORIZED => (answer, carried),
            // Some hide from strangers what they have; the registry's own origin may see the login.
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => match slot.forthright(self, &carried).await {
                Some(carried) => {
                    let answer = send(carried.site.clone()).await.map_err(failed)?;
                    if answer.status() != StatusCode::UNAUTHORIZED {
                        return Ok(answer);
                    }
                    (answer, carried)
                }
                None => return Ok(answer),
            },
            _ => return Ok(answer),
        };
        let carried = slot.renewed(self, need, &carried, answer.headers(), run).await?;
        let answer = send(carried.site.clone()).await.map_err(failed)?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            return Err(self.login_refused(need, String::new()));
        }
        Ok(answer)
    }

    fn slot(&self, need: &Need<'_>) -> Arc<Slot> {
        let mut slots = self.inner.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(need.scope()).or_default())
    }
}

fn scheme_of(http: &Http, host: &str) -> &'static str {
    let plain = Origin::parse(&format!("http://{host}")).is_ok_and(|origin| {
        origin.is_loopback() || http.config().plain_http.hosts.iter().any(|allowed| allowed == origin.host())
    });
    if plain { "http" } else { "https" }
}
