//! Pages that are drawn anew only where that changes them.

use std::sync::Arc;

use landfall_artifacts::{Class, Problem};
use landfall_dashboard::{Layout, Pages, build};
use landfall_stages::Refusal;
use time::OffsetDateTime;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::reading::{Found, Reader};

/// The pages of a ledger that grows while they are looked at.
#[derive(Debug)]
pub(super) struct Drawn {
    reader: Reader,
    /// Held by one drawing at a time, to its end: who asked may be gone by then, and the next one finds its pages.
    last: Arc<Mutex<Option<Last>>>,
}

/// What was drawn last, and of what.
#[derive(Debug)]
struct Last {
    found: Found,
    minute: i64,
    pages: Arc<Pages>,
}

impl Drawn {
    /// Nothing is drawn yet.
    pub(super) fn new(reader: Reader) -> Self {
        Self { reader, last: Arc::default() }
    }

    /// The pages at a time: those of the last call where nothing came since. Of the time the minute counts: soaks that end and approvals that
    /// lapse change pages too, and no page says more of the time than that.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub(super) async fn pages(&self, now: OffsetDateTime) -> Result<Arc<Pages>, Refusal> {
        let (last, reader) = (Arc::clone(&self.last).lock_owned().await, self.reader.clone());
        tokio::spawn(read_and_draw(last, reader, now)).await.map_err(|_| defect())?
    }
}

/// Reads on, and draws where that changes the pages.
async fn read_and_draw(
    mut last: OwnedMutexGuard<Option<Last>>,
    reader: Reader,
    now: OffsetDateTime,
) -> Result<Arc<Pages>, Refusal> {
    let (events, found) = reader.read().await?;
    let minute = now.unix_timestamp().div_euclid(60);
    if let Some(last) = last.as_ref().filter(|last| last.minute == minute && last.found == found) {
        return Ok(Arc::clone(&last.pages));
    }
    let of = found.clone();
    // Connections are answered meanwhile.
    let draw = move || {
        let site = reader.site_of(&events, &of, now);
        build(&site, &Layout::default()).into_iter().collect::<Pages>()
    };
    let pages = tokio::task::spawn_blocking(draw).await.map_err(|_| defect())?;
    let pages = Arc::new(pages);
    *last = Some(Last { found, minute, pages: Arc::clone(&pages) });
    Ok(pages)
}

fn defect() -> Refusal {
    Refusal::one(Problem::new("LF-DEFECT", Class::Defect, "the pages could not be drawn"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use landfall_artifacts::{EventKind, Settings};
    use landfall_ledger::{Draft, Ledger};
    use landfall_run::Clock;
    use time::{Duration, OffsetDateTime};

    use super::{Drawn, Reader};

    #[tokio::test]
    async fn pages_are_drawn_again_where_something_came_or_a_minute_passed() {
        let folder = tempfile::tempdir().expect("a folder");
        let tickets = folder.path().join("tickets.json");
        let drawn = Drawn::new(Reader {
            ledger: Ledger::for_reading(folder.path().join("ledger")),
            settings: Settings::default(),
            title: "shop".to_owned(),
            tickets: tickets.display().to_string(),
            drift: None,
        });
        let at = |seconds: i64| OffsetDateTime::UNIX_EPOCH + Duration::seconds(seconds);
        let record = async || {
            let place = folder.path().join("ledger");
            let writer = Ledger::open(place, Ledger::reader(), Clock::fixed(at(0))).await.expect("a ledger");
            writer.append(Draft::new(EventKind::Test)).await.expect("written");
        };
        record().await;
        let first = drawn.pages(at(10)).await.expect("drawn");
        let same = drawn.pages(at(59)).await.expect("as before");
        assert!(Arc::ptr_eq(&first, &same), "nothing came");
        record().await;
        let more = drawn.pages(at(59)).await.expect("drawn");
        assert!(!Arc::ptr_eq(&same, &more), "a record came");
        let later = drawn.pages(at(60)).await.expect("drawn");
        assert!(!Arc::ptr_eq(&more, &later), "soaks and approvals end by the minute");

        // Who goes away before its pages are drawn leaves them to the next one.
        record().await;
        let mut gone = Box::pin(drawn.pages(at(60)));
        assert!(futures_util::poll!(gone.as_mut()).is_pending(), "it takes a while");
        drop(gone);
        let found = drawn.last.lock().await.as_ref().map(|last| Arc::clone(&last.pages)).expect("drawn");
        assert!(!Arc::ptr_eq(&later, &found));
        let later = drawn.pages(at(60)).await.expect("drawn");
        assert!(Arc::ptr_eq(&later, &found));

        std::fs::write(&tickets, "{}").expect("written");
        let refused = drawn.pages(at(60)).await.expect_err("that is no list of tickets");
        assert!(refused.0[0].told().contains("tickets.json"), "{refused:?}");
        std::fs::remove_file(&tickets).expect("removed");
        assert!(Arc::ptr_eq(&later, &drawn.pages(at(60)).await.expect("as before the failure")));
    }
}
