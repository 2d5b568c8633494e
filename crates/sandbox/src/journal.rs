//! What every service was asked, in order.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method};

/// Requests beyond this many are served but not written down.
const MAX_ENTRIES: usize = 1_000_000;
/// Bodies up to this size are kept with their entry.
pub(crate) const MAX_KEPT_BODY: usize = 256 * 1024;

/// One of the stand-ins, as the journal and faults name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// HashiCorp Vault.
    Vault,
    /// AWS Security Token Service.
    Sts,
    /// The JSON API of ECR.
    EcrApi,
    /// The registry behind ECR.
    EcrRegistry,
    /// Artifactory: registry, token service, promotion.
    Artifactory,
    /// Where both registries redirect blob downloads to.
    Storage,
    /// AWS Lambda.
    Lambda,
    /// Jira Cloud.
    Jira,
    /// A host that nobody should talk to.
    Foreign,
}

impl Service {
    /// Every service, in the order of the declaration.
    pub const ALL: [Self; 9] = [
        Self::Vault,
        Self::Sts,
        Self::EcrApi,
        Self::EcrRegistry,
        Self::Artifactory,
        Self::Storage,
        Self::Lambda,
        Self::Jira,
        Self::Foreign,
    ];

    /// Name in lower case, such as `ecr-registry`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vault => "vault",
            Self::Sts => "sts",
            Self::EcrApi => "ecr-api",
            Self::EcrRegistry => "ecr-registry",
            Self::Artifactory => "artifactory",
            Self::Storage => "storage",
            Self::Lambda => "lambda",
            Self::Jira => "jira",
            Self::Foreign => "foreign",
        }
    }
}

/// One request. `Debug` shows no header values and no body.
#[derive(Clone)]
pub struct Entry {
    /// Number over all services, from 1.
    pub global: u64,
    /// Who was asked.
    pub service: Service,
    /// Number within the service, from 1.
    pub number: u64,
    /// Method.
    pub method: Method,
    /// Path and query as sent.
    pub target: String,
    /// Operation of an AWS JSON call (`BatchGetImage`), from `X-Amz-Target`.
    pub operation: Option<String>,
    /// Scheme of the `Authorization` header, such as `Basic`.
    pub auth_scheme: Option<String>,
    /// Bytes of the request body that arrived.
    pub body_len: u64,
    /// Status that was answered; `None` where no answer was given (yet).
    pub status: Option<u16>,
    /// Whether the service handled the request.
    pub effect: bool,
    /// The fault that struck, in words.
    pub fault: Option<String>,
    headers: HeaderMap,
    body: Bytes,
}

impl Entry {
    pub(crate) fn new(global: u64, service: Service, number: u64, parts: &http::request::Parts) -> Self {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let operation = header("x-amz-target").and_then(|target| target.rsplit('.').next());
        let scheme = header("authorization").and_then(|value| value.split(' ').next());
        Self {
            global,
            service,
            number,
            method: parts.method.clone(),
            target: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            operation: operation.map(str::to_owned),
            auth_scheme: scheme.map(str::to_owned),
            body_len: 0,
            status: None,
            effect: false,
            fault: None,
            headers: parts.headers.clone(),
            body: Bytes::new(),
        }
    }

    /// Path without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Names of the headers, each once.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        self.headers.keys().map(http::HeaderName::as_str)
    }

    /// All headers, secrets included: for tests of what was sent where. Never print them.
    pub fn raw_headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The whole `Authorization` header, for tests of what was sent where. Never print it.
    pub fn authorization(&self) -> Option<&str> {
        self.headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok())
    }

    /// The request body, if it was not larger than 256 KiB; may hold secrets. Empty for larger ones.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Whether the request carried this text anywhere: target, headers or kept body.
    pub fn carries(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let within = |haystack: &[u8]| {
            !bytes.is_empty() && haystack.windows(bytes.len()).any(|window| window == bytes)
        };
        within(self.target.as_bytes())
            || within(&self.body)
            || self.headers.values().any(|value| within(value.as_bytes()))
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} {}#{} {} {}",
            self.global,
            self.service.name(),
            self.number,
            self.method,
            self.path()
        )?;
        if let Some(operation) = &self.operation {
            write!(formatter, " {operation}")?;
        }
        write!(formatter, " {} B -> ", self.body_len)?;
        match self.status {
            Some(status) => write!(formatter, "{status}")?,
            None => formatter.write_str("no answer")?,
        }
        match (&self.fault, self.effect) {
            (Some(fault), true) => write!(formatter, " ({fault}; effect done)"),
            (Some(fault), false) => write!(formatter, " ({fault}; no effect)"),
            (None, _) => Ok(()),
        }
    }
}

#[derive(Default)]
struct Log {
    entries: Vec<Entry>,
    global: u64,
    numbers: std::collections::BTreeMap<Service, u64>,
    first: u64,
}

/// The list of all requests, in order of arrival.
#[derive(Default)]
pub struct Journal {
    log: Mutex<Log>,
}

impl fmt::Debug for Journal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Journal").field("requests", &self.count()).finish()
    }
}

impl Journal {
    /// Writes an arrival down and gives its number over all services.
    pub(crate) fn arrive(&self, service: Service, parts: &http::request::Parts) -> u64 {
        let mut log = self.lock();
        log.global += 1;
        let global = log.global;
        let number = log.numbers.entry(service).or_default();
        *number += 1;
        let number = *number;
        if log.entries.len() < MAX_ENTRIES {
            log.entries.push(Entry::new(global, service, number, parts));
        }
        global
    }

    /// Changes an entry that arrived before.
    pub(crate) fn note(&self, global: u64, act: impl FnOnce(&mut Entry)) {
        let mut log = self.lock();
        let index = global.checked_sub(log.first + 1).and_then(|index| usize::try_from(index).ok());
        if let Some(entry) = index.and_then(|index| log.entries.get_mut(index)) {
            act(entry);
        }
    }

    pub(crate) fn note_body(&self, global: u64, body: &Bytes) {
        self.note(global, |entry| {
            entry.body_len = body.len() as u64;
            if body.len() <= MAX_KEPT_BODY {
                entry.body = body.clone();
            }
        });
    }

    /// All entries so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().entries.clone()
    }

    /// The entries of one service.
    pub fn of(&self, service: Service) -> Vec<Entry> {
        self.lock().entries.iter().filter(|entry| entry.service == service).cloned().collect()
    }

    /// The entries whose method is this and whose target holds this text.
    pub fn matching(&self, method: &Method, text: &str) -> Vec<Entry> {
        let log = self.lock();
        log.entries
            .iter()
            .filter(|entry| entry.method == *method && entry.target.contains(text))
            .cloned()
            .collect()
    }

    /// How many requests arrived, over all services, since the start or the last [`Journal::clear`].
    pub fn count(&self) -> u64 {
        let log = self.lock();
        log.global - log.first
    }

    /// Forgets the entries; numbers go on.
    pub fn clear(&self) {
        let mut log = self.lock();
        log.entries.clear();
        log.first = log.global;
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
