//! `landfall ledger unlock`: takes an environment from a run that is gone.

use std::future::Future;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::pin::Pin;

use landfall_artifacts::{Class, EnvironmentName, Problem, Shard};
use landfall_cli::Opt;
use landfall_ledger::view::Moment;
use landfall_ledger::{Error, Lock};
use landfall_stages::{Finished, Item, Outcome, Refusal};
use time::OffsetDateTime;

use super::words::minute;
use crate::{Context, Effects};

/// The command.
#[derive(Debug)]
pub(super) struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall ledger unlock";
    const SUMMARY: &'static str = "Take an environment from a run that is gone and did not give it back";
    const EFFECTS: Effects = Effects::Recorded;

    fn options() -> Vec<Opt> {
        vec![
            Opt::positional("held", "ENVIRONMENT", "the environment that is held"),
            Opt::value("part", "I/N", "of an environment that is held in parts, the part that is gone"),
            Opt::value("reason", "TEXT", "how it is known that the run is gone; recorded"),
            Opt::switch("yes", "do not ask; needed where there is no terminal to ask at"),
        ]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let environment: Option<EnvironmentName> = values.required_parsed("held");
            let reason = values.text("reason").filter(|reason| !reason.trim().is_empty());
            if reason.is_none() {
                let remedy = "say by --reason how it is known that the run is gone".to_owned();
                values.problem("LF-CONFIG-MISSING", "the reason is missing", Some(remedy));
            }
            let (yes, part) = (values.is_on("yes"), values.parsed("part"));
            values.finish().map_err(Refusal)?;
            let (Some(environment), Some(reason)) = (environment, reason) else {
                return Err(Refusal(Vec::new()));
            };
            let lock = one_of(context.ledger.locks_of(&environment).await?, part, &environment)?;
            let told = told(&lock, context.run().clock().now());
            let mut finished = Finished { lines: vec![told.clone()], ..Finished::default() };
            if context.output().is_dry_run() {
                finished.items.push(Item::new(environment.to_string(), "planned"));
                finished.summary = format!("{environment} would be unlocked");
                return Ok(finished);
            }
            if !yes && !asked(&told).await? {
                finished.summary = format!("{environment} stays locked");
                return Ok(finished);
            }
            let head = context.ledger.unlock(&lock, &reason).await?;
            finished.items.push(
                Item::new(environment.to_string(), "unlocked")
                    .changed()
                    .with("fence", lock.fence)
                    .with("record", head.sequence),
            );
            finished.summary = format!("{environment} is unlocked: record {}", head.sequence);
            Ok(finished)
        })
    }
}

/// The lock that is meant: the only one, or that of the part that was named.
///
/// # Errors
/// [`Error::NotHeld`] where there is no such lock; `LF-LEDGER-UNLOCK` where there are several and no part was named.
fn one_of(mut locks: Vec<Lock>, part: Option<Shard>, environment: &EnvironmentName) -> Result<Lock, Refusal> {
    if let Some(part) = part {
        locks.retain(|lock| lock.part.as_ref().is_some_and(|held| held.shard == part));
    }
    if let [one, other, ..] = locks.as_slice() {
        let named = |lock: &Lock| lock.part.as_ref().map(|part| part.shard.to_string()).unwrap_or_default();
        let what = format!(
            "{environment} is held in {} parts: {}",
            locks.len(),
            locks.iter().map(|lock| lock.holder.as_str()).collect::<Vec<_>>().join("; ")
        );
        return Err(Refusal::one(Problem::new("LF-LEDGER-UNLOCK", Class::Input, what).with_remedy(format!(
            "name the part whose run is gone, such as --part {} or --part {}",
            named(one),
            named(other)
        ))));
    }
    locks.pop().ok_or_else(|| Error::NotHeld { environment: environment.to_string() }.into())
}

