//! What every service was asked, in order.

mod entry;
mod service;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Method, StatusCode};

pub use entry::{Content, Entry};
pub use service::Service;

/// Requests beyond this many are served but not written down.
const MAX_ENTRIES: usize = 1_000_000;
/// Bodies up to this size are kept with their entry.
pub(crate) const MAX_KEPT_BODY: usize = 256 * 1024;

#[derive(Default)]
struct Log {
    entries: Vec<Entry>,
    global: u64,
    numbers: BTreeMap<Service, u64>,
    first: u64,
    /// Requests under way, and the most that ever were.
    under_way: BTreeMap<Service, (u64, u64)>,
}

/// A request under way, until it is dropped.
pub(crate) struct UnderWay<'a> {
    journal: &'a Journal,
    service: Service,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some((now, _)) = self.journal.lock().under_way.get_mut(&self.service) {
            *now = now.saturating_sub(1);
        }
    }
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

    /// Counts a request as under way until what is given back is dropped.
    pub(crate) fn under_way(&self, service: Service) -> UnderWay<'_> {
        let mut log = self.lock();
        let (now, most) = log.under_way.entry(service).or_default();
        *now += 1;
        *most = (*most).max(*now);
        UnderWay { journal: self, service }
    }

    /// The most requests of one service that were ever under way at the same time.
    pub fn most_at_once(&self, service: Service) -> u64 {
        self.lock().under_way.get(&service).map_or(0, |(_, most)| *most)
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

    pub(crate) fn note_answer(&self, global: u64, status: StatusCode, length: u64) {
        self.note(global, |entry| {
            entry.status = Some(status.as_u16());
            entry.answer_len = length;
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
