//! What the ledger is told of a deployment that did not come to be.

use landfall_artifacts::{Digest, EffectResult, EnvironmentName, EventKind, LedgerItem, Problem, ReleaseId};
use landfall_lambda_deploy::{ApplyReport, Code, Desired, Function, FunctionResult, Outcome as Ended};
use landfall_ledger::{Draft, Ledger};

use crate::Finished;

/// Items of one event; a larger deployment is recorded in several.
const ITEMS_OF_AN_EVENT: usize = 100;

/// Records a deployment that failed, with the functions that it did not bring. What it brought all the same is for
/// `update-version-dashboard`, as what any deployment brought. A ledger that cannot be written is a problem beside the others.
pub(super) async fn write_down(
    release: &ReleaseId,
    environment: Option<&EnvironmentName>,
    ended: &ApplyReport,
    ledger: &Ledger,
    finished: &mut Finished,
) {
    let Some(environment) = environment else { return };
    let functions: Vec<One<'_>> = ended.functions.iter().map(One::of).collect();
    let Some(draft) = draft(release, environment, ended.problem.as_ref(), &functions) else { return };
    for part in draft.in_parts(ITEMS_OF_AN_EVENT) {
        // It is no change of the environment, so that where all was put back nothing was changed.
        if let Err(error) = ledger.append(part).await {
            return finished.problems.push(Problem::of(&error));
        }
    }
}

/// How one function ended.
struct One<'a> {
    desired: &'a Desired,
    before: Option<Digest>,
    outcome: Ended,
    /// Whether it runs, or may run, what the deployment brought.
    is_changed: bool,
    problem: Option<&'a Problem>,
}

impl<'a> One<'a> {
    fn of(result: &'a FunctionResult) -> Self {
        Self {
            desired: &result.desired,
            before: result.before.as_ref().and_then(Function::digest),
            outcome: result.outcome,
            is_changed: result.changed() && result.outcome != Ended::Withdrawn,
            problem: result.problem.as_ref(),
        }
    }

    fn item(&self) -> LedgerItem {
        let desired = self.desired;
        let target = match &desired.code {
            Code::Image { image, .. } => image.to_string(),
            Code::Archive(archive) => archive.digest.to_string(),
        };
        LedgerItem {
            project: desired.project.clone(),
            version: desired.version.as_deref().and_then(|version| version.parse().ok()),
            lambda: Some(desired.function.clone()),
            target: Some(target),
            digest: Some(desired.code.digest()),
            before: self.before,
            ..LedgerItem::new(desired.function.as_str())
        }
    }
}

/// The event; `None` where nothing failed: all came, or the run was stopped before the turn of the rest.
///
/// What nobody could find out makes the whole unknown, unless something else failed. `details.asBefore` says that everything runs
/// what it ran before, so that nothing is left to restore.
fn draft(
    release: &ReleaseId,
    environment: &EnvironmentName,
    problem: Option<&Problem>,
    functions: &[One<'_>],
) -> Option<Draft> {
    let lacks = |one: &&One<'_>| !matches!(one.outcome, Ended::Updated | Ended::Unchanged);
    let has = |wanted: &[Ended]| functions.iter().any(|one| wanted.contains(&one.outcome));
    let items: Vec<LedgerItem> = functions.iter().filter(lacks).map(One::item).collect();
    let outcome = if has(&[Ended::Failed, Ended::RolledBack, Ended::Withdrawn]) {
        EffectResult::Failed
    } else if has(&[Ended::Unknown]) {
        EffectResult::Unknown
    } else {
        return None;
    };
    let of_function = || {
        let one = functions.iter().find(|one| one.problem.is_some())?;
        Some(format!("{}: {}", one.desired.function, one.problem?.told()))
    };
    let mut draft = Draft {
        release: Some(release.clone()),
        environment: Some(environment.clone()),
        outcome: Some(outcome),
        items,
        reason: problem.map(Problem::told).or_else(of_function),
        ..Draft::new(EventKind::Deployment)
    };
    if functions.iter().all(|one| !one.is_changed) {
        draft.details.insert("asBefore".to_owned(), true.into());
    }
    Some(draft)
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::{Class, Problem};
    use landfall_lambda_deploy::{Code, Desired, Outcome as Ended};
    use landfall_ledger::Draft;

    use super::{One, draft};

    fn desired(name: &str) -> Desired {
        let image = format!("localhost:5000/shop@sha256:{}", "a".repeat(64));
        Desired {
            function: name.parse().expect("a function"),
            project: name.parse().ok(),
            version: Some("1.4.2".to_owned()),
            code: Code::Image {
                image: image.parse().expect("an image"),
                platform: landfall_artifacts::Platform::LinuxAmd64,
            },
            environment: None,
            shard: None,
        }
    }

    fn shown(ended: &[(&str, Ended, bool)]) -> String {
        let wanted: Vec<Desired> = ended.iter().map(|(name, ..)| desired(name)).collect();
        let problem = Problem::new("LF-LAMBDA", Class::Refused, "no such image");
        let ones: Vec<One<'_>> = ended
            .iter()
            .zip(&wanted)
            .map(|((_, outcome, is_changed), desired)| One {
                desired,
                before: None,
                outcome: *outcome,
                is_changed: *is_changed,
                problem: (*outcome == Ended::Failed).then_some(&problem),
            })
            .collect();
        let environment = "prod".parse().expect("an environment");
        let draft = draft(&"v1.4.2".parse().expect("a release"), &environment, None, &ones);
        let told = |draft: Draft| {
            let names: Vec<&str> = draft.items.iter().map(|item| item.name.as_str()).collect();
            let reason = draft.reason.unwrap_or_default();
            format!("{:?} {} {:?} {reason}", draft.outcome, names.join(" "), draft.details)
        };
        draft.map_or_else(|| "nothing".to_owned(), told)
    }

    #[test]
    fn a_deployment_that_failed_names_what_it_did_not_bring() {
        use Ended::{Failed, NotAttempted, RolledBack, Unchanged, Unknown, Updated, Withdrawn};
        let mixed = shown(&[("one", Updated, true), ("two", Failed, false), ("three", NotAttempted, false)]);
        let put_back =
            shown(&[("one", RolledBack, false), ("two", Failed, false), ("three", Withdrawn, false)]);
        let unclear = shown(&[("one", Unknown, true), ("two", Unchanged, false)]);
        insta::assert_snapshot!([mixed, put_back, unclear].join("\n"), @r#"
        Some(Failed) two three {} two: no such image
        Some(Failed) one two three {"asBefore": Bool(true)} two: no such image
        Some(Unknown) one {}
        "#);
        // All came; or it was stopped before anything failed.
        assert_eq!(shown(&[("one", Updated, true), ("two", Unchanged, false)]), "nothing");
        assert_eq!(shown(&[("one", Updated, true), ("two", NotAttempted, false)]), "nothing");
    }
}
