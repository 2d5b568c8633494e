//! The rules once more, as plainly as they can be written: one pass over what happened, one function in each environment.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::{EffectResult, EventKind, RoleName};
use landfall_ledger::gate::{
    Decision, FrozenBy, Identity, Missing, NotPassed, approve, break_glass, freeze, reject, unfreeze,
};
use proptest::prelude::*;
use time::{Duration, OffsetDateTime};

use crate::world::{World, subject};

const ENVIRONMENTS: [&str; 3] = ["dev", "qa", "prod"];
const RELEASES: [&str; 2] = ["r1", "r2"];
const PEOPLE: [&str; 4] = ["ada", "grace", "joan", "dev"];
const ROLES: [(&str, &[&str]); 2] = [("qa-lead", &["ada", "grace", "dev"]), ("manager", &["grace", "joan"])];
const SOAK_HOURS: i64 = 12;

#[derive(Clone, Debug)]
enum Step {
    Comes { rollback: bool, release: usize, environment: usize, content: u8 },
    Test { release: usize, environment: usize, outcome: u8 },
    Approve { release: usize, environment: usize, role: usize, by: usize, content: u8, hours: i64 },
    Glass { release: usize, content: u8, by: usize, hours: i64 },
    Reject { release: usize, by: usize },
    Freeze { environment: Option<usize>, hours: Option<i64> },
    Unfreeze { which: usize },
    Wait { minutes: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let comes = (proptest::bool::weighted(0.2), 0..2_usize, 0..3_usize, 1..3_u8).prop_map(
        |(rollback, release, environment, content)| Step::Comes { rollback, release, environment, content },
    );
    let test = (0..2_usize, 0..3_usize, 0..12_u8).prop_map(|(release, environment, outcome)| Step::Test {
        release,
        environment,
        outcome,
    });
    let approve = (0..2_usize, 1..3_usize, 0..2_usize, 0..4_usize, 1..3_u8, 1..60_i64).prop_map(
        |(release, environment, role, by, content, hours)| Step::Approve {
            release,
            environment,
            role,
            by,
            content,
            hours,
        },
    );
    let glass = (0..2_usize, 1..3_u8, 0..4_usize, 1..9_i64)
        .prop_map(|(release, content, by, hours)| Step::Glass { release, content, by, hours });
    prop_oneof![
        6 => comes,
        4 => test,
        8 => approve,
        1 => glass,
        1 => (1..2_usize, 0..4_usize).prop_map(|(release, by)| Step::Reject { release, by }),
        1 => (proptest::option::of(0..3_usize), proptest::option::of(1..30_i64))
            .prop_map(|(environment, hours)| Step::Freeze { environment, hours }),
        1 => (0..3_usize).prop_map(|which| Step::Unfreeze { which }),
        5 => (1..900_i64).prop_map(|minutes| Step::Wait { minutes }),
    ]
}

#[derive(Clone, Debug, Default)]
struct Model {
    dead: BTreeSet<usize>,
    /// Everything that ever came and was not there already: when, environment, release, content.
    came: Vec<(usize, usize, usize, u8)>,
    /// What tests said that said anything: when, environment, release, whether it passed.
    tests: Vec<(usize, usize, usize, bool)>,
    /// How many steps were taken.
    steps: usize,
    /// What runs: environment to release, content, since when without a break.
    runs: BTreeMap<usize, (usize, u8, i64)>,
    /// Release, environment, role, person: content and the minute at which it ends.
    approvals: BTreeMap<(usize, usize, usize, usize), (u8, i64)>,
    glass: Vec<(usize, u8, usize, i64)>,
    /// Sequence: environment, end.
    freezes: BTreeMap<u64, (Option<usize>, Option<i64>)>,
    minute: i64,
}

impl Model {
    /// The release, with this content, to production.
    fn missing(&self, release: usize, content: u8, any: bool) -> BTreeSet<String> {
        let mut missing = BTreeSet::new();
        let other = 1 - release;
        let brought = |release: usize| self.came.iter().any(|(_, _, r, c)| (*r, *c) == (release, content));
        let is_heir_of_the_dead = !brought(release) && brought(other) && self.dead.contains(&other);
        if self.dead.contains(&release) || is_heir_of_the_dead {
            missing.insert("dead".to_owned());
        }
        let has_author = self.came.iter().any(|(_, _, r, _)| *r == release) || brought(other);
        let lacks = |environment: usize| -> Vec<String> {
            let name = ENVIRONMENTS[environment];
            // A release that never was here may be part of the other.
            let was_here = self.came.iter().any(|(_, e, r, _)| (*e, *r) == (environment, release));
            let as_release = if was_here { release } else { other };
            let came =
                self.came.iter().rfind(|(_, e, r, c)| (*e, *r, *c) == (environment, as_release, content));
            let Some((when, ..)) = came else { return vec![format!("not in {name}")] };
            let mut lacks = Vec::new();
            let newest = self.tests.iter().rfind(|(at, e, r, _)| at > when && (*e, *r) == (1, as_release));
            if environment == 1 && !newest.is_some_and(|(.., passed)| *passed) {
                lacks.push(format!("not verified in {name}"));
            }
            match self.runs.get(&environment) {
                Some((r, c, since)) if (*r, *c) == (as_release, content) => {
                    if self.minute - since < SOAK_HOURS * 60 {
                        lacks.push(format!("soaks in {name}"));
                    }
                }
                _ => lacks.push(format!("gone from {name}")),
            }
            lacks
        };
        let both = [lacks(0), lacks(1)];
        if !(any && both.iter().any(Vec::is_empty)) {
            missing.extend(both.into_iter().flatten());
        }
        let is_open = self.glass.iter().any(|(r, c, by, end)| {
            (*r, *c) == (release, content)
                && self.minute < *end
                && ROLES.iter().any(|(_, who)| who.contains(&PEOPLE[*by]))
        });
        if is_open {
            return missing;
        }
        if !has_author {
            missing.insert("author".to_owned());
        }
        let valid = |role: usize, person: usize| {
            ROLES[role].1.contains(&PEOPLE[person])
                && !(has_author && PEOPLE[person] == "dev")
                && self
                    .approvals
                    .get(&(release, 2, role, person))
                    .is_some_and(|(c, end)| *c == content && self.minute < *end)
        };
        // The best way to give both roles people of their own, tried out.
        let mut best: (usize, [bool; 2]) = (0, [false; 2]);
        for lead in 0..=PEOPLE.len() {
            for manager in 0..=PEOPLE.len() {
                let is_lead = lead < PEOPLE.len() && valid(0, lead);
                let is_manager = manager < PEOPLE.len() && valid(1, manager) && !(is_lead && manager == lead);
                let count = usize::from(is_lead) + usize::from(is_manager);
                if count > best.0 {
                    best = (count, [is_lead, is_manager]);
                }
            }
        }
        missing.extend((best.0 < 2).then(|| format!("{} of 2 approvals", best.0)));
        for (sequence, (environment, end)) in &self.freezes {
            if environment.is_none_or(|one| one == 2) && end.is_none_or(|end| self.minute < end) {
                missing.insert(format!("frozen by {sequence}"));
            }
        }
        missing
    }
}

/// What the rule says, in the model's words.
fn said(missing: &[Missing]) -> BTreeSet<String> {
    let approvals = missing.iter().filter(|one| matches!(one, Missing::Approval { .. })).count();
    let mut said: BTreeSet<String> = missing
        .iter()
        .filter_map(|one| match one {
            Missing::Dead(_) => Some("dead".to_owned()),
            Missing::Before { what, .. } => Some(match what {
                NotPassed::NotDeployed { before, .. } => format!("not in {before}"),
                NotPassed::NotVerified { before } => format!("not verified in {before}"),
                NotPassed::Soaking { before, .. } => format!("soaks in {before}"),
                NotPassed::NotThere { before, .. } => format!("gone from {before}"),
            }),
            Missing::Approval { .. } => None,
            Missing::Author(_) => Some("author".to_owned()),
            Missing::Frozen(frozen) => match frozen.by {
                FrozenBy::Person { sequence, .. } => Some(format!("frozen by {sequence}")),
                FrozenBy::Settings { .. } => Some("frozen by a window".to_owned()),
            },
        })
        .collect();
    said.extend((approvals > 0).then(|| format!("{} of 2 approvals", 2 - approvals)));
    said
}

fn settings(any: bool) -> String {
    let rule = if any { "any" } else { "all" };
    let people = |who: &[&str]| who.iter().map(|one| format!("\"{one}\"")).collect::<Vec<_>>().join(", ");
    let roles: Vec<String> = ROLES.iter().map(|(role, who)| format!("{role} = [{}]", people(who))).collect();
    format!(
        "[approvers]\n{}\n[environment.dev]\n[environment.qa]\n[[environment.qa.smoke]]\ncommand = \"true\"\n\
         [environment.prod]\nafter = [\"dev\", \"qa\"]\nafter_rule = \"{rule}\"\nsoak = \"{SOAK_HOURS}h\"\n\
         approvals = [\"qa-lead\", \"manager\"]\n",
        roles.join("\n")
    )
}

/// One step in both worlds.
fn take(step: &Step, world: &mut World, model: &mut Model) {
    model.steps += 1;
    let time = |world: &World, hours: i64| -> OffsetDateTime { world.now + Duration::hours(hours) };
    match *step {
        Step::Comes { rollback, release, environment, content } => {
            let kind = if rollback { EventKind::Rollback } else { EventKind::Deployment };
            world.comes(kind, RELEASES[release], ENVIRONMENTS[environment], &[content]);
            let before = model.runs.get(&environment).map(|(before, ..)| *before);
            if let Some(out) = before.filter(|before| rollback && environment == 2 && *before != release) {
                model.approvals.retain(|(r, e, ..), _| (*r, *e) != (out, 2));
                model.glass.retain(|(r, ..)| *r != out);
            }
            let stays = model.runs.get(&environment).is_some_and(|(r, c, _)| (*r, *c) == (release, content));
            if rollback || !stays {
                model.came.push((model.steps, environment, release, content));
                model.runs.insert(environment, (release, content, model.minute));
            }
        }
        Step::Test { release, environment, outcome } => {
            let (result, verdict) = match outcome {
                0 => (EffectResult::Failed, Some(false)),
                1..=3 => (EffectResult::Unknown, None),
                _ => (EffectResult::Done, Some(true)),
            };
            world.test(RELEASES[release], ENVIRONMENTS[environment], result);
            let Some(passed) = verdict else { return };
            model.tests.push((model.steps, environment, release, passed));
            if !passed {
                model.dead.insert(release);
                if let Some((_, _, since)) = model.runs.get_mut(&environment) {
                    *since = model.minute;
                }
            }
        }
        Step::Approve { release, environment, role, by, content, hours } => {
            let subject = subject(RELEASES[release], ENVIRONMENTS[environment], &[content]);
            let decision =
                Decision { subject: &subject, identity: Identity::Verified, author: None, reason: None };
            let role_name: RoleName = ROLES[role].0.parse().expect("a role");
            world.add(approve(&decision, &role_name, time(world, hours)), PEOPLE[by]);
            model.approvals.insert((release, environment, role, by), (content, model.minute + hours * 60));
        }
        Step::Glass { release, content, by, hours } => {
            let subject = subject(RELEASES[release], "prod", &[content]);
            let decision = Decision {
                subject: &subject,
                identity: Identity::Unverified,
                author: None,
                reason: Some("fire"),
            };
            world.add(break_glass(&decision, time(world, hours)), PEOPLE[by]);
            model.glass.push((release, content, by, model.minute + hours * 60));
        }
        Step::Reject { release, by } => {
            let subject = subject(RELEASES[release], "qa", b"1");
            let decision = Decision {
                subject: &subject,
                identity: Identity::Verified,
                author: None,
                reason: Some("no"),
            };
            world.add(reject(&decision, None), PEOPLE[by]);
            model.dead.insert(release);
        }
        Step::Freeze { environment, hours } => {
            let name = environment.and_then(|one| ENVIRONMENTS[one].parse().ok());
            let until = hours.map(|hours| time(world, hours));
            let draft = freeze(name.as_ref(), None, until, Identity::Verified, "fair");
            let sequence = world.add(draft, "grace").sequence;
            model.freezes.insert(sequence, (environment, hours.map(|hours| model.minute + hours * 60)));
        }
        Step::Unfreeze { which } => {
            let Some(sequence) = model.freezes.keys().nth(which).copied() else { return };
            world.add(unfreeze(None, sequence, Identity::Verified, None), "grace");
            model.freezes.remove(&sequence);
        }
        Step::Wait { minutes } => {
            world.wait(Duration::minutes(minutes));
            model.minute += minutes;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_rule_says_what_the_plain_model_says(steps in proptest::collection::vec(step(), 1..40), any: bool) {
        let text = settings(any);
        let (mut world, mut model) = (World::new(), Model::default());
        for one in &steps {
            take(one, &mut world, &mut model);
            for (release, name) in RELEASES.iter().enumerate() {
                for content in 1..3 {
                    let missing = world.missing(&text, &subject(name, "prod", &[content]));
                    prop_assert_eq!(said(&missing), model.missing(release, content, any), "{} {}", name, content);
                }
            }
        }
    }
}
