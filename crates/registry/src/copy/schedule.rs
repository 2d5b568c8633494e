//! What of a plan is done next. Decides only: no clock, no network.
//!
//! Blobs before the manifests that name them. Among blobs the larger ones first, by powers of two and then in the order of the
//! images, so that images are finished one after the other and not all at the end; a part of the slots is for small blobs, which
//! flow beside. A blob takes a slot at its source and one at its target together, or none.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::{Digest, Repository};

use super::lanes::Lanes;
use super::plan::{CopyPlan, TargetState};
use super::request::CopyLimits;
use super::ways::BlobState;
use crate::Descriptor;

/// Blobs up to this size are small: what they cost is round trips and not bytes.
const SMALL_BYTES: u64 = 1 << 20;
/// So many blobs are under way before bytes are counted; small ones never are.
const LEAST_BLOBS: usize = 4;
/// Manifests that are put at a time. They wait for their rate outside of the blobs' slots.
const MANIFESTS_AT_ONCE: usize = 24;

/// The next thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Bring a blob, by its number.
    Blob(usize),
    /// Put an image's manifests, by the copy's place in the plan.
    Image(usize),
}

/// One blob for one target repository.
#[derive(Clone, Debug)]
pub(super) struct BlobJob {
    /// The first image that wants it, for which it is counted.
    pub(super) copy: usize,
    pub(super) source_host: String,
    pub(super) target: Repository,
    pub(super) blob: Descriptor,
    /// A repository of the target registry to take it over from.
    pub(super) mount_from: Option<String>,
    /// Whether another part of the work brings it.
    pub(super) is_elsewhere: bool,
    /// The images that want it.
    pub(super) wanted_by: Vec<usize>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Until it can be mounted.
    Waiting(Wait),
    Ready,
    Running,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// The blob has to be in its first repository.
    Blob(usize),
    /// A manifest there has to name it (ECR, containers-roadmap 2860).
    Image(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ImageState {
    /// So many blobs are not there yet.
    Lacks(usize),
    Running,
    Over,
}

/// The state of everything that has to be done.
#[derive(Debug)]
pub(super) struct Schedule {
    pub(super) blobs: Vec<BlobJob>,
    images: Vec<ImageState>,
    /// Class of size, image, number.
    large: BTreeSet<(Reverse<u32>, usize, usize)>,
    /// Image, number.
    small: BTreeSet<(usize, usize)>,
    /// Image, number: what another part of the work brings. It comes last, when that part has had the time for it.
    elsewhere: BTreeSet<(usize, usize)>,
    ready_images: BTreeSet<usize>,
    running_images: usize,
    lanes: Lanes,
    limits: CopyLimits,
    running_large: usize,
    running_bytes: u64,
    /// Hosts that take a blob over only when a manifest names it.
    strict: BTreeSet<String>,
    is_closed: bool,
}

impl Schedule {
    /// `is_strict` says which target hosts take a blob over only once a manifest names it.
    pub(super) fn new(plan: &CopyPlan, limits: CopyLimits, is_strict: impl Fn(&str) -> bool) -> Self {
        let mut schedule = Self {
            blobs: Vec::new(),
            images: Vec::new(),
            large: BTreeSet::new(),
            small: BTreeSet::new(),
            elsewhere: BTreeSet::new(),
            ready_images: BTreeSet::new(),
            running_images: 0,
            lanes: Lanes::new(limits.blobs),
            limits,
            running_large: 0,
            running_bytes: 0,
            strict: BTreeSet::new(),
            is_closed: false,
        };
        let mut known: BTreeMap<(String, Digest), usize> = BTreeMap::new();
        for (at, copy) in plan.copies.iter().enumerate() {
            if copy.target_state == TargetState::Same {
                schedule.images.push(ImageState::Over);
                continue;
            }
            let target = copy.request.target.repository();
            if is_strict(target.host()) {
                schedule.strict.insert(target.host().to_owned());
            }
            let mut lacks = 0;
            for blob in copy.blobs.iter().filter(|blob| blob.state != BlobState::Present) {
                lacks += 1;
                let digest = blob.descriptor.digest;
                let key = (target.to_string(), digest);
                if let Some(job) = known.get(&key).and_then(|number| schedule.blobs.get_mut(*number)) {
                    job.wanted_by.push(at);
                    continue;
                }
                let mount_from = match &blob.state {
                    BlobState::Mount { from } => Some(from.clone()),
                    BlobState::Present | BlobState::Earlier | BlobState::Needed | BlobState::Elsewhere => {
                        None
                    }
                };
                let first = mount_from
                    .as_ref()
                    .and_then(|from| known.get(&(format!("{}/{from}", target.host()), digest)).copied());
                let number = schedule.blobs.len();
                known.insert(key, number);
                let state = first.map_or(State::Ready, |first| State::Waiting(schedule.wait_for(first)));
                schedule.blobs.push(BlobJob {
                    copy: at,
                    source_host: copy.source.repository().host().to_owned(),
                    target: target.clone(),
                    blob: blob.descriptor.clone(),
                    mount_from,
                    is_elsewhere: blob.state == BlobState::Elsewhere,
                    wanted_by: vec![at],
                    state,
                });
                if state == State::Ready {
                    schedule.queue(number);
                }
            }
            schedule.images.push(ImageState::Lacks(lacks));
            if lacks == 0 {
                schedule.ready_images.insert(at);
            }
        }
        schedule
    }

    /// The next thing that may be begun now; `None` where something has to end first, or nothing is left.
    pub(super) fn next(&mut self) -> Option<Task> {
        if self.is_closed {
            return None;
        }
        if self.running_images < MANIFESTS_AT_ONCE
            && let Some(at) = self.ready_images.pop_first()
        {
            self.running_images += 1;
            self.set_image(at, ImageState::Running);
            return Some(Task::Image(at));
        }
        let number = self.pick()?;
        let job = self.blobs.get_mut(number)?;
        job.state = State::Running;
        self.lanes.take(&job.source_host, job.target.host());
        self.running_bytes = self.running_bytes.saturating_add(job.blob.size_bytes);
        self.running_large += usize::from(job.blob.size_bytes > SMALL_BYTES);
        self.large.remove(&large_key(number, job));
        self.small.remove(&(job.copy, number));
        self.elsewhere.remove(&(job.copy, number));
        Some(Task::Blob(number))
    }

    /// A blob is at its target.
    pub(super) fn blob_there(&mut self, number: usize) {
        let wanted_by = self.release(number);
        self.wake(|wait| wait == Wait::Blob(number));
        for at in wanted_by {
            if let Some(ImageState::Lacks(lacks)) = self.images.get(at).copied() {
                let lacks = lacks.saturating_sub(1);
                self.set_image(at, ImageState::Lacks(lacks));
                if lacks == 0 {
                    self.ready_images.insert(at);
                }
            }
        }
    }

    /// A blob could not be brought. Returns the images that cannot be done without it.
    pub(super) fn blob_failed(&mut self, number: usize) -> Vec<usize> {
        let wanted_by = self.release(number);
        self.begin_elsewhere(|wait| wait == Wait::Blob(number));
        for at in &wanted_by {
            self.abandon(*at);
        }
        wanted_by
    }

    /// An image's manifests were put, or could not be.
    pub(super) fn image_ended(&mut self, at: usize, is_there: bool) {
        self.running_images -= 1;
        self.set_image(at, ImageState::Over);
        if is_there {
            self.wake(|wait| wait == Wait::Image(at));
        } else {
            self.begin_elsewhere(|wait| wait == Wait::Image(at));
        }
    }

    /// A registry said so often by now that it was asked too much.
    pub(super) fn throttled(&mut self, host: &str, count: u64) {
        self.lanes.throttled(host, count);
    }

    /// A registry does not take blobs over: nobody waits for that any longer.
    pub(super) fn mounts_refused(&mut self, host: &str) {
        let waiting: Vec<usize> = self
            .blobs
            .iter()
            .enumerate()
            .filter(|(_, job)| matches!(job.state, State::Waiting(_)) && job.target.host() == host)
            .map(|(number, _)| number)
            .collect();
        for number in waiting {
            self.make_ready(number);
        }
    }

    /// Begins nothing more.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }

    /// Whether an image was neither finished nor given up.
    pub(super) fn is_open(&self, at: usize) -> bool {
        self.images.get(at).is_some_and(|state| *state != ImageState::Over)
    }

    fn pick(&self) -> Option<usize> {
        let fits = |number: &usize| {
            self.blobs.get(*number).is_some_and(|job| {
                let running = self.lanes.running();
                let bytes = self.running_bytes.saturating_add(job.blob.size_bytes);
                self.lanes.has_room(&job.source_host, job.target.host())
                    && (running < LEAST_BLOBS
                        || job.blob.size_bytes <= SMALL_BYTES
                        || bytes <= self.limits.bytes)
            })
        };
        let large = || self.large.iter().map(|key| key.2).find(fits);
        let small = || self.small.iter().map(|key| key.1).find(fits);
        let for_large = (self.limits.blobs - self.limits.blobs / 4).max(1);
        let own =
            if self.running_large < for_large { large().or_else(small) } else { small().or_else(large) };
        own.or_else(|| self.elsewhere.iter().map(|key| key.1).find(fits))
    }

    fn wait_for(&self, first: usize) -> Wait {
        match self.blobs.get(first) {
            Some(job) if self.strict.contains(job.target.host()) => Wait::Image(job.copy),
            Some(_) | None => Wait::Blob(first),
        }
    }

    fn queue(&mut self, number: usize) {
        let Some(job) = self.blobs.get(number) else { return };
        if job.is_elsewhere {
            self.elsewhere.insert((job.copy, number));
        } else if job.blob.size_bytes > SMALL_BYTES {
            self.large.insert(large_key(number, job));
        } else {
            self.small.insert((job.copy, number));
        }
    }

    fn make_ready(&mut self, number: usize) {
        if let Some(job) = self.blobs.get_mut(number) {
            job.state = State::Ready;
        }
        self.queue(number);
    }

    fn waiting(&self, on: impl Fn(Wait) -> bool) -> Vec<usize> {
        let is_it = |state| matches!(state, State::Waiting(wait) if on(wait));
        self.blobs.iter().enumerate().filter(|(_, job)| is_it(job.state)).map(|(number, _)| number).collect()
    }

    fn wake(&mut self, on: impl Fn(Wait) -> bool) {
        for number in self.waiting(on) {
            self.make_ready(number);
        }
    }

    /// What was waited for will not come: of those who waited for the same blob the first sends it, and the others wait for it.
    fn begin_elsewhere(&mut self, on: impl Fn(Wait) -> bool) {
        let mut firsts: BTreeMap<(String, Digest), usize> = BTreeMap::new();
        for number in self.waiting(on) {
            let Some(job) = self.blobs.get(number) else { continue };
            let key = (job.target.host().to_owned(), job.blob.digest);
            let first = firsts.get(&key).copied();
            let (wait, from) = match first {
                Some(first) => {
                    let from = self.blobs.get(first).map(|first| first.target.path().to_owned());
                    (Some(self.wait_for(first)), from)
                }
                None => (None, None),
            };
            let Some(job) = self.blobs.get_mut(number) else { continue };
            job.mount_from = from;
            if let Some(wait) = wait {
                job.state = State::Waiting(wait);
            } else {
                firsts.insert(key, number);
                self.make_ready(number);
            }
        }
    }

    /// Frees what a running blob took, and says who wanted it.
    fn release(&mut self, number: usize) -> Vec<usize> {
        let Some(job) = self.blobs.get_mut(number) else { return Vec::new() };
        job.state = State::Over;
        self.lanes.free(&job.source_host, job.target.host());
        self.running_bytes = self.running_bytes.saturating_sub(job.blob.size_bytes);
        self.running_large -= usize::from(job.blob.size_bytes > SMALL_BYTES);
        job.wanted_by.clone()
    }

    /// Gives an image up: what only it wanted is not begun.
    fn abandon(&mut self, at: usize) {
        if !self.is_open(at) {
            return;
        }
        self.set_image(at, ImageState::Over);
        self.ready_images.remove(&at);
        let mut dropped = Vec::new();
        let queued = |job: &BlobJob| matches!(job.state, State::Ready | State::Waiting(_));
        for number in 0..self.blobs.len() {
            let Some(job) = self.blobs.get_mut(number) else { continue };
            if !queued(job) || !job.wanted_by.contains(&at) {
                continue;
            }
            let was_ready = job.state == State::Ready;
            self.large.remove(&large_key(number, job));
            self.small.remove(&(job.copy, number));
            self.elsewhere.remove(&(job.copy, number));
            job.wanted_by.retain(|one| *one != at);
            if let Some(next) = job.wanted_by.first() {
                job.copy = *next;
                if was_ready {
                    self.queue(number);
                }
            } else {
                job.state = State::Over;
                dropped.push(number);
            }
        }
        self.begin_elsewhere(|wait| match wait {
            Wait::Image(image) => image == at,
            Wait::Blob(number) => dropped.contains(&number),
        });
    }

    fn set_image(&mut self, at: usize, state: ImageState) {
        if let Some(held) = self.images.get_mut(at) {
            *held = state;
        }
    }
}

fn large_key(number: usize, job: &BlobJob) -> (Reverse<u32>, usize, usize) {
    (Reverse(job.blob.size_bytes.max(1).ilog2()), job.copy, number)
}

#[cfg(test)]
mod tests;
