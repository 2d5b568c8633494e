//! A copy of three images with a fault at every request of it: never a wrong image under a tag, never a login elsewhere, and
//! what passes is survived.
//!
//! Source, target, storage, foreign host and copy share one thread and a clock that moves only while nothing happens, so that a
//! case takes some fifty milliseconds whatever it waits for. A case that fails is told with its kind and its request.
//!
//! Judged is the first case of each kind of fault at each kind of request, and of all others one in four, so that each request
//! meets faults. `LANDFALL_FAULTS=all` judges every case, and three times as many pairs. `LANDFALL_FAULT_SEED` is the number of
//! the first pair; another number gives other pairs.

mod answers;
mod case;
mod kinds;
mod known;
mod oracle;
mod pace;
mod scene;
mod spot;
mod tally;

use std::collections::BTreeSet;

use crate::case::{Case, Clean, Strike};
use crate::kinds::KINDS;
use crate::known::KNOWN;
use crate::scene::{Downloads, Scene, blobs};
use crate::spot::{Asked, Spot};
use crate::tally::{judge_all, on_a_clock};

/// Of the cases that are like others, one in so many is judged.
const ONE_IN: usize = 4;
/// Pairs of faults that are judged; where all cases are wanted, three times as many.
const PAIRS: u64 = 100;
/// The number of the first pair, unless another is given.
const SEED: u64 = 1;

fn all_are_wanted() -> bool {
    std::env::var("LANDFALL_FAULTS").as_deref() == Ok("all")
}

/// A title that says what was left out.
fn titled(what: &str) -> String {
    let left_out = if all_are_wanted() { "" } else { " (a sample; LANDFALL_FAULTS=all judges every case)" };
    format!("{what}{left_out}")
}

fn clean(downloads: Downloads) -> Clean {
    on_a_clock(async |http| Clean::of(&http, downloads).await)
}

/// Each kind of fault at each request that it makes sense at and that is meant.
fn strikes(clean: &Clean, is_meant: fn(&Spot) -> bool) -> Vec<Strike<'_>> {
    on_a_clock(async |http| {
        let scene = Scene::new(&http, clean.downloads).await;
        let spots = clean.spots.iter().filter(|spot| is_meant(spot));
        let at = |spot| {
            let kinds = KINDS.iter().filter(|kind| (kind.what)(spot, &scene).is_some());
            kinds.map(|kind| Strike { spot, kind }).collect::<Vec<_>>()
        };
        spots.flat_map(at).collect()
    })
}

/// The cases of one fault that are judged.
fn singles<'a>(clean: &'a Clean, strikes: Vec<Strike<'a>>) -> Vec<Case<'a>> {
    let mut met = BTreeSet::new();
    let is_judged = |(position, strike): &(usize, Strike<'_>)| {
        let is_first = met.insert((strike.kind.name, strike.spot.asked));
        is_first || position % ONE_IN == 0 || all_are_wanted()
    };
    let judged = strikes.into_iter().enumerate().filter(is_judged);
    judged.map(|(_, strike)| Case::of(clean, vec![strike])).collect()
}

#[test]
fn a_copy_asks_for_the_same_each_time_and_sends_each_blob_once() {
    for downloads in [Downloads::Direct, Downloads::Redirected] {
        let (one, other) = (clean(downloads), clean(downloads));
        let asked = |clean: &Clean| clean.spots.iter().map(Spot::request).collect::<BTreeSet<_>>();
        assert_eq!(asked(&one), asked(&other));
        let count = |asked| one.spots.iter().filter(|spot| spot.asked == asked).count();
        assert_eq!((count(Asked::Upload), count(Asked::UploadStart)), (blobs().len(), blobs().len()));
    }
}

#[test]
fn one_fault_at_every_request() {
    let clean = clean(Downloads::Redirected);
    let cases = singles(&clean, strikes(&clean, |_| true));
    let met: BTreeSet<_> = cases.iter().map(|case| case.strikes[0].spot.to_string()).collect();
    assert_eq!(met.len(), clean.spots.len(), "each request meets a fault");
    let excused = judge_all(&titled("one fault"), &cases);
    let mended: Vec<_> = KNOWN.iter().filter(|known| !excused.contains(known)).collect();
    assert!(mended.is_empty(), "these end well, and have to go from the list: {mended:#?}");
}

#[test]
fn one_fault_at_every_download_where_the_source_gives_its_blobs_itself() {
    let clean = clean(Downloads::Direct);
    let cases = singles(&clean, strikes(&clean, |spot| spot.asked == Asked::SourceBlob));
    judge_all(&titled("one fault, without a storage"), &cases);
}

#[test]
fn two_faults_anywhere() {
    let clean = clean(Downloads::Redirected);
    let strikes = strikes(&clean, |_| true);
    let seed = std::env::var("LANDFALL_FAULT_SEED").map_or(SEED, |text| text.parse().expect("a number"));
    let pairs = if all_are_wanted() { 3 * PAIRS } else { PAIRS };
    let pair = |number| {
        let mut random = fastrand::Rng::with_seed(number);
        let mut any = || strikes[random.usize(..strikes.len())];
        Case { number: Some(number), ..Case::of(&clean, vec![any(), any()]) }
    };
    let cases: Vec<_> = (seed..seed.saturating_add(pairs)).map(pair).collect();
    judge_all(&titled("two faults"), &cases);
}
