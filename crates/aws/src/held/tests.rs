use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use landfall_artifacts::{Class, Problem};
use landfall_run::{Clock, Run};
use landfall_secret::Secret;
use time::macros::datetime;
use time::{Duration as Span, OffsetDateTime};

use super::{HeldKeys, KeySource, Renewed, Renewing};
use crate::AwsKeys;

const NOW: OffsetDateTime = datetime!(2026-11-20 12:00:00 UTC);

fn run() -> Run {
    Run::builder().clock(Clock::fixed(NOW)).build()
}

fn keys(id: &str, left: i64) -> AwsKeys {
    AwsKeys::new(id, Secret::new("secret-access-key"), Some(Secret::new("session-token")))
        .expiring(Some(NOW + Span::seconds(left)))
}

/// Gives each renewal the next of its answers.
#[derive(Debug, Default)]
struct Source {
    answers: Mutex<Vec<Result<AwsKeys, Problem>>>,
    /// How long each takes, where not a second.
    takes: Option<Duration>,
    asked: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl Source {
    fn of(mut answers: Vec<Result<AwsKeys, Problem>>) -> Arc<Self> {
        answers.reverse();
        Arc::new(Self { answers: Mutex::new(answers), ..Self::default() })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn held(keys: AwsKeys, source: &Arc<Source>, run: &Run) -> HeldKeys {
    HeldKeys::renewed(keys, Renewing::by(Arc::<Source>::clone(source) as Arc<dyn KeySource>), run)
}

/// A run whose clock goes on with tokio's.
fn going() -> Run {
    Run::builder().clock(Clock::starting(NOW)).build()
}

impl KeySource for Source {
    fn renew(&self) -> Renewed<'_> {
        Box::pin(async {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_at_once.fetch_max(now, Ordering::SeqCst);
            tokio::time::sleep(self.takes.unwrap_or(Duration::from_secs(1))).await;
            self.at_once.fetch_sub(1, Ordering::SeqCst);
            let answer = self.answers.lock().expect("nobody panics").pop().expect("an answer is left");
            answer.map_err(Into::into)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn keys_are_renewed_shortly_before_they_end_and_no_earlier() {
    for (left, is_due) in [(3600, false), (900, false), (60, false), (0, true), (-60, true)] {
        let source = Source::of(vec![Ok(keys("ASIATWO", 3600))]);
        let life = keys("ASIAONE", left);
        let held = held(life, &source, &run());
        let wanted = if is_due { "ASIATWO" } else { "ASIAONE" };
        assert_eq!(held.current().await.access_key_id, wanted, "{left} s left");
        assert_eq!(source.asked(), usize::from(is_due), "{left} s left");
    }
}

#[tokio::test(start_paused = true)]
async fn all_who_ask_at_once_get_the_keys_of_one_renewal() {
    let source = Source::of(vec![Ok(keys("ASIATWO", 3600))]);
    let held = held(keys("ASIAONE", 0), &source, &run());
    let asking = (0..20).map(|number| {
        let held = held.clone();
        tokio::spawn(async move {
            if number % 2 == 0 {
                held.current().await.access_key_id
            } else {
                held.renew("ASIAONE").await.expect("keys").access_key_id
            }
        })
    });
    for task in asking.collect::<Vec<_>>() {
        assert_eq!(task.await.expect("no panic"), "ASIATWO");
    }
    assert_eq!((source.asked(), source.most_at_once.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_does_not_cut_a_login_off() {
    let source = Source::of(vec![Ok(keys("ASIATWO", 3600))]);
    let held = held(keys("ASIAONE", 0), &source, &run());
    let hasty = tokio::time::timeout(Duration::from_millis(10), held.renew("ASIAONE")).await;
    assert!(hasty.is_err());
    assert_eq!(held.renew("ASIAONE").await.expect("keys").access_key_id, "ASIATWO");
    assert_eq!(source.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_mended_by_asking_again_is_not_asked_again() {
    let refused = Problem::new("LF-VAULT-LOGIN", Class::Refused, "refused");
    let source = Source::of(vec![Err(refused.clone())]);
    let held = held(keys("ASIAONE", 0), &source, &run());
    assert_eq!(held.current().await.access_key_id, "ASIAONE", "the service says when they are over");
    for _ in 0..3 {
        assert_eq!(held.renew("ASIAONE").await.expect_err("refused").problem, refused);
        assert_eq!(held.current().await.access_key_id, "ASIAONE");
    }
    assert_eq!(source.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_passing_fault_is_left_alone_for_a_while() {
    let sealed = Problem::new("LF-VAULT-SEALED", Class::Transient, "sealed");
    let source = Source::of(vec![Err(sealed)]);
    let held = held(keys("ASIAONE", 0), &source, &run());
    assert!(held.renew("ASIAONE").await.is_err() && held.renew("ASIAONE").await.is_err());
    assert_eq!(source.asked(), 1, "the clock stands still");
}

#[tokio::test(start_paused = true)]
async fn the_same_keys_again_are_no_renewal() {
    let source = Source::of(vec![Ok(keys("ASIAONE", 3600))]);
    let held = held(keys("ASIAONE", 0), &source, &run());
    assert_eq!(held.renew("ASIAONE").await.expect_err("none").problem.code, "LF-AWS-EXPIRED");
    assert!(HeldKeys::fixed(keys("ASIAONE", 0)).renew("ASIAONE").await.is_err());
}

#[tokio::test]
async fn debug_shows_no_secret() {
    let source = Source::of(vec![]);
    let held = held(keys("ASIAONE", 60), &source, &run());
    let shown = format!("{held:?}");
    assert!(!shown.contains("secret-access-key") && !shown.contains("session-token"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_renewal_while_the_old_keys_are_good() {
    let slow = Source {
        answers: Mutex::new(vec![Ok(keys("ASIATWO", 7200))]),
        takes: Some(Duration::from_secs(60)),
        ..Source::default()
    };
    let (source, run) = (Arc::new(slow), going());
    let held = held(keys("ASIAONE", 3600), &source, &run);
    tokio::time::sleep(Duration::from_secs(3301)).await;
    let begun = tokio::time::Instant::now();
    for _ in 0..20 {
        assert_eq!(held.current().await.access_key_id, "ASIAONE");
    }
    assert_eq!(begun.elapsed(), Duration::ZERO, "nobody waited");
    held.settled().await;
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!((held.current().await.access_key_id.as_str(), source.asked()), ("ASIATWO", 1));
}

#[tokio::test(start_paused = true)]
async fn a_passing_fault_is_tried_again_with_growing_pauses_until_the_old_keys_end() {
    let failing = || Err(Problem::new("LF-VAULT-SEALED", Class::Transient, "sealed"));
    let answers = vec![failing(), failing(), failing(), failing(), Ok(keys("ASIATWO", 7200))];
    let (source, run) = (Source::of(answers), going());
    let held = held(keys("ASIAONE", 3600), &source, &run);
    let mut at = Vec::new();
    for second in 0..3600 {
        let before = source.asked();
        let given = held.current().await.access_key_id;
        tokio::time::sleep(Duration::from_secs(1)).await;
        if source.asked() > before {
            at.push(second);
        }
        if given == "ASIATWO" {
            break;
        }
        assert_eq!(given, "ASIAONE");
    }
    assert_eq!(at, [3300, 3316, 3347, 3408, 3505], "after 15, 30, 60 s, and half of what is left");
}

#[tokio::test(start_paused = true)]
async fn keys_stay_fresh_though_nobody_asks() {
    let answers = vec![Ok(keys("ASIATWO", 7200)), Ok(keys("ASIATHREE", 9000)), Ok(keys("ASIAFOUR", 99_000))];
    let (source, run) = (Source::of(answers), going());
    let renewing = Renewing::by(Arc::<Source>::clone(&source) as Arc<dyn KeySource>).for_programs();
    let held = HeldKeys::renewed(keys("ASIAONE", 3600), renewing, &run);
    let kept = held.clone();
    let task = tokio::spawn(async move { kept.keep_fresh().await });
    for (left, id) in [(2699, "ASIAONE"), (10, "ASIATWO"), (3570, "ASIATWO"), (100, "ASIATHREE")] {
        tokio::time::sleep(Duration::from_secs(left)).await;
        assert_eq!(held.held().access_key_id, id);
    }
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn keeping_fresh_ends_with_what_cannot_be_mended() {
    let source = Source::of(vec![Err(Problem::new("LF-VAULT-LOGIN", Class::Refused, "refused"))]);
    held(keys("ASIAONE", 0), &source, &going()).keep_fresh().await;
    HeldKeys::fixed(keys("ASIAONE", 0)).keep_fresh().await;
    assert_eq!(source.asked(), 1);
}
