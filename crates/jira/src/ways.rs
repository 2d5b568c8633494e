//! The way from one status to another: which of the transitions that Jira offers is taken next. Pure.
//!
//! Jira tells only what leads away from the present status, so the way is found step by step. Where a workflow goes through
//! statuses of the project's own, `landfall.toml` says which status leads to which, and the shortest way through that is taken.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::config::same_name;
use crate::wire::Transition;
use crate::{Statuses, Step};

/// Which statuses each status may be left for, as `[jira.transitions]` has it. Names are compared without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ways(BTreeMap<String, Vec<String>>);

/// The transition that is taken next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen<'t> {
    pub(crate) transition: &'t Transition,
    /// Whether it is the wanted one by its own name, so that wherever it leads is the end.
    pub(crate) is_last: bool,
}

/// Where a ticket stands to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has not come there yet, as far as can be told.
    Before,
    /// It is there.
    There,
    /// It is further along, and is not pulled back.
    Beyond,
}

/// A ticket's status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) name: String,
    /// Whether it is of Jira's category for what is finished.
    pub(crate) is_done: bool,
}

impl Ways {
    /// Where a status stands to a step: steps have their order. A status of the project's own is beyond the step where the table leads to it from
    /// the step's status in fewer steps than the other way round; where the table says nothing, if it is finished. Only what the table says
    /// is beyond the last step.
    pub(crate) fn standing(&self, status: &Status, step: Step, statuses: &Statuses) -> Standing {
        let target = statuses.name(step);
        if same_name(&status.name, target) {
            return Standing::There;
        }
        let is_beyond = match statuses.step(&status.name) {
            Some(reached) => reached > step,
            None => match (
                self.distance(target, &status.name, statuses),
                self.distance(&status.name, target, statuses),
            ) {
                (Some(on), Some(back)) => on < back,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => status.is_done && Step::ALL.last() != Some(&step),
            },
        };
        if is_beyond { Standing::Beyond } else { Standing::Before }
    }

    /// Ways from a table of statuses and what each may be left for.
    pub fn new(table: impl IntoIterator<Item = (String, Vec<String>)>) -> Self {
        Self(table.into_iter().map(|(from, to)| (folded(&from), to)).collect())
    }

    /// All names in it, for checking.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .flat_map(|(from, to)| std::iter::once(from.as_str()).chain(to.iter().map(String::as_str)))
    }

    fn of(&self, status: &str) -> Option<&[String]> {
        self.0.get(&folded(status)).map(Vec::as_slice)
    }

    /// How many steps lead from a status to another; a status that stands in no row, and is one of a step, leads to that of the
    /// next step.
    fn distance(&self, from: &str, to: &str, statuses: &Statuses) -> Option<usize> {
        let mut seen = BTreeSet::from([folded(from)]);
        let mut queue = VecDeque::from([(folded(from), 0)]);
        while let Some((at, steps)) = queue.pop_front() {
            if at == folded(to) {
                return Some(steps);
            }
            let implied = || {
                let step = statuses.step(&at)?;
                Step::ALL.into_iter().find(|other| *other > step).map(|next| statuses.name(next).to_owned())
            };
            let next: Vec<String> = match self.of(&at) {
                Some(next) => next.iter().map(|name| folded(name)).collect(),
                None => implied().iter().map(|name| folded(name)).collect(),
            };
            queue.extend(
                next.into_iter().filter(|name| seen.insert(name.clone())).map(|name| (name, steps + 1)),
            );
        }
        None
    }

    /// What is taken next from `status` towards the status of `step`; `None` where nothing that is offered leads there.
    pub(crate) fn choose<'t>(
        &self,
        offered: &'t [Transition],
        status: &str,
        step: Step,
        statuses: &Statuses,
    ) -> Option<Chosen<'t>> {
        let target = statuses.name(step);
        let usable = || offered.iter().filter(|transition| transition.is_available);
        let going_on = |transition| Chosen { transition, is_last: false };
        // Of several that are as good, the one without a screen.
        let nearest = |allowed: &dyn Fn(&Transition) -> bool| {
            let far = |transition: &'t Transition| {
                let steps = self.distance(&transition.to.name, target, statuses)?;
                Some((steps, transition.has_screen, transition))
            };
            let ways = usable().filter(|transition| allowed(transition)).filter_map(far);
            ways.min_by_key(|(steps, screen, _)| (*steps, *screen))
                .map(|(_, _, transition)| going_on(transition))
        };
        if let Some(allowed) = self.of(status) {
            let is_allowed = |transition: &Transition| {
                allowed
                    .iter()
                    .any(|name| same_name(name, &transition.to.name) || same_name(name, &transition.name))
            };
            return nearest(&is_allowed);
        }
        let leading_to = |name: &str| {
            let mut found: Vec<&Transition> = usable().filter(|one| same_name(&one.to.name, name)).collect();
            found.sort_by_key(|transition| transition.has_screen);
            found.first().copied()
        };
        let named = |name: &str| usable().find(|transition| same_name(&transition.name, name));
        if let Some(transition) = leading_to(target) {
            return Some(going_on(transition));
        }
        if let Some(transition) = named(target) {
            return Some(Chosen { transition, is_last: true });
        }
        // Into a row of the table, from where it says the way.
        if let Some(chosen) = nearest(&|transition| self.of(&transition.to.name).is_some()) {
            return Some(chosen);
        }
        let at = statuses.step(status);
        let between =
            Step::ALL.into_iter().rev().filter(|other| *other < step && at.is_none_or(|at| *other > at));
        between
            .map(|other| statuses.name(other))
            .find_map(|name| leading_to(name).or_else(|| named(name)))
            .map(going_on)
    }
}

fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Chosen, Standing, Status, Ways};
    use crate::wire::Transition;
    use crate::{Statuses, Step};

    fn ways(table: &[(&str, &[&str])]) -> Ways {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Ways::new(table.iter().map(|(from, to)| ((*from).to_owned(), owned(to))))
    }

    fn offered(names: &[(&str, &str, bool)]) -> Vec<Transition> {
        let bean = |(name, to, screen): &(&str, &str, bool)| {
            let bean = json!({ "id": "1", "name": name, "to": { "name": to }, "hasScreen": screen });
            serde_json::from_value(bean).expect("a transition")
        };
        names.iter().map(bean).collect()
    }

    fn taken(ways: &Ways, status: &str, step: Step, names: &[(&str, &str, bool)]) -> Option<(String, bool)> {
        let offered = offered(names);
        let chosen = ways.choose(&offered, status, step, &Statuses::default());
        chosen.map(|Chosen { transition, is_last }| (transition.name.clone(), is_last))
    }

    fn going(name: &str) -> (String, bool) {
        (name.to_owned(), false)
    }

    #[test]
    fn of_two_ways_through_the_table_the_shorter_is_taken() {
        let table = ways(&[
            ("To Do", &["Review", "Approval"]),
            ("Review", &["Approval"]),
            ("approval", &["Deployed to Pre-Prod", "To Do"]),
        ]);
        let both = [("A", "Review", false), ("B", "Approval", false), ("C", "Closed", false)];
        assert_eq!(taken(&table, "to do", Step::PpTesting, &both), Some(going("B")));
        assert_eq!(
            taken(&table, "To Do", Step::Closed, &both),
            Some(going("B")),
            "the table does not allow the short cut"
        );
        assert_eq!(taken(&table, "To Do", Step::Closed, &both[..1]), Some(going("A")));
        assert_eq!(taken(&table, "To Do", Step::Closed, &both[2..]), None);
        // A circle ends.
        assert_eq!(
            taken(&ways(&[("a", &["b"]), ("b", &["a"])]), "a", Step::Closed, &[("x", "b", false)]),
            None
        );
    }

    #[test]
    fn a_status_that_the_table_does_not_know_is_left_into_it() {
        let table = ways(&[("Review", &["Deployed to Pre-Prod"])]);
        let names = [("Away", "Elsewhere", false), ("In", "Review", true), ("In quietly", "Review", false)];
        assert_eq!(taken(&table, "To Do", Step::Closed, &names), Some(going("In quietly")));
        // Without a table nothing leads on.
        assert_eq!(taken(&Ways::default(), "To Do", Step::Closed, &names), None);
    }

    fn standing(ways: &Ways, status: &str, is_done: bool, step: Step) -> Standing {
        ways.standing(&Status { name: status.to_owned(), is_done }, step, &Statuses::default())
    }

    #[test]
    fn statuses_of_the_project_s_own_are_before_or_beyond_a_step() {
        let table = ways(&[
            ("To Do", &["Review"]),
            ("Review", &["Deployed to Pre-Prod", "To Do"]),
            ("Deployed to Pre-Prod", &["Smoke Tests"]),
            ("Smoke Tests", &["Pre-Prod Testing", "To Do"]),
            ("Closed", &["Archived"]),
        ]);
        let of = |status: &str, step| standing(&table, status, false, step);
        assert_eq!(of("review", Step::DeployPp), Standing::Before);
        // A way back leads from there to the step again, and is longer.
        assert_eq!(of("smoke tests", Step::DeployPp), Standing::Beyond);
        assert_eq!(of("Smoke Tests", Step::PpTesting), Standing::Before);
        assert_eq!(of("Archived", Step::Closed), Standing::Beyond);
        assert_eq!(of("Elsewhere", Step::DeployPp), Standing::Before);
        assert_eq!(of("DEPLOYING", Step::DeployPp), Standing::Beyond);
        assert_eq!(of("Deploying", Step::Deploying), Standing::There);
        assert_eq!(of("Deploying", Step::Resolved), Standing::Before);
        // What the table leads on from is not beyond, although Jira calls it finished.
        assert_eq!(standing(&table, "Review", true, Step::Resolved), Standing::Before);
    }

    #[test]
    fn what_is_finished_is_beyond_all_steps_but_the_last() {
        for step in Step::ALL {
            let expected = if step == Step::Closed { Standing::Before } else { Standing::Beyond };
            assert_eq!(standing(&Ways::default(), "Released", true, step), expected, "{step:?}");
            assert_eq!(standing(&Ways::default(), "Blocked", false, step), Standing::Before, "{step:?}");
        }
    }

    #[test]
    fn a_transition_of_the_wanted_name_is_the_last() {
        let names = [("Resolved", "Done and dusted", false), ("x", "Deploying", false)];
        assert_eq!(
            taken(&Ways::default(), "To Do", Step::Resolved, &names),
            Some(("Resolved".to_owned(), true))
        );
        assert_eq!(taken(&Ways::default(), "To Do", Step::Closed, &names), Some(going("Resolved")));
    }
}
