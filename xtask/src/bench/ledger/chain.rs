//! A long chain, the same each time.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use landfall_artifacts::{Actor, Digest, EffectResult, EventKind, LedgerEvent, LedgerItem};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const BEGAN: OffsetDateTime = datetime!(2023-01-02 06:00 UTC);

/// Writes records into a folder, each in a file of its own; how many bytes they have.
///
/// Nothing is flushed: what is measured is the reading, and a million flushes take an hour.
pub(super) fn write(folder: &Path, records: u64) -> Result<u64> {
    std::fs::create_dir_all(folder)?;
    let (mut previous, mut all) = (None, 0);
    for sequence in 1..=records {
        let bytes = event(sequence, previous)?.canonical_bytes();
        std::fs::write(folder.join(LedgerEvent::file_name(sequence)), &bytes)?;
        previous = Some(Digest::of(&bytes));
        all += bytes.len() as u64;
    }
    Ok(all)
}

/// The first records of one folder in another: the beginning of a chain is a chain.
pub(super) fn link(from: &Path, to: &Path, records: u64) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for sequence in 1..=records {
        let name = LedgerEvent::file_name(sequence);
        std::fs::hard_link(from.join(&name), to.join(&name))?;
    }
    Ok(())
}

/// Intents and outcomes of updates, of which a ledger has most.
fn event(sequence: u64, previous: Option<Digest>) -> Result<LedgerEvent> {
    let is_intent = sequence % 2 == 1;
    let function = format!("OrderProcessing{:03}Function", sequence / 2 % 200);
    let release = sequence / 400;
    Ok(LedgerEvent {
        sequence,
        previous,
        time: BEGAN + Duration::minutes(i64::try_from(sequence).unwrap_or_default()),
        kind: if is_intent { EventKind::Intent } else { EventKind::Outcome },
        release: Some(format!("v1.{}.{}", release / 100, release % 100).parse().context("a release")?),
        environment: Some(format!("env_eu{:02}", sequence / 400 % 12).parse().context("an environment")?),
        stage: Some("deploy-lambda".to_owned()),
        action: Some("UpdateFunctionCode".to_owned()),
        target: Some(function.clone()),
        intent: (!is_intent).then(|| sequence - 1),
        outcome: (!is_intent).then_some(EffectResult::Done),
        items: vec![LedgerItem {
            version: Some(format!("1.{}.{}", release / 40, release % 40).parse().context("a version")?),
            digest: Some(Digest::of(&sequence.to_be_bytes())),
            before: Some(Digest::of(&(sequence / 2).to_be_bytes())),
            ..LedgerItem::new(function)
        }],
        actor: Actor {
            name: ["ada.lovelace", "grace", "ci-bot"][usize::try_from(sequence % 3).unwrap_or_default()]
                .to_owned(),
            source: "GITLAB_USER_LOGIN".to_owned(),
        },
        run: Some(format!("https://gitlab.example.com/shop/app/-/jobs/{release}")),
        reason: None,
        tool_version: "0.1.0".to_owned(),
        details: BTreeMap::from([("writer".to_owned(), "6b1f0c2d9e770a1b".into())]),
    })
}
