//! The pages of a listing, one after the other, or several at a time where it is foretold which keys there are.
//!
//! What was foretold only says where pages may begin: a page counts where everything before its beginning is known, and where that
//! is not so yet the token of the page before is followed. So the listing is the same and as complete as without, whatever was foretold.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::pin::pin;

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use tokio::sync::oneshot;

use super::etag::Listed;
use super::manifest::MANIFEST_NAME;
use super::pages::{Ask, Next, Pages};

/// Most objects below a prefix.
pub(super) const MOST_OBJECTS: u64 = 1_000_000;

/// What may become known of the keys while they are listed.
pub(super) struct Foretold {
    /// Told when the manifest is listed; `None` where it is being read in any case.
    seen: Option<oneshot::Sender<()>>,
    /// Keys behind which pages should begin, in their order.
    starts: oneshot::Receiver<Vec<Box<str>>>,
    /// Whether no page is asked for before that is known.
    waits: bool,
}

/// The other end of [`Foretold`].
pub(super) struct Foretells {
    pub(super) seen: Option<oneshot::Receiver<()>>,
    pub(super) starts: oneshot::Sender<Vec<Box<str>>>,
}

/// When the manifest is read that foretells the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ManifestRead {
    /// When the listing has shown that it is there.
    WhenListed,
    /// Together with the first page.
    Beside,
    /// Before the first page, so that all pages are asked for together. Where it foretells more than one that takes no more round trips, and
    /// the manifest and the pages are not in memory at the same time; where there is none it takes one more.
    First,
}

impl Foretold {
    /// Both ends.
    pub(super) fn channel(manifest: ManifestRead) -> (Self, Foretells) {
        let (seen, was_seen) = oneshot::channel();
        let (tell, starts) = oneshot::channel();
        let (seen, was_seen) = match manifest {
            ManifestRead::WhenListed => (Some(seen), Some(was_seen)),
            ManifestRead::Beside | ManifestRead::First => (None, None),
        };
        let waits = manifest == ManifestRead::First;
        (Self { seen, starts, waits }, Foretells { seen: was_seen, starts: tell })
    }
}

/// Why there is no listing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stopped<E> {
    /// A page could not be read.
    Failed(E),
    /// Pages contradict themselves or each other.
    Contradicts(String),
    /// There are more than [`MOST_OBJECTS`].
    TooMany,
}

/// Hands on every object by its name below the prefix, in the order of the names' bytes, and gives their number. At most `at_once` pages are
/// under way at a time.
pub(super) async fn walk<E, F: Future<Output = Result<ListObjectsV2Output, E>>>(
    prefix: &str,
    foretold: Foretold,
    at_once: NonZeroUsize,
    fetch: impl Fn(Ask) -> F,
    take: impl FnMut(&str, Listed),
) -> Result<u64, Stopped<E>> {
    let Foretold { seen, mut starts, waits } = foretold;
    let mut taken = Taken { pages: Pages::new(prefix), seen, take };
    let mut ahead = Ahead::new(at_once.get() - 1, |ask: Ask| {
        let page = fetch(ask.clone());
        async move { (ask, page.await) }
    });
    if waits {
        ahead.starts = (&mut starts).await.unwrap_or_default().into();
    }
    let (mut first, mut is_foretold) = (pin!(fetch(Ask::Start)), waits);
    let page = loop {
        ahead.fill(&taken.pages);
        tokio::select! {
            page = &mut first => break page,
            told = &mut starts, if !is_foretold => {
                is_foretold = true;
                ahead.starts = told.unwrap_or_default().into();
            }
            Some(arrived) = ahead.under_way.next() => ahead.arrived.push_back(arrived),
        }
    };
    let mut token = match taken.page(&Ask::Start, page)? {
        Next::Token(token) => Some(token),
        Next::End | Next::Overtaken => return Ok(taken.pages.count()),
    };
    // Where the manifest is read it will say soon how to go on.
    if !is_foretold && taken.seen.is_none() {
        ahead.starts = starts.await.unwrap_or_default().into();
    }
    loop {
        ahead.fill(&taken.pages);
        let (ask, page) = if let Some(asked) = ahead.next(&taken.pages).await {
            asked
        } else {
            let lost = || Stopped::Contradicts("the way to the next page is lost".to_owned());
            let token = token.take().ok_or_else(lost)?;
            taken.pages.follow(&token).map_err(Stopped::Contradicts)?;
            let ask = Ask::Token(token);
            let mut followed = pin!(fetch(ask.clone()));
            let page = loop {
                tokio::select! {
                    page = &mut followed => break page,
                    Some(arrived) = ahead.under_way.next() => ahead.arrived.push_back(arrived),
                }
            };
            (ask, page)
        };
        match taken.page(&ask, page)? {
            Next::End => return Ok(taken.pages.count()),
            Next::Token(next) => token = Some(next),
            Next::Overtaken => {}
        }
    }
}

