//! A large product's ledger: 5,000 releases through 12 environments, of 200 functions.
//!
//! Nothing is timed here. A view that searches in a search does not end while somebody waits for it.

use landfall_artifacts::EffectResult::{Done, Failed};
use landfall_ledger::view::{
    Filter, Question, Span, dora, environment, function, graveyard, history, locks, overview, release,
    standing, trace,
};

use crate::told::{Told, at, item};

const RELEASES: usize = 5_000;
const ENVIRONMENTS: usize = 12;
const FUNCTIONS: usize = 200;

/// Every release brings four functions, an hour after the one before; each hundredth dies in the first environment.
fn told() -> Told {
    let mut told = Told::default();
    let begin = at("2026-01-01");
    for number in 0..RELEASES {
        let time =
            landfall_ledger::view::Moment(begin + time::Duration::HOUR * u32::try_from(number).expect("few"))
                .to_string();
        let name = format!("r{number}");
        let items: Vec<_> = (0..4)
            .map(|of| item(&format!("p{}", (number + of) % FUNCTIONS), &format!("1.{number}.0")))
            .collect();
        let dies = number % 100 == 99;
        for place in 0..(if dies { 1 } else { ENVIRONMENTS }) {
            let place = format!("e{place:02}");
            told.deployed(&time, &place, &name, &items);
            told.tested(&time, &place, &name, if dies { Failed } else { Done });
        }
    }
    told
}

#[test]
fn every_view_is_a_pass_and_not_a_search_in_a_search() {
    let told = told();
    let events = &told.events;
    let standing = standing(events);
    assert_eq!(standing.len(), FUNCTIONS * ENVIRONMENTS);
    assert_eq!(overview(events, &standing).environments.len(), ENVIRONMENTS);
    let e00 = environment(events, &standing, &"e00".parse().expect("a name")).expect("known");
    assert_eq!((e00.arrivals.len(), e00.running.len()), (RELEASES, FUNCTIONS));
    assert_eq!(graveyard(events).deaths.len(), RELEASES / 100);
    let dora = dora(events, Span::default(), at("2026-08-01"));
    let deployments: u64 = dora.environments.iter().map(|one| one.whole.deployments).sum();
    assert_eq!(deployments as usize, RELEASES / 100 * 99 * ENVIRONMENTS + RELEASES / 100);
    assert_eq!(
        history(events, &Filter { limit: Some(50), ..Filter::default() }).found as usize,
        events.len()
    );
    let of_p7 = function(events, &standing, "p7").expect("known");
    assert!(of_p7.changes.len() > 1_000);
    assert!(release(events, &standing, &"r4998".parse().expect("a name")).is_some());
    let question = Question { function: "p7".to_owned(), ..Question::default() };
    assert!(trace(events, &question, &[]).is_some());
    assert!(locks(events, at("2026-08-01")).held.is_empty());
}
