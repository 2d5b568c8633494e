//! What the environment asks of a release before it may come.

use landfall_artifacts::{Problem, Settings};
use landfall_lambda_deploy::Plan;
use landfall_ledger::gate::{Missing, Subject, standing};
use landfall_ledger::{Ledger, life};
use landfall_run::Event;

use super::Job;
use crate::Refusal;

/// What gates are decided by.
#[derive(Clone, Debug)]
pub struct Gates {
    /// The repo's settings: the environments' order, approvals and freezes.
    pub settings: Settings,
    /// Who tells what was decided and what ran, until the moment in which it counts.
    pub ledger: Ledger,
}

impl Job<'_, '_> {
    /// Everything that the release lacks for coming to the environment. Where all functions run it already it has come, and nothing is
    /// asked again. What was decided since it was asked before counts: copying images may take its time.
    ///
    /// # Errors
    /// A ledger that cannot be read.
    pub(super) async fn missing(&self, plan: &Plan) -> Result<Vec<Problem>, Refusal> {
        let Some(gates) = self.config.gates.as_ref().filter(|_| !plan.is_done()) else {
            return Ok(Vec::new());
        };
        let events = gates.ledger.events().await?;
        let Some(environment) = &self.config.target.environment else {
            let death = life::death(&events, &self.release).map(Missing::Dead);
            return Ok(death.iter().map(|missing| Problem::of(missing)).collect());
        };
        let subject = Subject::new(self.release.clone(), environment.clone(), self.contents.clone());
        let standing = standing(&events, &gates.settings, &subject, self.run.clock().now());
        if let Some(glass) = &standing.glass {
            let by = landfall_secret::escape(&glass.by.name, 120);
            let why = landfall_secret::escape(glass.reason.as_deref().unwrap_or_default(), 200);
            let text = format!(
                "{by} broke the glass (record {}): freezes and missing approvals do not count: {why}",
                glass.sequence
            );
            self.run.progress().event(Event::Warning(text));
        }
        Ok(standing.missing.iter().map(|missing| Problem::of(missing)).collect())
    }
}
