//! Who of several runs does what is to be done once: turns, each a property of an issue.
//!
//! Jira has no compare-and-set. It has two things: a `PUT` of a property that is not there is answered 201 and of one that is there
//! 200 (API page of "Set issue property"), and properties are read from the database, not from the search index. So a turn is a
//! property that is taken once and never free again: whoever is answered 201 has it. Where its holder says that it gave up, or what it was taken
//! for does not come about within its lease, the holder is gone, and the next turn is free, which is a property of its own: of all
//! who wait for it one alone is answered 201 again.
//!
//! What that does not rule out: a holder that lives and takes longer than the lease, two runs of which each is answered 201, clocks that
//! differ by more than the lease. So whoever has a turn looks once more whether the thing is there, and tickets are settled by their numbers.

use std::time::Duration;

use landfall_run::{Effect, Event, Run};
use landfall_transport::{Cap, Method};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::exchange::{intend, pause, settle};
use crate::{Error, Jira};

/// Turns after which nobody waits any more: so many holders have died.
const MOST_TURNS: u32 = 20;

#[derive(Deserialize)]
struct Property {
    #[serde(default)]
    value: Value,
}

/// The turns at one thing, as one run waits for its own.
#[derive(Debug)]
pub(crate) struct Turns {
    /// The issue that has the properties.
    issue: String,
    /// What the properties are called, without their number.
    name: String,
    /// What is waited for, for the reader.
    what: String,
    /// What taking a turn is called in the journal; none where it goes with another write.
    action: Option<&'static str>,
    number: u32,
    is_held: bool,
    /// How long the holder of this turn is still waited for; `None` where nobody was seen yet.
    left: Option<Duration>,
    waited: usize,
}

impl Turns {
    /// Turns at `what`, held as properties `name.1` and so on of an issue.
    pub(crate) fn new(issue: &str, name: String, what: String, action: Option<&'static str>) -> Self {
        Self { issue: issue.to_owned(), name, what, action, number: 1, is_held: false, left: None, waited: 0 }
    }

    /// Whether others had a turn before.
    pub(crate) fn is_passed_on(&self) -> bool {
        self.number > 1
    }

    fn path(&self) -> String {
        format!("/rest/api/3/issue/{}/properties/{}.{}", self.issue, self.name, self.number)
    }

    /// The next turn: the holder of this one is gone.
    fn pass(&mut self) {
        self.number += 1;
        self.left = None;
    }
}

impl Jira {
    /// How long the holder of a turn is waited for: twice as long as the index, which it may have to wait for itself.
    pub(crate) fn lease(&self) -> Duration {
        self.config.pauses.patience.iter().sum::<Duration>() * 2
    }

    /// Whether it is this run's turn. Where it is another's this has waited a while, and the caller looks for what is waited for.
    pub(crate) async fn turn(&self, run: &Run, turns: &mut Turns) -> Result<bool, Error> {
        while turns.number <= MOST_TURNS {
            let free_in = match self.taken(run, turns).await? {
                Some(age) => self.lease().saturating_sub(age),
                None if self.take_turn(run, turns).await? => {
                    turns.is_held = true;
                    return Ok(true);
                }
                // Somebody else was answered 201 between the two.
                None => self.lease(),
            };
            let left = turns.left.map_or(free_in, |left| left.min(free_in));
            if left.is_zero() {
                turns.pass();
                continue;
            }
            if turns.waited == 0 {
                let text = format!("another pipeline is at {}: waiting for it", turns.what);
                run.progress().event(Event::Note(text));
            }
            let pauses = &self.config.pauses.patience;
            let next = pauses.get(turns.waited).or(pauses.last()).copied().unwrap_or(left).min(left);
            pause(run, next, &format!("wait for {}", turns.what)).await?;
            turns.waited += 1;
            turns.left = Some(left.saturating_sub(next));
            return Ok(false);
        }
        Ok(true)
    }

    /// Lets others go on at once: what the turn was taken for is known not to have been done. That this may fail costs them time.
    pub(crate) async fn give_up(&self, run: &Run, turns: &Turns) {
        // A turn of somebody else's is not ours to give up: an account that may not edit adds its comment without one.
        if !turns.is_held {
            return;
        }
        let value = json!({ "schema": 1, "gone": true });
        let request = self.writing(run, &turns.issue).request(Method::PUT, &turns.path()).json(&value);
        let _ = self.ask(run, request, Cap::JSON, "give up a turn").await;
    }

    /// How long ago the turn was taken; `None` where nobody has it.
    async fn taken(&self, run: &Run, turns: &Turns) -> Result<Option<Duration>, Error> {
        let doing = format!("read who is at {}", turns.what);
        let answer = match self.ask(run, self.site.get(&turns.path()), Cap::JSON, &doing).await {
            Ok(answer) => answer,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let property: Property = answer.json().map_err(|cause| Error::Http { doing, cause: cause.into() })?;
        if property.value.get("gone").and_then(Value::as_bool) == Some(true) {
            return Ok(Some(Duration::MAX));
        }
        let at = property.value.get("at").and_then(Value::as_i64);
        let age = at.map(|at| run.clock().now().unix_timestamp().saturating_sub(at));
        // A clock that is ahead of ours, or none: as if it was taken just now.
        Ok(Some(Duration::from_secs(age.and_then(|age| u64::try_from(age).ok()).unwrap_or_default())))
    }

    /// Takes the turn. Says whether nobody had it before.
    async fn take_turn(&self, run: &Run, turns: &Turns) -> Result<bool, Error> {
        let doing = format!("take the turn at {}", turns.what);
        let effect = |action: &'static str| Effect {
            action: action.to_owned(),
            target: format!("{} {}.{}", turns.issue, turns.name, turns.number),
            environment: None,
            release: None,
            details: Vec::new(),
            items: Vec::new(),
        };
        let intent = match turns.action {
            Some(action) => Some(intend(run, effect(action), &doing).await?),
            None => None,
        };
        let value = json!({ "schema": 1, "at": run.clock().now().unix_timestamp() });
        let request = self.writing(run, &turns.issue).request(Method::PUT, &turns.path()).json(&value);
        // A first answer that was lost looks like another's turn: it is waited for, and the next one is taken.
        let result =
            self.ask(run, request, Cap::JSON, &doing).await.map(|answer| answer.status().as_u16() == 201);
        if let Some(intent) = intent {
            settle(run, intent, &result).await;
        }
        result
    }
}
