//! Whether the end of a stage is worth telling, and as what.

use landfall_artifacts::{Digest, NotifyEvent, OutcomeKind};

/// The exit code of a check or gate that said no.
const REFUSED: u8 = 3;

/// What a stage does to the world, as far as people want to hear of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It changes nothing that anybody waits for: nothing is told.
    Looks,
    /// It asks, or records what people decide. That it says no is its answer to who asked, and no failure.
    Decides,
    /// It changes the world: that it failed is told.
    Changes,
    /// It makes an environment run something: that it did is told too.
    Deploys,
}

/// What a stage knows of its release besides how it ended itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The release died just now.
    Died {
        /// Why: the person's words, or what the test said.
        reason: String,
    },
    /// The release waits for people.
    Waits {
        /// Everything that it lacks, such as `approval of qa-lead`: the same names for the same things at every look.
        missing: Vec<String>,
        /// The plan that is to be let come: another one waits anew.
        plan: Digest,
        /// The record of what people decided last about it; `None` where they did not. That it counts no more is news.
        decision: Option<u64>,
    },
}

/// How a stage ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended<'a> {
    /// What it does to the world.
    pub way: Way,
    /// The verdict of its report.
    pub kind: OutcomeKind,
    /// Its exit code.
    pub exit_code: u8,
    /// What it knows besides.
    pub news: Option<&'a News>,
}

/// What a stage's end is told as; `None` where nobody needs to hear of it. What a stage has to say of its release goes before how it
/// ended itself: a test that failed is told as a death, once.
pub fn event(ended: &Ended<'_>) -> Option<NotifyEvent> {
    match (ended.news, ended.way, ended.exit_code) {
        (Some(News::Died { .. }), _, _) => Some(NotifyEvent::Death),
        (Some(News::Waits { .. }), _, _) => Some(NotifyEvent::GateWaiting),
        (None, Way::Looks, _) => None,
        (None, Way::Deploys, 0) => {
            (ended.kind != OutcomeKind::NothingToDo).then_some(NotifyEvent::Deployment)
        }
        (None, Way::Changes | Way::Decides, 0) | (None, Way::Decides, REFUSED) => None,
        (None, Way::Changes | Way::Decides | Way::Deploys, _) => Some(NotifyEvent::Failure),
    }
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::{Digest, NotifyEvent, OutcomeKind};

    use super::{Ended, News, Way, event};

    #[test]
    fn what_is_told_follows_from_the_end_of_a_stage() {
        let died = News::Died { reason: "slow".into() };
        let (missing, plan) = (vec!["approval of qa-lead".into()], Digest::of(b"plan"));
        let waits = News::Waits { missing, plan, decision: None };
        let (done, nothing, bad) = (OutcomeKind::Done, OutcomeKind::NothingToDo, OutcomeKind::Failed);
        for (way, kind, exit_code, news, told) in [
            (Way::Looks, done, 0, None, None),
            (Way::Looks, bad, 5, None, None),
            (Way::Deploys, done, 0, None, Some(NotifyEvent::Deployment)),
            // What was left out by leave of the caller is no failure.
            (Way::Deploys, OutcomeKind::Partial, 0, None, Some(NotifyEvent::Deployment)),
            // It ran already: that was told then.
            (Way::Deploys, nothing, 0, None, None),
            (Way::Deploys, OutcomeKind::Blocked, 3, None, Some(NotifyEvent::Failure)),
            (Way::Deploys, OutcomeKind::Partial, 6, None, Some(NotifyEvent::Failure)),
            (Way::Deploys, bad, 143, None, Some(NotifyEvent::Failure)),
            (Way::Changes, done, 0, None, None),
            (Way::Changes, nothing, 0, None, None),
            (Way::Changes, OutcomeKind::Blocked, 3, None, Some(NotifyEvent::Failure)),
            (Way::Changes, OutcomeKind::Unknown, 8, None, Some(NotifyEvent::Failure)),
            (Way::Changes, OutcomeKind::Blocked, 3, Some(&died), Some(NotifyEvent::Death)),
            (Way::Decides, done, 0, None, None),
            (Way::Decides, OutcomeKind::Blocked, 3, None, None),
            (Way::Decides, bad, 5, None, Some(NotifyEvent::Failure)),
            (Way::Decides, done, 0, Some(&died), Some(NotifyEvent::Death)),
            (Way::Decides, OutcomeKind::Blocked, 3, Some(&waits), Some(NotifyEvent::GateWaiting)),
        ] {
            let ended = Ended { way, kind, exit_code, news };
            assert_eq!(event(&ended), told, "{ended:?}");
        }
    }
}