/// Who holds it, since when, and whether that is over by time.
fn told(lock: &Lock, now: OffsetDateTime) -> String {
    let end = if lock.is_over(now) { "its time was over at" } else { "unless renewed it ends at" };
    format!(
        "{} is held by {} since {} (record {}); {end} {}",
        lock.environment,
        lock.holder,
        minute(Moment(lock.since)),
        lock.fence,
        minute(Moment(lock.expires)),
    )
}

/// Whether the person at the terminal says yes; anything but `y` or `yes` is no.
///
/// # Errors
/// `LF-LEDGER-UNLOCK` where nobody sits there.
async fn asked(told: &str) -> Result<bool, Refusal> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        let what = format!("{told}; nobody can be asked whether that run is gone");
        return Err(Refusal::one(
            Problem::new("LF-LEDGER-UNLOCK", Class::Input, what)
                .with_remedy("look at that run; where it is gone, say so by --yes"),
        ));
    }
    let question = format!("{told}\nIs that run gone, and is the environment to be unlocked? [y/N] ");
    let answer = tokio::task::spawn_blocking(move || {
        let mut stderr = std::io::stderr();
        let mut line = String::new();
        // What cannot be asked or read is no yes.
        let _ = stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush());
        let _ = std::io::stdin().lock().read_line(&mut line);
        line
    });
    let answer = answer.await.unwrap_or_default();
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::Digest;
    use landfall_ledger::{Lock, Part};
    use time::macros::datetime;

    use super::{one_of, told};

    fn lock() -> Lock {
        Lock {
            environment: "stg_eu00".parse().expect("a name"),
            fence: 41,
            holder: "deploy-lambda of ada, https://ci.example.com/jobs/7".to_owned(),
            stage: None,
            release: None,
            part: None,
            run: None,
            since: datetime!(2026-02-04 09:00:00 UTC),
            expires: datetime!(2026-02-04 09:30:00 UTC),
            took_over: None,
        }
    }

    fn of_part(shard: &str) -> Lock {
        let part = Part { shard: shard.parse().expect("a part"), work: Digest::of(b"") };
        Lock { holder: format!("deploy-lambda of ada, part {shard}"), part: Some(part), ..lock() }
    }

    #[test]
    fn of_several_parts_one_is_to_be_named() {
        let environment = lock().environment;
        let held = || ["1/4", "3/4"].map(of_part).to_vec();
        let refused = one_of(held(), None, &environment).expect_err("two");
        insta::assert_snapshot!(
            format!("{}\n{}", refused.0[0].what, refused.0[0].remedy.as_deref().unwrap_or_default()),
            @r"
        stg_eu00 is held in 2 parts: deploy-lambda of ada, part 1/4; deploy-lambda of ada, part 3/4
        name the part whose run is gone, such as --part 1/4 or --part 3/4
        "
        );
        let named = one_of(held(), "3/4".parse().ok(), &environment).expect("one");
        assert_eq!(named, of_part("3/4"));
        for (locks, part) in [(held(), "2/4"), (vec![lock()], "1/4"), (Vec::new(), "1/4")] {
            let refused = one_of(locks, part.parse().ok(), &environment).expect_err("none of that part");
            assert_eq!(refused.0[0].code, "LF-LEDGER-NOT-HELD", "{part}");
        }
        assert_eq!(one_of(vec![lock()], None, &environment).expect("the only one"), lock());
    }

    #[test]
    fn who_holds_it_and_whether_it_is_over_is_said() {
        let lock = lock();
        insta::assert_snapshot!(
            told(&lock, datetime!(2026-02-04 09:10:00 UTC)),
            @"stg_eu00 is held by deploy-lambda of ada, https://ci.example.com/jobs/7 since 2026-02-04 09:00 (record 41); unless renewed it ends at 2026-02-04 09:30"
        );
        insta::assert_snapshot!(
            told(&lock, datetime!(2026-02-04 11:00:00 UTC)),
            @"stg_eu00 is held by deploy-lambda of ada, https://ci.example.com/jobs/7 since 2026-02-04 09:00 (record 41); its time was over at 2026-02-04 09:30"
        );
    }
}
