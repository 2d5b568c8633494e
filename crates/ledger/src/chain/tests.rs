//! Every way to bend a chain, without a store.

use std::collections::BTreeMap;

use landfall_artifacts::{Actor, Digest, EventKind, LedgerEvent};
use time::OffsetDateTime;

use super::{Bad, Head, Link, Verified, Walk, link};

/// The bytes of a chain of so many records.
fn chain(records: u64) -> Vec<Vec<u8>> {
    let mut previous = None;
    let record = |sequence| {
        let event = LedgerEvent {
            sequence,
            previous,
            time: OffsetDateTime::UNIX_EPOCH,
            kind: EventKind::Test,
            release: None,
            environment: None,
            stage: None,
            action: None,
            target: None,
            intent: None,
            outcome: None,
            items: Vec::new(),
            actor: Actor { name: format!("writer {sequence}"), source: "test".into() },
            run: None,
            reason: None,
            tool_version: "0".into(),
            details: BTreeMap::new(),
        };
        let bytes = event.canonical_bytes();
        previous = Some(Digest::of(&bytes));
        bytes
    };
    (1..=records).map(record).collect()
}

fn links(chain: &[Vec<u8>]) -> Vec<Result<Link, Bad>> {
    (1..).zip(chain).map(|(sequence, bytes)| link(sequence, bytes)).collect()
}

/// As the ledger walks: the first bad record ends it.
fn walk(links: &[&Result<Link, Bad>], known: Option<Head>) -> Result<Verified, Bad> {
    let mut walk = Walk::new(known.map(super::Kept::from).as_slice());
    for (at, next) in links.iter().enumerate() {
        let link = next.as_ref().map_err(Clone::clone)?;
        walk.step(link, links.get(at + 1).and_then(|after| after.as_ref().ok()))?;
    }
    walk.end()
}

fn head(links: &[Result<Link, Bad>]) -> Option<Head> {
    links.last().and_then(|last| last.as_ref().ok()).map(|link| link.head)
}

#[test]
fn every_flipped_bit_of_twenty_records_is_named() {
    let bytes = chain(20);
    let good = links(&bytes);
    let kept = head(&good);
    assert_eq!(walk(&good.iter().collect::<Vec<_>>(), kept).map(|verified| verified.records), Ok(20));
    for (at, record) in bytes.iter().enumerate() {
        let sequence = at as u64 + 1;
        for byte in 0..record.len() {
            for bit in 0..8 {
                let mut bent = record.clone();
                bent[byte] ^= 1 << bit;
                let bent = link(sequence, &bent);
                let mut all: Vec<_> = good.iter().collect();
                all[at] = &bent;
                let bad = walk(&all, kept).expect_err("it is seen");
                assert_eq!(bad.sequence, sequence, "byte {byte}, bit {bit}: {}", bad.what);
            }
        }
    }
}

#[test]
fn a_bit_a_drop_a_swap_and_a_double_of_each_of_a_thousand_records_are_seen() {
    let bytes = chain(1000);
    let good = links(&bytes);
    let kept = head(&good);
    // A record at another place is read as that place's record.
    let moved = |from: usize, to: usize| link(to as u64 + 1, &bytes[from]);
    for at in 0..bytes.len() {
        let sequence = at as u64 + 1;

        let mut bent = bytes[at].clone();
        let byte = (at * 31) % bent.len();
        bent[byte] ^= 1 << (at % 8);
        let bent = link(sequence, &bent);
        let mut all: Vec<_> = good.iter().collect();
        all[at] = &bent;
        assert_eq!(walk(&all, kept).map_err(|bad| bad.sequence), Err(sequence), "a bit of {sequence}");

        // All that follow move up by one; the first of them is the bad one, or the end that is missing.
        let mut all: Vec<_> = good[..at].iter().collect();
        let next = (at + 1 < bytes.len()).then(|| moved(at + 1, at));
        all.extend(&next);
        assert_eq!(walk(&all, kept).map_err(|bad| bad.sequence), Err(sequence), "{sequence} dropped");

        let doubled = moved(at, (at + 1).min(bytes.len() - 1));
        let mut all: Vec<_> = good[..=at].iter().collect();
        all.push(&doubled);
        let seen = walk(&all, kept).map_err(|bad| bad.sequence);
        assert!(seen.is_err_and(|bad| bad == sequence + 1 || sequence == 1000), "{sequence} doubled");

        if at + 1 < bytes.len() {
            let (one, other) = (moved(at + 1, at), moved(at, at + 1));
            let mut all: Vec<_> = good.iter().collect();
            (all[at], all[at + 1]) = (&one, &other);
            assert_eq!(walk(&all, kept).map_err(|bad| bad.sequence), Err(sequence), "{sequence} swapped");
        }
    }
}

#[test]
fn a_fork_and_a_way_back_are_seen_by_what_was_kept() {
    let good = links(&chain(10));
    let kept = head(&good);
    let older: Vec<_> = good[..7].iter().collect();
    assert_eq!(walk(&older, None).map(|verified| verified.records), Ok(7), "by itself it is whole");
    assert_eq!(walk(&older, kept).map_err(|bad| bad.sequence), Err(8), "rolled back");

    // From record 6 on another chain goes on, each record of which follows the one before.
    let mut forked: Vec<Vec<u8>> = chain(10);
    let mut previous = None;
    for (at, bytes) in forked.iter_mut().enumerate() {
        let mut event = LedgerEvent::parse(bytes, "e").expect("an event");
        if at >= 5 {
            event.actor.name = "eve".into();
            event.previous = previous;
            *bytes = event.canonical_bytes();
        }
        previous = Some(Digest::of(bytes));
    }
    let forked = links(&forked);
    let forked: Vec<_> = forked.iter().collect();
    assert!(walk(&forked, None).is_ok(), "by itself it is whole");
    assert_eq!(walk(&forked, kept).map_err(|bad| bad.sequence), Err(10));
}