/// What was listed so far, and who is told of it.
struct Taken<'a, T> {
    pages: Pages<'a>,
    seen: Option<oneshot::Sender<()>>,
    take: T,
}

impl<T: FnMut(&str, Listed)> Taken<'_, T> {
    fn page<E>(&mut self, ask: &Ask, page: Result<ListObjectsV2Output, E>) -> Result<Next, Stopped<E>> {
        let page = page.map_err(Stopped::Failed)?;
        let (seen, take) = (&mut self.seen, &mut self.take);
        let next = self.pages.page(ask, &page, &mut |name, listed| {
            if name == MANIFEST_NAME
                && let Some(seen) = seen.take()
            {
                // Whoever waited for it may have gone meanwhile, for a failure that ends all.
                let _ = seen.send(());
            }
            take(name, listed);
        });
        let next = next.map_err(Stopped::Contradicts)?;
        if self.pages.count() > MOST_OBJECTS { Err(Stopped::TooMany) } else { Ok(next) }
    }
}

/// Pages that are asked for before their turn comes.
struct Ahead<F: Future, A> {
    ask: A,
    /// How many at a time.
    most: usize,
    /// Where pages are still to begin.
    starts: VecDeque<Box<str>>,
    /// Where those begin that were asked for.
    asked: VecDeque<Box<str>>,
    under_way: FuturesOrdered<F>,
    arrived: VecDeque<F::Output>,
}

impl<F: Future, A: Fn(Ask) -> F> Ahead<F, A> {
    fn new(most: usize, ask: A) -> Self {
        let (starts, asked) = (VecDeque::new(), VecDeque::new());
        Self { ask, most, starts, asked, under_way: FuturesOrdered::new(), arrived: VecDeque::new() }
    }

    /// Asks for as many as may be asked for at a time.
    fn fill(&mut self, pages: &Pages<'_>) {
        while self.asked.len() < self.most {
            // One that begins further on shows more, where both may begin.
            while self.starts.get(1).is_some_and(|start| pages.covers(start)) {
                self.starts.pop_front();
            }
            let Some(start) = self.starts.pop_front() else { return };
            self.under_way.push_back((self.ask)(Ask::After(start.clone())));
            self.asked.push_back(start);
        }
    }

