//! Who may decide what, and what is recorded of it.

use std::time::Duration;

use landfall_artifacts::{
    Class, EnvironmentName, LedgerEvent, PersonName, Problem, RoleName, Settings, UnverifiedApprovals,
    one_each,
};
use landfall_ledger::gate::{
    self, Decision, Freeze, Identity, Missing, Standing, Subject, standing, standing_freezes,
};
use landfall_ledger::{Draft, Ledger, life};
use serde_json::Value;
use time::OffsetDateTime;

use super::{Approve, Config, Person, author};
use crate::{Finished, Item, Outcome, Output, Refusal};

/// How long a broken glass stays open where nothing is said.
const GLASS: Duration = Duration::from_secs(4 * 3600);

/// A decision that is to be recorded, or that stands already.
pub(super) struct Decided {
    /// What it is, in words.
    name: String,
    /// `None` where it stands already.
    draft: Option<Draft>,
}

/// The decisions by which people let a release come: one a person, each for a role of its own.
pub(super) fn approve(
    config: &Config,
    approve: &Approve,
    people: &[Person],
    subject: &Subject,
    events: &[LedgerEvent],
    now: OffsetDateTime,
) -> Result<Vec<Decided>, Refusal> {
    let standing = standing(events, &config.settings, subject, now);
    let mut problems: Vec<Problem> = standing
        .missing
        .iter()
        .filter(|missing| matches!(missing, Missing::Dead(_)))
        .map(|missing| Problem::of(missing))
        .collect();
    if let Some(plan) = approve.plan.filter(|plan| *plan != subject.plan) {
        let what = format!("the plan is {}, and {} was looked at", subject.plan.short(), plan.short());
        problems.push(
            Problem::new("LF-GATE-PLAN", Class::Refused, what)
                .with_remedy("look at what is to come by gate check, then approve that"),
        );
    }
    let row = config.settings.environments.get(&subject.environment);
    let longest = row.map_or(
        landfall_artifacts::EnvironmentSettings::USUAL_APPROVAL,
        landfall_artifacts::EnvironmentSettings::approval_expires,
    );
    if approve.expires.is_some_and(|expires| expires > longest) {
        let what = format!(
            "an approval for {} holds {} hours at most",
            subject.environment,
            longest.as_secs() / 3600
        );
        problems.push(
            Problem::new("LF-GATE-EXPIRES", Class::Refused, what)
                .with_remedy("give a shorter --expires, or raise approval_expires in landfall.toml"),
        );
    }
    if people.is_empty() {
        problems.push(nobody());
    }
    problems.extend(
        people.iter().filter_map(|person| unverified(&config.settings, Some(&subject.environment), person)),
    );
    let author = standing.author.as_deref();
    let drafted = if approve.break_glass {
        let lasts = approve.expires.unwrap_or(GLASS.min(longest));
        people.iter().map(|person| glass(config, approve, person, subject, author, now + lasts)).collect()
    } else {
        let lasts = approve.expires.unwrap_or(longest);
        match roles(config, approve, people, &subject.environment, &standing) {
            Ok(roles) => people
                .iter()
                .zip(roles)
                .map(|(person, role)| Ok(by_role(approve, person, &role, subject, &standing, now + lasts)))
                .collect(),
            Err(more) => more.into_iter().map(Err).collect::<Vec<_>>(),
        }
    };
    let mut decided = Vec::new();
    for one in drafted {
        match one {
            Ok(one) => decided.push(one),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(decided) } else { Err(Refusal(problems)) }
}

fn by_role(
    approve: &Approve,
    person: &Person,
    role: &RoleName,
    subject: &Subject,
    standing: &Standing,
    expires: OffsetDateTime,
) -> Decided {
    let name = format!("approval by {} as {role}", landfall_secret::escape(&person.actor.name, 120));
    let stands = standing.given.iter().any(|(given, approval)| {
        given == role && approval.by.name.to_lowercase() == person.actor.name.to_lowercase()
    });
    let decision = Decision {
        subject,
        identity: person.identity,
        author: standing.author.as_deref(),
        reason: approve.reason.as_deref().or(person.comment.as_deref()),
    };
    let draft = by(person, gate::approve(&decision, role, expires));
    Decided { name, draft: (!stands).then_some(draft) }
}

fn glass(
    config: &Config,
    approve: &Approve,
    person: &Person,
    subject: &Subject,
    author: Option<&str>,
    expires: OffsetDateTime,
) -> Result<Decided, Problem> {
    let reason = approve.reason.as_deref().filter(|reason| !reason.trim().is_empty());
    let Some(reason) = reason else {
        return Err(Problem::new(
            "LF-CONFIG-MISSING",
            Class::Input,
            "the glass is broken for a reason, and none was given",
        )
        .with_remedy("say why by --reason"));
    };
    may_decide(&config.settings, person)?;
    let decision = Decision { subject, identity: person.identity, author, reason: Some(reason) };
    let name = format!("glass broken by {}", landfall_secret::escape(&person.actor.name, 120));
    Ok(Decided { name, draft: Some(by(person, gate::break_glass(&decision, expires))) })
}

/// The role that each person speaks for.
fn roles(
    config: &Config,
    approve: &Approve,
    people: &[Person],
    environment: &EnvironmentName,
    standing: &Standing,
) -> Result<Vec<RoleName>, Vec<Problem>> {
    let row = config.settings.environments.get(environment);
    let wanted: Vec<RoleName> = row.map(|row| row.approvals.clone()).unwrap_or_default();
    let is_waiting = |role: &RoleName| {
        standing
            .missing
            .iter()
            .any(|one| matches!(one, Missing::Approval { role: other, .. } if other == role))
    };
    let mut problems = Vec::new();
    let mut candidates: Vec<Vec<RoleName>> = Vec::new();
    for person in people {
        let name = &person.actor.name;
        let shown = landfall_secret::escape(name, 120);
        if standing.makers.iter().any(|maker| maker.to_lowercase() == name.to_lowercase()) {
            let what = format!("{shown} made the release, and may not approve it");
            problems.push(
                Problem::new("LF-GATE-AUTHOR", Class::Refused, what)
                    .with_remedy("let somebody else approve it"),
            );
            continue;
        }
        let may: Vec<RoleName> = wanted
            .iter()
            .filter(|role| approve.role.as_ref().is_none_or(|asked| asked == *role))
            .filter(|role| speaks_for(&config.settings, role, name))
            .cloned()
            .collect();
        if may.is_empty() {
            problems.push(no_role(&shown, environment, approve.role.as_ref(), &config.settings, &wanted));
        }
        // A role that still waits for somebody goes before one that has been filled.
        let waiting: Vec<RoleName> = may.iter().filter(|role| is_waiting(role)).cloned().collect();
        let of_person = if waiting.is_empty() { may } else { waiting };
        if people.len() == 1 && of_person.len() > 1 {
            let roles: Vec<&str> = of_person.iter().map(RoleName::as_str).collect();
            let what =
                format!("{shown} may speak for {}, and one person fills one role", roles.join(" and "));
            problems.push(
                Problem::new("LF-GATE-ROLE", Class::Input, what).with_remedy("say for which by --role"),
            );
        }
        candidates.push(of_person);
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let filled = one_each(&candidates);
    Ok(filled
        .into_iter()
        .zip(candidates)
        .filter_map(|(role, all)| role.or_else(|| all.first().cloned()))
        .collect())
}

fn speaks_for(settings: &Settings, role: &RoleName, name: &str) -> bool {
    settings.approvers.get(role).is_some_and(|people| people.iter().any(|person| person.is(name)))
}

fn no_role(
    shown: &str,
    environment: &EnvironmentName,
    asked: Option<&RoleName>,
    settings: &Settings,
    wanted: &[RoleName],
) -> Problem {
    if wanted.is_empty() {
        let what = format!("{environment} asks for no approval");
        return Problem::new("LF-GATE-ROLE", Class::Input, what)
            .with_remedy("name roles in its `approvals` in landfall.toml, or leave the approval out");
    }
    let what = match asked {
        Some(role) => format!("{shown} may not speak for {role} in {environment}"),
        None => format!("{shown} may speak for no role that {environment} asks for"),
    };
    let people = |role: &RoleName| -> Vec<&str> {
        let people = settings.approvers.get(role).map(Vec::as_slice).unwrap_or_default();
        people.iter().map(PersonName::as_str).collect()
    };
    let roles: Vec<String> =
        wanted.iter().map(|role| format!("{role}: {}", people(role).join(", "))).collect();
    Problem::new("LF-GATE-SPEAKER", Class::Refused, what)
        .with_remedy(format!("let one of them decide: {}", roles.join("; ")))
}

/// Why the word of a person opens nothing there: no CI system vouches for them, and the environment, or one of all where none is named, takes
/// no such word.
fn unverified(
    settings: &Settings,
    environment: Option<&EnvironmentName>,
    person: &Person,
) -> Option<Problem> {
    let refuses = |name: &EnvironmentName| {
        let row = settings.environments.get(name);
        row.is_some_and(|row| row.unverified_approvals() == UnverifiedApprovals::Refuse)
    };
    let place = match environment {
        Some(name) => Some(name).filter(|name| refuses(name)),
        None => settings.environments.keys().find(|name| refuses(name)),
    };
    let place = place.filter(|_| person.identity == Identity::Unverified)?;
    let name = landfall_secret::escape(&person.actor.name, 120);
    let what = format!("nobody vouches for {name}: {place} takes no word that stands in variables alone");
    Some(Problem::new("LF-GATE-UNVERIFIED", Class::Refused, what).with_remedy(
        "in GitLab let the job have id_tokens: LANDFALL_ID_TOKEN: aud: landfall; on GitHub let reviewers of the environment approve \
         the run; or set unverified_approvals = \"count\" for the environment in landfall.toml",
    ))
}

/// Whether a person may reject, freeze, or break the glass: one of the people of any role, where there are roles.
fn may_decide(settings: &Settings, person: &Person) -> Result<(), Problem> {
    let mut people = settings.approvers.values().flatten().peekable();
    if people.peek().is_none() || people.any(|one| one.is(&person.actor.name)) {
        return Ok(());
    }
    let what =
        format!("{} is none of the people of [approvers]", landfall_secret::escape(&person.actor.name, 120));
    Err(Problem::new("LF-GATE-SPEAKER", Class::Refused, what)
        .with_remedy("let somebody of [approvers] decide it"))
}

fn nobody() -> Problem {
    Problem::new("LF-GATE-NOBODY", Class::Refused, "nobody has approved this run of the workflow")
        .with_remedy(
            "give the job's environment required reviewers, or start the workflow by workflow_dispatch",
        )
}

/// Who of those who may decides: the first.
fn decider<'a>(config: &Config, people: &'a [Person]) -> Result<&'a Person, Refusal> {
    let mut problems = Vec::new();
    for person in people {
        match may_decide(&config.settings, person) {
            Ok(()) => return Ok(person),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        problems.push(nobody());
    }
    Err(Refusal(problems))
}

/// The decision that stops a release.
pub(super) fn reject(
    config: &Config,
    people: &[Person],
    subject: &Subject,
    events: &[LedgerEvent],
    reason: &str,
) -> Result<Vec<Decided>, Refusal> {
    let person = decider(config, people)?;
    let name = format!("rejection by {}", landfall_secret::escape(&person.actor.name, 120));
    if life::death(events, &subject.release).is_some() {
        return Ok(vec![Decided { name, draft: None }]);
    }
    let author = author(config, subject, events, OffsetDateTime::UNIX_EPOCH);
    let decision =
        Decision { subject, identity: person.identity, author: author.as_deref(), reason: Some(reason) };
    Ok(vec![Decided { name, draft: Some(by(person, gate::reject(&decision, None))) }])
}

/// The decision that freezes an environment, or all.
pub(super) fn freeze(
    config: &Config,
    people: &[Person],
    environment: Option<&EnvironmentName>,
    window: (Option<OffsetDateTime>, Option<OffsetDateTime>),
    reason: &str,
    now: OffsetDateTime,
) -> Result<Vec<Decided>, Refusal> {
    let person = decider(config, people)?;
    let (from, until) = window;
    if until.is_some_and(|until| until <= from.unwrap_or(now)) {
        return Err(Refusal::one(
            Problem::new("LF-CONFIG", Class::Input, "the freeze would end before it begins")
                .with_remedy("give an --until after --from and after now"),
        ));
    }
    let place = environment.map_or_else(|| "all environments".to_owned(), ToString::to_string);
    let name = format!("freeze of {place} by {}", landfall_secret::escape(&person.actor.name, 120));
    let draft = by(person, gate::freeze(environment, from, until, person.identity, reason));
    Ok(vec![Decided { name, draft: Some(draft) }])
}

/// The decisions that end what people froze in an environment, or with `None` in all at once. What is of all is not ended from one
/// of them, nor what is of another.
pub(super) fn unfreeze(
    config: &Config,
    people: &[Person],
    environment: Option<&EnvironmentName>,
    sequence: Option<u64>,
    reason: Option<&str>,
    events: &[LedgerEvent],
    now: OffsetDateTime,
) -> Result<Vec<Decided>, Refusal> {
    let person = decider(config, people)?;
    if let Some(problem) = unverified(&config.settings, environment, person) {
        return Err(Refusal::one(problem));
    }
    let standing = standing_freezes(events, now);
    let is_ours = |freeze: &&Freeze| freeze.environment.as_ref() == environment;
    let ended: Vec<u64> = match sequence {
        None => {
            let open = standing.iter().filter(|freeze| is_ours(freeze) && freeze.holds(now));
            open.map(|freeze| freeze.sequence).collect()
        }
        Some(asked) if standing.iter().filter(is_ours).any(|freeze| freeze.sequence == asked) => vec![asked],
        Some(asked) => return Err(Refusal::one(no_freeze(asked, environment, &standing))),
    };
    Ok(ended
        .into_iter()
        .map(|sequence| Decided {
            name: format!("end of freeze {sequence} by {}", landfall_secret::escape(&person.actor.name, 120)),
            draft: Some(by(person, gate::unfreeze(environment, sequence, person.identity, reason))),
        })
        .collect())
}

/// A record that is none of the freezes that can be ended here.
fn no_freeze(asked: u64, environment: Option<&EnvironmentName>, standing: &[Freeze]) -> Problem {
    let place = |environment: Option<&EnvironmentName>| {
        environment.map_or_else(|| "all environments".to_owned(), ToString::to_string)
    };
    let what = format!("record {asked} is no freeze of {} that stands", place(environment));
    // What is of another environment alone does not help here.
    let near = |freeze: &&Freeze| freeze.environment.is_none() || freeze.environment.as_ref() == environment;
    let shown = |freeze: &Freeze| {
        let by = landfall_secret::escape(&freeze.by.name, 120);
        let everywhere = if freeze.environment.is_none() { ", with --everywhere" } else { "" };
        format!("{} of {} by {by}{everywhere}", freeze.sequence, place(freeze.environment.as_ref()))
    };
    let listed: Vec<String> = standing.iter().filter(near).map(shown).collect();
    let remedy = match listed.as_slice() {
        [] => "nothing that people froze stands there: leave --freeze out".to_owned(),
        listed => format!("name one that stands: {}", listed.join("; ")),
    };
    Problem::new("LF-GATE-FREEZE", Class::Input, what).with_remedy(remedy)
}

/// What of all environments still freezes one after a decision for that one.
pub(super) fn still_frozen(
    environment: &EnvironmentName,
    events: &[LedgerEvent],
    now: OffsetDateTime,
) -> Vec<String> {
    let shown = |freeze: Freeze| {
        let by = landfall_secret::escape(&freeze.by.name, 120);
        format!(
            "freeze {} of all environments by {by} holds in {environment} too; gate unfreeze --everywhere ends it",
            freeze.sequence
        )
    };
    let standing = standing_freezes(events, now).into_iter();
    standing.filter(|freeze| freeze.environment.is_none() && freeze.holds(now)).map(shown).collect()
}

fn by(person: &Person, draft: Draft) -> Draft {
    Draft { actor: Some(person.actor.clone()), ..draft }
}

/// Records decisions, and tells what was recorded.
pub(super) async fn record(
    decided: Vec<Decided>,
    subject: Option<&Subject>,
    ledger: &Ledger,
    output: &Output,
) -> Outcome {
    let mut finished =
        Finished { release: subject.map(|subject| subject.release.clone()), ..Finished::default() };
    let (mut recorded, mut standing) = (0, 0);
    for Decided { name, draft } in decided {
        let Some(draft) = draft else {
            standing += 1;
            finished.lines.push(format!("{name} stands already"));
            finished.items.push(Item::new(name, "unchanged"));
            continue;
        };
        let identity = draft.details.get("identity").and_then(Value::as_str).unwrap_or_default().to_owned();
        if identity == "unverified" {
            finished.warnings.push(format!(
                "{name}: who that is stands in variables that a job can set; an id token, or GitHub's approvals, would prove it"
            ));
        }
        if output.is_dry_run() {
            finished.lines.push(format!("{name} would be recorded"));
            finished.items.push(Item::new(name, "planned").with("identity", identity));
            continue;
        }
        match ledger.append(draft).await {
            Ok(head) => {
                recorded += 1;
                finished.lines.push(format!("{name}: ledger record {}", head.sequence));
                let item = Item::new(name, "recorded").changed();
                finished.items.push(item.with("identity", identity).with("sequence", head.sequence));
            }
            Err(error) => {
                finished.items.push(Item::new(name, "failed").failed(Problem::of(&error)));
            }
        }
    }
    let about = subject.map(|subject| {
        format!(", release {} to {}, plan {}", subject.release, subject.environment, subject.plan.short())
    });
    finished.summary = match (recorded, standing) {
        (0, 0) => "nothing to record".to_owned(),
        (0, _) => "nothing new to record".to_owned(),
        (recorded, _) => format!("{recorded} recorded"),
    } + &about.unwrap_or_default();
    Ok(finished)
}
