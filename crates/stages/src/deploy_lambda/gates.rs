//! What the environment asks of a release before it may come.

use landfall_artifacts::{Class, EnvironmentName, Problem, Settings};
use landfall_lambda_deploy::Plan;
use landfall_ledger::gate::{Missing, Subject, standing};
use landfall_ledger::{Ledger, life};
use landfall_run::Event;

use super::{Job, part};
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
    /// asked again; but a part that comes too late ends badly then too, so that no job after it takes the deployment for whole. What
    /// was decided since it was asked before counts: copying images may take its time.
    ///
    /// # Errors
    /// A ledger that cannot be read.
    pub(super) async fn missing(&self, plan: &Plan) -> Result<Vec<Problem>, Refusal> {
        let mut problems = Vec::from_iter(part::too_late(self.ledger).await?);
        let Some(gates) = self.config.gates.as_ref().filter(|_| !plan.is_done()) else {
            return Ok(problems);
        };
        let events = gates.ledger.events().await?;
        let Some(environment) = &self.config.target.environment else {
            let death = life::death(&events, &self.release).map(Missing::Dead);
            problems.extend(death.iter().map(|missing| Problem::of(missing)));
            return Ok(problems);
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
        problems.extend(unlike(self.config.is_per_environment, environment, &standing.missing));
        problems.extend(standing.missing.iter().map(|missing| Problem::of(missing)));
        Ok(problems)
    }
}

/// What stands behind everything that is missing where archives were made for one environment: their bytes were in no environment
/// before, and nobody could approve them by what ran there. A version is no proof of content, so it is not taken for one.
fn unlike(is_per_environment: bool, environment: &EnvironmentName, missing: &[Missing]) -> Option<Problem> {
    let is_by_content =
        |missing: &Missing| matches!(missing, Missing::Before { .. } | Missing::Approval { .. });
    if !is_per_environment || !missing.iter().any(is_by_content) {
        return None;
    }
    let what = format!(
        "archives that were made for {environment} alone were in no environment before it: its `after` and `approvals` cannot be met by them"
    );
    Some(Problem::new("LF-GATE-PER-ENVIRONMENT", Class::Refused, what).with_remedy(
        "make one archive for all environments (package-artifacts without --config-folder; merge-configs and s3-sync bring the \
         configuration), or leave `after` and `approvals` of the environment out",
    ))
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::Explain as _;
    use landfall_ledger::gate::NotPassed;

    use super::*;

    #[test]
    fn archives_of_one_environment_are_told_from_a_release_that_was_nowhere() {
        let production: EnvironmentName = "prod_eu00".parse().expect("a name");
        let before: EnvironmentName = "stg_eu00".parse().expect("a name");
        let what = NotPassed::NotDeployed { before: before.clone(), lacks: vec!["orders".to_owned()] };
        let lacks = [Missing::Before { before, what, any: false }];
        assert_eq!(lacks[0].code(), "LF-GATE-BEFORE");
        assert_eq!(unlike(false, &production, &lacks), None);
        assert_eq!(unlike(true, &production, &[]), None);
        let problem = unlike(true, &production, &lacks).expect("a problem");
        insta::assert_snapshot!(problem.what, @"archives that were made for prod_eu00 alone were in no environment before it: its `after` and `approvals` cannot be met by them");
        insta::assert_snapshot!(problem.remedy.unwrap_or_default(), @"make one archive for all environments (package-artifacts without --config-folder; merge-configs and s3-sync bring the configuration), or leave `after` and `approvals` of the environment out");
    }
}
