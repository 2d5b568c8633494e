//! A large ledger, the same each time.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use landfall_artifacts::{Actor, Digest, EffectResult, EventKind, LedgerEvent, LedgerItem};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

pub(super) const FUNCTIONS: usize = 200;
pub(super) const ENVIRONMENTS: usize = 12;
pub(super) const RELEASES: usize = 5_000;
/// Functions that a release changes.
pub(super) const MOVED: usize = 5;
/// A deployment an environment, and a test where it dies.
pub(super) const EVENTS_OF_A_RELEASE: usize = ENVIRONMENTS + 1;

const BEGAN: OffsetDateTime = datetime!(2023-01-02 06:00 UTC);

fn environment(number: usize) -> String {
    format!("env_eu{number:02}")
}

/// The environments, each after the one before, with everything that gates ask for: time without a break, people's word, quiet weekends.
pub(super) fn settings() -> String {
    let row = |number: usize| {
        let kind = if number + 4 < ENVIRONMENTS { "staging" } else { "production" };
        let after =
            number.checked_sub(1).map(|before| format!("\"{}\"", environment(before))).unwrap_or_default();
        // Time is counted in the environment before.
        let soak = if number == 0 { "" } else { "soak = \"24h\"\n" };
        let gates = "approvals = [\"qa-lead\"]\n\
                     freeze = [{ weekly = \"Fri 15:00-Mon 06:00\", zone = \"Europe/London\", reason = \"weekend\" }]";
        format!(
            "[environment.{}]\nkind = \"{kind}\"\nafter = [{after}]\n{soak}{gates}\n\n",
            environment(number)
        )
    };
    let rows: String = (0..ENVIRONMENTS).map(row).collect();
    format!("{rows}[approvers]\nqa-lead = [\"ada.lovelace\", \"grace\"]\n")
}

/// Writes the ledger's records into a folder.
pub(super) fn write(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut previous: Option<Digest> = None;
    let mut sequence = 0;
    for release in 0..RELEASES {
        let dies_in = (release % 10 == 9).then_some(release / 10 % ENVIRONMENTS);
        for place in 0..=dies_in.unwrap_or(ENVIRONMENTS - 1) {
            let kinds: &[EventKind] = if dies_in == Some(place) {
                &[EventKind::Deployment, EventKind::Test]
            } else {
                &[EventKind::Deployment]
            };
            for kind in kinds {
                sequence += 1;
                let event = event(sequence, previous, release, place, *kind)?;
                let bytes = event.canonical_bytes();
                std::fs::write(folder.join(LedgerEvent::file_name(sequence)), &bytes)?;
                previous = Some(Digest::of(&bytes));
            }
        }
    }
    Ok(())
}

fn event(
    sequence: u64,
    previous: Option<Digest>,
    release: usize,
    place: usize,
    kind: EventKind,
) -> Result<LedgerEvent> {
    let version = format!("{}.{}.{}", 1 + release / 2_000, release / 40 % 50, release % 40);
    let item = |part: usize| -> Result<LedgerItem> {
        let number = (release * 7 + part * 13) % FUNCTIONS;
        let name = format!("OrderProcessing{number:03}Function");
        Ok(LedgerItem {
            name: name.clone(),
            project: Some(format!("orderProcessing{number:03}").parse().context("a project")?),
            version: Some(version.parse().context("a version")?),
            lambda: Some(name.parse().context("a function")?),
            target: None,
            digest: Some(Digest::of(format!("{number} {version}").as_bytes())),
            before: None,
        })
    };
    let is_deployment = kind == EventKind::Deployment;
    Ok(LedgerEvent {
        sequence,
        previous,
        time: BEGAN
            + Duration::hours(i64::try_from(release).unwrap_or_default() * 5)
            + Duration::minutes(i64::try_from(place).unwrap_or_default() * 20),
        kind,
        release: Some(format!("v1.{}.{}", release / 100, release % 100).parse().context("a release")?),
        environment: Some(environment(place).parse().context("an environment")?),
        stage: Some(if is_deployment { "update-version-dashboard" } else { "smoke-test" }.to_owned()),
        action: None,
        target: None,
        intent: None,
        outcome: (!is_deployment).then_some(EffectResult::Failed),
        items: if is_deployment { (0..MOVED).map(item).collect::<Result<_>>()? } else { Vec::new() },
        actor: Actor {
            name: ["ada.lovelace", "grace", "ci-bot"][release % 3].to_owned(),
            source: "GITLAB_USER_LOGIN".to_owned(),
        },
        run: Some(format!("https://gitlab.example.com/shop/app/-/jobs/{sequence}")),
        reason: (!is_deployment).then(|| "11 of 14 checks passed".to_owned()),
        tool_version: "0.1.0".to_owned(),
        details: BTreeMap::new(),
    })
}