    /// The next one, if it may be next: none where keys before its beginning are not known.
    async fn next(&mut self, pages: &Pages<'_>) -> Option<F::Output> {
        self.asked.pop_front_if(|start| pages.covers(start))?;
        match self.arrived.pop_front() {
            Some(arrived) => Some(arrived),
            None => self.under_way.next().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::num::NonZeroUsize;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
    use aws_sdk_s3::types::Object;
    use proptest::prelude::*;

    use super::super::starts::Starts;
    use super::{Ask, Foretold, ManifestRead, Stopped, walk};

    /// Pages that are under way at a time.
    const AT_ONCE: usize = 8;

    /// A bucket whose pages have as many keys as it likes.
    struct Bucket {
        keys: BTreeSet<String>,
        page_keys: Vec<usize>,
        /// What was asked, and how many keys were the answer.
        asked: Mutex<Vec<(Ask, usize)>>,
        under_way: AtomicUsize,
        /// How many were under way at a time, and how many may be.
        peak: AtomicUsize,
        at_once: usize,
        /// The request that fails, by its number.
        failing: Option<usize>,
    }

    impl Bucket {
        fn new(keys: impl IntoIterator<Item = String>, page_keys: Vec<usize>) -> Self {
            let keys = keys.into_iter().map(|name| format!("p/{name}")).collect();
            let (under_way, peak) = (AtomicUsize::new(0), AtomicUsize::new(0));
            Self {
                keys,
                page_keys,
                asked: Mutex::default(),
                under_way,
                peak,
                at_once: AT_ONCE,
                failing: None,
            }
        }

        fn requests(&self) -> usize {
            self.asked.lock().expect("a list").len()
        }

        async fn page(&self, ask: Ask) -> Result<ListObjectsV2Output, &'static str> {
            let size = self.page_keys[self.requests() % self.page_keys.len()];
            let after = match &ask {
                Ask::Start => "",
                Ask::After(key) => key,
                Ask::Token(token) => {
                    token.strip_prefix("t-").expect("a token").split('#').next().expect("one")
                }
            };
            let rest: Vec<&String> = self.keys.iter().filter(|key| key.as_str() > after).collect();
            let shown = &rest[..size.min(rest.len())];
            let number = self.requests();
            self.asked.lock().expect("a list").push((ask.clone(), shown.len()));
            let under_way = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
            assert!(under_way <= self.at_once, "{under_way}");
            self.peak.fetch_max(under_way, Ordering::Relaxed);
            for _ in 0..(number * 7) % 5 {
                tokio::task::yield_now().await;
            }
            self.under_way.fetch_sub(1, Ordering::Relaxed);
            if self.failing == Some(number) {
                return Err("no page");
            }
            let next = (rest.len() > size)
                .then(|| format!("t-{}#{number}", shown.last().map_or(after, |key| key.as_str())));
            let page = ListObjectsV2Output::builder()
                .is_truncated(next.is_some())
                .key_count(i32::try_from(shown.len()).expect("few"))
                .set_next_continuation_token(next);
            let object = |key: &&String| Object::builder().key(key.as_str()).size(1).build();
            Ok(shown.iter().fold(page, |page, key| page.contents(object(key))).build())
        }

        async fn listed(&self, starts: Vec<Box<str>>) -> Result<Vec<String>, Stopped<&'static str>> {
            let (foretold, foretells) = Foretold::channel(ManifestRead::Beside);
            let _ = foretells.starts.send(starts);
            self.listed_by(foretold).await
        }

        async fn listed_by(&self, foretold: Foretold) -> Result<Vec<String>, Stopped<&'static str>> {
            let mut names = Vec::new();
            let take = |name: &str, _| names.push(name.to_owned());
            let at_once = NonZeroUsize::new(self.at_once).expect("one at least");
            let count = walk("p/", foretold, at_once, |ask| self.page(ask), take).await?;
            assert_eq!(count, names.len() as u64);
            Ok(names)
        }
    }

    fn starts(names: &BTreeSet<String>, page_keys: usize) -> Vec<Box<str>> {
        let mut starts = Starts::new("p/", page_keys);
        for name in names {
            starts.next(name);
        }
        starts.finish()
    }

    fn numbers(numbers: impl IntoIterator<Item = u32>) -> BTreeSet<String> {
        numbers.into_iter().map(|number| format!("{number:03}")).collect()
    }

    #[tokio::test]
    async fn what_is_as_foretold_takes_the_same_requests() {
        for count in [0, 1, 9, 10, 11, 99, 100, 101, 230] {
            let keys = numbers(0..count);
            // The manifest stands in the bucket too, as the first name.
            let there = keys.iter().cloned().chain([".landfall-manifest.json".to_owned()]);
            let bucket = Bucket::new(there, vec![10]);
            let listed = bucket.listed(starts(&keys, 10)).await.expect("a listing");
            assert_eq!(listed.len(), keys.len() + 1);
            assert_eq!(bucket.requests(), (keys.len() + 1).div_ceil(10), "{count}");
            let tokens = bucket.asked.lock().expect("a list");
            assert!(!tokens.iter().any(|(ask, _)| matches!(ask, Ask::Token(_))), "{tokens:?}");
        }
    }

    #[tokio::test]
    async fn pages_that_wait_to_be_foretold_are_asked_for_together() {
        let keys = numbers(0..45);
        // One of them is answered at once. Nothing is told where there is no manifest.
        for (foretold, peak) in [(Some(starts(&keys, 10)), 4), (Some(Vec::new()), 1), (None, 1)] {
            let bucket = Bucket::new(keys.clone(), vec![10]);
            let (waits, foretells) = Foretold::channel(ManifestRead::First);
            let tell = async {
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                assert_eq!(bucket.requests(), 0, "it waits");
                if let Some(foretold) = foretold {
                    let _ = foretells.starts.send(foretold);
                }
            };
            let (listed, ()) = tokio::join!(bucket.listed_by(waits), tell);
            assert_eq!(listed.map(|names| names.len()), Ok(45));
            assert_eq!((bucket.requests(), bucket.peak.into_inner()), (5, peak));
        }
    }

    #[tokio::test]
    async fn what_is_foretold_wrongly_costs_little() {
        // A thousand keys were foretold, and there are five.
        let bucket = Bucket::new(numbers([5, 300, 301, 600, 900]), vec![10]);
        let listed = bucket.listed(starts(&numbers(0..1000), 10)).await.expect("a listing");
        assert_eq!(listed.len(), 5);
        assert!(bucket.requests() <= AT_ONCE, "{}", bucket.requests());
        // Twenty were foretold, and there are two hundred.
        let bucket = Bucket::new(numbers(0..200), vec![10]);
        let listed = bucket.listed(starts(&numbers((0..20).map(|number| number * 10)), 10)).await;
        assert_eq!(listed.expect("a listing").len(), 200);
        assert!(bucket.requests() <= 20 + 2, "{}", bucket.requests());
    }

    #[tokio::test]
    async fn a_page_that_fails_leaves_no_listing() {
        for failing in 0..10 {
            let keys = numbers(0..99);
            let mut bucket = Bucket::new(keys.clone(), vec![10]);
            bucket.failing = Some(failing);
            assert_eq!(bucket.listed(starts(&keys, 10)).await, Err(Stopped::Failed("no page")), "{failing}");
        }
    }

    proptest! {
        #[test]
        fn foretold_or_not_the_listing_is_the_same(
            keys in prop::collection::btree_set("[a-c./]{1,4}", 0..60),
            foretold in prop::collection::btree_set("[a-c./]{1,4}", 0..80),
            is_about_it in any::<bool>(),
            pages in prop::collection::vec(0..6_usize, 1..6),
            page_keys in 1..6_usize,
            at_once in 1..=AT_ONCE,
        ) {
            // A server that never shows anything is refused, which other tests see to.
            let pages: Vec<usize> = pages.into_iter().chain([1]).collect();
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let foretold: BTreeSet<String> =
                if is_about_it { keys.iter().chain(foretold.iter().take(5)).cloned().collect() } else { foretold };
            let starts = starts(&foretold, page_keys);
            let wanted: Vec<String> = keys.iter().cloned().collect();
            let sequential = Bucket::new(keys.clone(), pages.clone());
            prop_assert_eq!(runtime.block_on(sequential.listed(Vec::new())), Ok(wanted.clone()));
            let bucket = Bucket { at_once, ..Bucket::new(keys, pages) };
            prop_assert_eq!(runtime.block_on(bucket.listed(starts)), Ok(wanted.clone()));
            // Each page that is followed shows a key that no other has shown, unless it shows none at all.
            let asked = bucket.asked.lock().expect("a list");
            let followed = asked.iter().filter(|(ask, _)| matches!(ask, Ask::Token(_))).count();
            let empty = asked.iter().filter(|(_, shown)| *shown == 0).count();
            prop_assert!(followed <= wanted.len() + empty, "{:?}", asked);
        }
    }
}
