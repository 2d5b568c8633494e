//! The ledger's word for a test.

use landfall_artifacts::{EffectResult, EventKind, LedgerItem, Problem};
use landfall_ledger::{Draft, Ledger};
use serde_json::json;

use super::Config;
use super::check::{CheckResult, Verdict};

/// Checks of one record at most; the rest is counted.
const MOST_ITEMS: usize = 100;

/// A record of how checks ended.
pub(super) struct Recorded {
    /// Its number.
    pub(super) sequence: u64,
    /// Why the release died of it, where it did.
    pub(super) death: Option<String>,
}

/// Records how the checks ended.
///
/// # Errors
/// What stands in the way of the record.
pub(super) async fn record(
    config: &Config,
    results: &[CheckResult],
    ledger: &Ledger,
) -> Result<Recorded, Problem> {
    let passed = results.iter().filter(|result| matches!(result.verdict, Verdict::Passed)).count();
    let is_failed = results.iter().any(|result| matches!(result.verdict, Verdict::Failed(_)));
    let outcome = match (is_failed, passed == results.len()) {
        (true, _) => EffectResult::Failed,
        (false, true) => EffectResult::Done,
        // A stop is no word on what was checked.
        (false, false) => EffectResult::Unknown,
    };
    let item = |result: &CheckResult| LedgerItem {
        name: result.name.clone(),
        project: None,
        version: None,
        lambda: None,
        target: Some(result.word().to_owned()),
        digest: None,
        before: None,
    };
    let mut draft = Draft {
        release: config.release.clone(),
        environment: config.environment.clone(),
        outcome: Some(outcome),
        items: results.iter().take(MOST_ITEMS).map(item).collect(),
        reason: Some(format!("{passed} of {} checks passed", results.len())),
        ..Draft::new(EventKind::Test)
    };
    draft.details.insert("passed".to_owned(), json!(passed));
    draft.details.insert("checks".to_owned(), json!(results.len()));
    draft.details.insert("readOnly".to_owned(), json!(config.read_only));
    // A release dies of a test that failed, and not of keys that are over or a network that is down.
    let is_asked =
        |result: &&CheckResult| matches!(&result.verdict, Verdict::Failed(seen) if !seen.is_unasked);
    let killer = results.iter().find(is_asked);
    if is_failed && killer.is_none() {
        draft.details.insert("infrastructure".to_owned(), json!(true));
    }
    let killed = killer.filter(|_| draft.release.is_some() || ledger.context().release.is_some());
    let death = killed
        .map(|check| format!("the test {} failed, {passed} of {} checks passed", check.name, results.len()));
    let head = ledger.append(draft).await.map_err(|error| Problem::of(&error))?;
    Ok(Recorded { sequence: head.sequence, death })
}
