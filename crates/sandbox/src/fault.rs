//! What goes wrong, and when.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::journal::Service;

/// What a fault does to the request it strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Answers this; the service is not asked.
    Status {
        /// Status.
        code: StatusCode,
        /// Headers of the answer.
        headers: HeaderMap,
        /// Body of the answer.
        body: Bytes,
    },
    /// Waits, then goes on as always. A caller who hangs up meanwhile has caused no effect.
    Delay(Duration),
    /// The service acts, then the answer waits. The effect stays when the caller hangs up meanwhile.
    DelayAnswer(Duration),
    /// Closes the connection without an answer; the service is not asked.
    CutBefore,
    /// Reads this many bytes of the request body, then closes the connection; the service is not asked.
    CutRequestAfter(u64),
    /// The service acts; this many bytes of the answer's body are sent, then the connection is closed.
    CutAfterBytes(u64),
    /// The service acts; the connection is closed without an answer.
    LoseAnswer,
    /// Kills the child process (SIGKILL); the service is not asked.
    KillBefore,
    /// The service acts, then the child process is killed; there is no answer.
    KillAfter,
}

impl What {
    /// A status with an empty body.
    pub fn status(code: u16) -> Self {
        let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::Status { code, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// Adds a header to a status; other faults stay as they are. A name or value that HTTP does not allow is left out.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let (Self::Status { headers, .. }, Ok(name), Ok(value)) =
            (&mut self, HeaderName::try_from(name), HeaderValue::from_str(value))
        {
            headers.append(name, value);
        }
        self
    }

    /// Sets the body of a status; other faults stay as they are.
    pub fn body(mut self, text: impl Into<Bytes>) -> Self {
        if let Self::Status { body, .. } = &mut self {
            *body = text.into();
        }
        self
    }

    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Status { code, .. } => format!("fault: status {}", code.as_u16()),
            Self::Delay(time) => format!("fault: delay {time:?}"),
            Self::DelayAnswer(time) => format!("fault: answer delayed {time:?}"),
            Self::CutBefore => "fault: cut".to_owned(),
            Self::CutRequestAfter(count) => format!("fault: cut after {count} bytes of the request"),
            Self::CutAfterBytes(count) => format!("fault: answer cut after {count} bytes"),
            Self::LoseAnswer => "fault: answer lost".to_owned(),
            Self::KillBefore => "fault: child killed before".to_owned(),
            Self::KillAfter => "fault: child killed after".to_owned(),
        }
    }
}

/// Something that goes wrong at the n-th request that fits, counted from when the fault was added.
///
/// ```
/// use landfall_sandbox::{Fault, Service, What};
///
/// let fault = Fault::new(What::status(503).header("retry-after", "1")).on(Service::EcrRegistry).matching("/blobs/uploads/").nth(2);
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    what: What,
    service: Option<Service>,
    method: Option<Method>,
    text: Option<String>,
    nth: u64,
    times: u64,
}

impl Fault {
    /// Strikes the first request of any service, once.
    pub fn new(what: What) -> Self {
        Self { what, service: None, method: None, text: None, nth: 1, times: 1 }
    }

    /// Only requests of this service count.
    pub fn on(self, service: Service) -> Self {
        Self { service: Some(service), ..self }
    }

    /// Only requests of this method count.
    pub fn method(self, method: Method) -> Self {
        Self { method: Some(method), ..self }
    }

    /// Only requests count that have this text in path and query, or in the `X-Amz-Target` header.
    pub fn matching(self, text: &str) -> Self {
        Self { text: Some(text.to_owned()), ..self }
    }

    /// Strikes the n-th request that fits, from 1. Default: 1.
    pub fn nth(self, nth: u64) -> Self {
        Self { nth: nth.max(1), ..self }
    }

    /// Strikes so many in a row. Default: 1.
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    /// Strikes every one from the n-th on.
    pub fn every(self) -> Self {
        Self { times: u64::MAX, ..self }
    }

    fn fits(&self, service: Service, parts: &http::request::Parts) -> bool {
        let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
        let operation =
            parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
        self.service.is_none_or(|wanted| wanted == service)
            && self.method.as_ref().is_none_or(|wanted| *wanted == parts.method)
            && self
                .text
                .as_ref()
                .is_none_or(|text| target.contains(text.as_str()) || operation.contains(text.as_str()))
    }
}

struct Armed {
    fault: Fault,
    seen: u64,
}

/// The faults that are still to come.
#[derive(Default)]
pub struct Faults {
    armed: Mutex<Vec<Armed>>,
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Faults").field("armed", &self.pending()).finish()
    }
}

impl Faults {
    /// Adds one. Where several would strike the same request, the one added first does; the others have counted it all the same.
    pub fn add(&self, fault: Fault) {
        self.lock().push(Armed { fault, seen: 0 });
    }

    /// Takes all away.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// How many have not struck for the last time.
    pub fn pending(&self) -> usize {
        self.lock().len()
    }

    pub(crate) fn strike(&self, service: Service, parts: &http::request::Parts) -> Option<What> {
        let mut armed = self.lock();
        let mut struck = None;
        armed.retain_mut(|one| {
            if !one.fault.fits(service, parts) {
                return true;
            }
            one.seen += 1;
            let end = one.fault.nth.saturating_add(one.fault.times);
            if one.seen >= one.fault.nth && one.seen < end && struck.is_none() {
                struck = Some(one.fault.what.clone());
            }
            one.seen.saturating_add(1) < end
        });
        struck
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Armed>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(method: &str, path: &str) -> http::request::Parts {
        http::Request::builder().method(method).uri(path).body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_fault_counts_only_what_fits_and_strikes_as_often_as_told() {
        let faults = Faults::default();
        faults.add(
            Fault::new(What::CutBefore).on(Service::Jira).method(Method::PUT).matching("/x").nth(2).times(2),
        );
        let ask = |service, method, path| faults.strike(service, &parts(method, path)).is_some();
        assert!(!ask(Service::Jira, "PUT", "/x"));
        assert!(!ask(Service::Jira, "GET", "/x"));
        assert!(!ask(Service::Vault, "PUT", "/x"));
        assert!(!ask(Service::Jira, "PUT", "/y"));
        assert!(ask(Service::Jira, "PUT", "/x"));
        assert!(ask(Service::Jira, "PUT", "/x?q=1"));
        assert_eq!(faults.pending(), 0);
        assert!(!ask(Service::Jira, "PUT", "/x"));
    }

    #[test]
    fn every_goes_on_until_cleared() {
        let faults = Faults::default();
        faults.add(Fault::new(What::status(503)).every());
        for _ in 0..5 {
            assert!(faults.strike(Service::Sts, &parts("POST", "/")).is_some());
        }
        faults.clear();
        assert!(faults.strike(Service::Sts, &parts("POST", "/")).is_none());
    }
}
