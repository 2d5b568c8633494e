//! What goes wrong, and when.

mod what;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Method;

use crate::journal::Service;
pub use what::What;

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
    strikes: Arc<AtomicU64>,
}

/// One fault after it was added: tells whether it has struck, also when it is long over.
#[derive(Clone, Debug)]
pub struct Strikes(Arc<AtomicU64>);

impl Strikes {
    /// How many requests it has struck so far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The faults that are still to come.
#[derive(Default)]
pub struct Faults {
    armed: Mutex<Vec<Armed>>,
    struck: AtomicU64,
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Faults").field("armed", &self.pending()).finish()
    }
}

impl Faults {
    /// Adds one and gives its count of strikes. Where several would strike the same request, the one added first does; the others have counted it
    /// all the same.
    pub fn add(&self, fault: Fault) -> Strikes {
        let strikes = Arc::new(AtomicU64::new(0));
        self.lock().push(Armed { fault, seen: 0, strikes: Arc::clone(&strikes) });
        Strikes(strikes)
    }

    /// Takes all away.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// How many have not struck for the last time.
    pub fn pending(&self) -> usize {
        self.lock().len()
    }

    /// How many requests were struck since the start, by any fault.
    pub fn struck(&self) -> u64 {
        self.struck.load(Ordering::SeqCst)
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
                one.strikes.fetch_add(1, Ordering::SeqCst);
                self.struck.fetch_add(1, Ordering::SeqCst);
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
    fn every_goes_on_until_cleared_and_the_strikes_stay_counted() {
        let faults = Faults::default();
        let every = faults.add(Fault::new(What::status(503)).every());
        let never = faults.add(Fault::new(What::CutBefore).on(Service::Jira));
        for _ in 0..5 {
            assert!(faults.strike(Service::Sts, &parts("POST", "/")).is_some());
        }
        faults.clear();
        assert!(faults.strike(Service::Sts, &parts("POST", "/")).is_none());
        assert_eq!((every.count(), never.count(), faults.struck()), (5, 0, 5));
    }

    #[test]
    fn of_two_that_fit_the_first_strikes_and_only_it_counts_a_strike() {
        let faults = Faults::default();
        let first = faults.add(Fault::new(What::CutBefore));
        let second = faults.add(Fault::new(What::LoseAnswer));
        assert_eq!(faults.strike(Service::Sts, &parts("POST", "/")), Some(What::CutBefore));
        assert_eq!((first.count(), second.count(), faults.pending()), (1, 0, 0));
    }
}
