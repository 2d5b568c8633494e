//! Marks of what was told once, so that it is not told at every look.

use landfall_artifacts::{Digest, EnvironmentName, ReleaseId};
use landfall_ledger::Ledger;
use landfall_notify::News;

use super::LOOKING;

/// That people were told that a release waits before an environment for these things. Where it waits for others, with another plan, or anew
/// after what people decided, it is another mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    name: String,
    text: String,
}

impl Mark {
    /// The mark of a release that waits; `None` where it does not.
    pub fn of(
        release: Option<&ReleaseId>,
        environment: Option<&EnvironmentName>,
        news: &News,
    ) -> Option<Self> {
        let News::Waits { missing, plan, decision } = news else { return None };
        let mut missing = missing.clone();
        missing.sort();
        missing.dedup();
        let text = format!(
            "{}\n{}\n{plan}\n{}\n{}\n",
            release.map(ToString::to_string).unwrap_or_default(),
            environment.map(ToString::to_string).unwrap_or_default(),
            decision.map(|sequence| sequence.to_string()).unwrap_or_default(),
            missing.join("\n")
        );
        Some(Self { name: Digest::of(text.as_bytes()).hex(), text })
    }

    /// Whether it stands beside the ledger. Where that cannot be found out in time it does not: told twice is better than never.
    pub async fn stands(&self, ledger: &Ledger) -> bool {
        let drawer = ledger.drawer("notify-told");
        matches!(tokio::time::timeout(LOOKING, drawer.get(&self.name)).await, Ok(Ok(Some(_))))
    }

    /// Makes it. Where it cannot be made in time, people are told again at the next look.
    pub async fn make(&self, ledger: &Ledger) {
        let drawer = ledger.drawer("notify-told");
        let made = drawer.put(&self.name, self.text.clone().into_bytes());
        let _ = tokio::time::timeout(LOOKING, made).await;
    }
}
