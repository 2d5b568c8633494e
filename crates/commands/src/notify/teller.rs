//! The one place that tells people how a stage ended.

use landfall_artifacts::{Notification, NotifyEvent, OutcomeKind, TargetName};
use landfall_ledger::Ledger;
use landfall_notify::{Ended, News, Told, Way, notifications};
use landfall_run::{Event, Run};
use landfall_stages::notify::{Mark, fresh_id, tell};
use landfall_stages::{Finished, Outcome, Refusal};

use super::senders::senders;
use crate::report::{self, Written};
use crate::{Context, Effects, ending, held};

/// What telling needs to know of a run besides what the stage did.
#[derive(Debug)]
pub(crate) struct Teller {
    /// What the stage does to the world, as its command says.
    pub(crate) way: Way,
    /// What it changed with these values.
    pub(crate) effects: Effects,
    /// Whether its ledger could be opened for writing.
    pub(crate) records: bool,
    /// The run of the notifications themselves, which no stop cuts off.
    pub(crate) run: Run,
}

impl Teller {
    /// Tells everybody who wants to hear of it how the stage ended, and gives its outcome back: the same, with a warning for what could
    /// not be told. A dry run says whom it would tell.
    pub(crate) async fn tell(&self, context: &Context, written: &Written, outcome: Outcome) -> Outcome {
        if context.settings.notify.is_empty() || self.effects == Effects::Files {
            return outcome;
        }
        let nothing;
        let (finished, refused) = match &outcome {
            Ok(finished) => (finished, false),
            Err(Refusal(problems)) => {
                nothing = Finished { problems: problems.clone(), ..Finished::default() };
                (&nothing, true)
            }
        };
        let new = self.worth_telling(context, written, finished, refused);
        if new.is_empty() {
            return outcome;
        }
        if written.dry_run {
            return outcome.map(|finished| would_tell(finished, &new));
        }
        let ledger = self.records.then_some(&context.ledger);
        let mark = mark(&new, finished.news.as_ref());
        if let (Some(mark), Some(ledger)) = (&mark, ledger)
            && mark.stands(ledger).await
        {
            return outcome;
        }
        let warnings = self.send(context, new, ledger, mark).await;
        match outcome {
            Ok(mut finished) => {
                finished.warnings.extend(warnings);
                Ok(finished)
            }
            Err(refusal) => {
                for warning in warnings {
                    self.run.progress().event(Event::Warning(warning));
                }
                Err(refusal)
            }
        }
    }

    fn worth_telling(
        &self,
        context: &Context,
        written: &Written,
        finished: &Finished,
        refused: bool,
    ) -> Vec<(TargetName, Notification)> {
        let (kind, exit_code) = ending::verdict(written, finished, refused);
        let ended = Ended { way: self.way, kind, exit_code, news: finished.news.as_ref() };
        let is_waiting = matches!(finished.news, Some(News::Waits { .. }));
        // A dry run that would do something ends as one that did nothing, and one that fails tells nobody.
        let ended = match (written.dry_run, exit_code) {
            (true, 0) if finished.items.iter().any(|item| item.outcome == "planned") => {
                Ended { kind: OutcomeKind::Done, ..ended }
            }
            (true, 1..) if !is_waiting => return Vec::new(),
            _ => ended,
        };
        let release = finished.release.clone().or_else(|| held::release(context));
        let problems = finished.all_problems();
        let (actor, link) = (report::actor(context.environment()), report::run_link(context.environment()));
        // Each part of a work tells of itself.
        let summary = match written.shard.filter(|shard| shard.of() > 1 && !finished.summary.is_empty()) {
            Some(shard) => format!("{}, part {shard}", finished.summary),
            None => finished.summary.clone(),
        };
        let told = Told {
            ended,
            time: self.run.clock().now(),
            stage: written.stage,
            release: release.as_ref(),
            environment: written.target.environment.as_ref(),
            summary: &summary,
            problems: &problems,
            actor: &actor,
            run: link.as_deref(),
        };
        notifications(&told, &context.settings.notify, self.run.redactor(), fresh_id)
    }

    async fn send(
        &self,
        context: &Context,
        new: Vec<(TargetName, Notification)>,
        ledger: Option<&Ledger>,
        mark: Option<Mark>,
    ) -> Vec<String> {
        let delivered = tell(new, &senders(context), ledger, &self.run).await;
        if delivered.waited > 0 {
            let what = format!("{} notifications that had waited were delivered", delivered.waited);
            self.run.progress().event(Event::Note(what));
        }
        // Where one was neither delivered nor kept, the next look tells again.
        if let (Some(mark), Some(ledger), 0) = (mark, ledger, delivered.lost) {
            mark.make(ledger).await;
        }
        delivered.warnings
    }
}

/// The mark of a release that waits: that is told once, and not at every look.
fn mark(new: &[(TargetName, Notification)], news: Option<&News>) -> Option<Mark> {
    let (_, waits) = new.iter().find(|(_, one)| one.event == NotifyEvent::GateWaiting)?;
    Mark::of(waits.release.as_ref(), waits.environment.as_ref(), news?)
}

fn would_tell(mut finished: Finished, new: &[(TargetName, Notification)]) -> Finished {
    let names: Vec<&str> = new.iter().map(|(target, _)| target.as_str()).collect();
    if let Some((_, first)) = new.first() {
        finished.lines.push(format!("{} would be told of the {}", names.join(", "), first.event.as_str()));
    }
    finished
}
