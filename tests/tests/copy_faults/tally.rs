//! Many cases, judged side by side, and counted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use landfall_transport::{Http, HttpConfig};

use crate::case::{Case, Finding, Verdict};
use crate::known::Known;

/// How many kinds of findings are shown, each by its first.
const SHOWN: usize = 25;
/// How the cases ended.
#[derive(Default)]
struct Tally {
    survived: usize,
    refused: usize,
    not_met: usize,
    silent: usize,
    /// By the kinds of the faults.
    findings: BTreeMap<Vec<&'static str>, Vec<String>>,
    excused: BTreeMap<&'static Known, usize>,
}

/// Runs the work on a runtime whose clock is paused, with a client for it.
pub(crate) fn on_a_clock<T>(work: impl AsyncFnOnce(Http) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let http = Http::new(HttpConfig::default()).expect("a client");
        work(http).await
    })
}

/// Judges every case, prints the totals under `title`, and panics where one ended as it must not. What was excused is returned.
pub(crate) fn judge_all(title: &str, cases: &[Case<'_>]) -> BTreeSet<&'static Known> {
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    let workers = std::thread::available_parallelism().map_or(2, usize::from).min(8);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                on_a_clock(async |http| {
                    while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let ended = case.judge(&http).await;
                        tally.lock().unwrap_or_else(PoisonError::into_inner).count(case, ended);
                    }
                });
            });
        }
    });
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("{}", tally.told(title, cases));
    tally.check(cases.len());
    tally.excused.into_keys().collect()
}

impl Tally {
    fn count(&mut self, case: &Case<'_>, ended: Result<Verdict, Finding>) {
        match (ended, Known::of(case)) {
            (Ok(Verdict::Survived), _) => self.survived += 1,
            (Ok(Verdict::Refused), _) => self.refused += 1,
            (Ok(Verdict::NotMet), _) => self.not_met += 1,
            (Err(finding), Some(known)) if !finding.is_silent => {
                *self.excused.entry(known).or_default() += 1;
            }
            (Err(finding), _) => {
                self.silent += usize::from(finding.is_silent);
                let kinds = case.strikes.iter().map(|strike| strike.kind.name).collect();
                let told = format!("{case}\n  {}", finding.what.join("\n  "));
                self.findings.entry(kinds).or_default().push(told);
            }
        }
    }

    fn told(&self, title: &str, cases: &[Case<'_>]) -> String {
        let kinds: BTreeSet<&str> =
            cases.iter().flat_map(|case| &case.strikes).map(|strike| strike.kind.name).collect();
        let mut text = format!(
            "{title}: {} cases of {} kinds; {} survived, {} safely refused, {} not met; silent wrong {}",
            cases.len(),
            kinds.len(),
            self.survived,
            self.refused,
            self.not_met,
            self.silent
        );
        for (known, times) in &self.excused {
            let _ = write!(text, "\n  known, {times} times: {known}");
        }
        text
    }

    fn check(&self, cases: usize) {
        let found: usize = self.findings.values().map(Vec::len).sum();
        let shown = self.findings.values().take(SHOWN).filter_map(|of_a_kind| {
            let more = of_a_kind.len().checked_sub(1).filter(|more| *more > 0);
            let more = more.map(|more| format!("\n  and {more} more of that kind")).unwrap_or_default();
            Some(format!("{}{more}", of_a_kind.first()?))
        });
        let shown = shown.collect::<Vec<_>>().join("\n");
        assert!(found == 0, "{found} of {cases} cases ended as they must not:\n{shown}");
        // Transfers side by side may share a token or not, so that a request or two need not come in each run.
        assert!(self.not_met * 50 <= cases, "{} of {cases} faults were not met", self.not_met);
    }
}
