//! Moving a ticket to a status, by whatever steps its workflow asks for.

use landfall_artifacts::TicketKey;
use landfall_run::{Effect, Run};
use landfall_transport::Cap;
use serde_json::json;

use crate::config::same_name;
use crate::exchange::{intend, settle};
use crate::ways::Status;
use crate::wire::{Transition, Transitions};
use crate::{Error, Facts, Jira, Listed, Standing, Step};

/// More steps than any way has that is worth walking.
const MOST_STEPS: usize = 12;

/// How often one step is tried when Jira says that the ticket changed meanwhile, or does not answer.
const TRIES: usize = 2;

/// A site may have many transitions, each with all fields of its screen.
const TRANSITIONS: Cap = Cap::of(8 << 20, "list of transitions");

/// How a ticket moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transitioned {
    /// Its status before, escaped.
    pub from: String,
    /// Its status after, escaped.
    pub to: String,
    /// The transitions that were taken, by name; none where it was there already, or beyond.
    pub taken: Vec<String>,
    /// Where that is to the step.
    pub standing: Standing,
}

impl Jira {
    /// Moves a ticket to the status of a step. Does nothing where it is there already, or further along: it is never pulled back.
    /// `facts` are for fields of screens.
    ///
    /// Each step is chosen anew among what Jira offers: by the status that it leads to, else by its own name; through statuses of
    /// the project's own by the shortest way that the configuration has; else the one that leads furthest along the order of the
    /// steps without passing the target.
    ///
    /// # Errors
    /// [`Error::NoWay`] lists what Jira offers; [`Error::NeedsFields`] where a screen requires what nothing gives;
    /// [`Error::LostWrite`] where it is not known whether a step was taken.
    pub async fn transition(
        &self,
        run: &Run,
        ticket: &TicketKey,
        step: Step,
        facts: &Facts,
    ) -> Result<Transitioned, Error> {
        let statuses = &self.config.statuses;
        let target = statuses.name(step);
        let ways = &self.config.ways;
        let mut status = self.read_status(run, ticket).await?;
        let from = status.name.clone();
        let mut taken = Vec::new();
        let mut tries = 0;
        // Looked at again after every step: somebody may move it on while it is on its way.
        while ways.standing(&status, step, statuses) == Standing::Before {
            let offered = self.offered(run, ticket).await?;
            let chosen = match taken.len() {
                0..MOST_STEPS => ways.choose(&offered, &status.name, step, statuses),
                _ => None,
            };
            let Some(chosen) = chosen else {
                return Err(no_way(ticket, &status.name, target, &offered));
            };
            tries += 1;
            let result = self.take(run, ticket, &status.name, chosen.transition, facts).await;
            let refusal = match result {
                Ok(()) => None,
                // Another may have moved it, or this very request did and its answer was lost: what it shows decides.
                Err(error) if may_have_moved(&error) => Some(error),
                Err(error) => return Err(error),
            };
            let now = match self.read_status(run, ticket).await {
                Ok(now) => now,
                // What was taken, and cannot be read back, is as little known as what was not answered.
                Err(error) => {
                    let doing = format!(
                        "take {ticket} from {} by {}",
                        shown(&status.name),
                        shown(&chosen.transition.name)
                    );
                    return Err(Error::LostWrite { doing, cause: refusal.unwrap_or(error).into() });
                }
            };
            if !same_name(&now.name, &status.name) {
                taken.push(shown(&chosen.transition.name));
                tries = 0;
                status = now;
                if chosen.is_last {
                    break;
                }
                continue;
            }
            if refusal.is_none() || tries >= TRIES {
                let (ticket, transition) = (ticket.to_string(), shown(&chosen.transition.name));
                let unmoved = Error::Unmoved { ticket, status: shown(&status.name), transition };
                return Err(refusal.unwrap_or(unmoved));
            }
        }
        let standing = ways.standing(&status, step, statuses);
        Ok(Transitioned { from: shown(&from), to: shown(&status.name), taken, standing })
    }

    /// The transition that would be taken next towards a step; `None` where the ticket is there or beyond. Nothing is taken, and what
    /// follows is seen only from there.
    ///
    /// # Errors
    /// [`Error::NoWay`] lists what Jira offers; and as any request.
    pub async fn next(&self, run: &Run, ticket: &TicketKey, step: Step) -> Result<Option<Listed>, Error> {
        let (statuses, ways) = (&self.config.statuses, &self.config.ways);
        let status = self.read_status(run, ticket).await?;
        if ways.standing(&status, step, statuses) != Standing::Before {
            return Ok(None);
        }
        let offered = self.offered(run, ticket).await?;
        match ways.choose(&offered, &status.name, step, statuses) {
            Some(chosen) => Ok(Some(chosen.transition.listed())),
            None => Err(no_way(ticket, &status.name, statuses.name(step), &offered)),
        }
    }

    /// The ticket's status, and where that stands to a step.
    ///
    /// # Errors
    /// As any request.
    pub async fn standing(
        &self,
        run: &Run,
        ticket: &TicketKey,
        step: Step,
    ) -> Result<(String, Standing), Error> {
        let status = self.read_status(run, ticket).await?;
        let standing = self.config.ways.standing(&status, step, &self.config.statuses);
        Ok((status.name, standing))
    }

    /// The ticket's status.
    ///
    /// # Errors
    /// As any request.
    pub async fn status(&self, run: &Run, ticket: &TicketKey) -> Result<String, Error> {
        self.read_status(run, ticket).await.map(|status| status.name)
    }

    async fn read_status(&self, run: &Run, ticket: &TicketKey) -> Result<Status, Error> {
        let issue = self.issue(run, ticket.as_str(), "status").await?;
        let lacking = || Error::Lacking { doing: format!("read {ticket}"), what: "the status" };
        issue.status().ok_or_else(lacking)
    }

    async fn offered(&self, run: &Run, ticket: &TicketKey) -> Result<Vec<Transition>, Error> {
        let doing = format!("list the transitions of {ticket}");
        let path = format!("/rest/api/3/issue/{ticket}/transitions");
        let request = self.site.get(&path).query("expand", "transitions.fields");
        let answer = self.ask(run, request, TRANSITIONS, &doing).await?;
        let list: Transitions = answer.json().map_err(|cause| Error::Http { doing, cause: cause.into() })?;
        Ok(list.transitions)
    }

    async fn take(
        &self,
        run: &Run,
        ticket: &TicketKey,
        status: &str,
        chosen: &Transition,
        facts: &Facts,
    ) -> Result<(), Error> {
        let mut body = json!({ "transition": { "id": chosen.id } });
        if let Some(fields) = self.config.screens.fill(ticket, chosen, &self.config.statuses, facts)? {
            body["fields"] = fields;
        }
        let (name, to) = (shown(&chosen.name), shown(&chosen.to.name));
        let doing = format!("take {ticket} from {} to {to} by {name}", shown(status));
        let effect = Effect {
            action: "transition ticket".to_owned(),
            target: format!("{ticket}: {} -> {to}", shown(status)),
            environment: None,
            release: None,
            details: Vec::new(),
            items: Vec::new(),
        };
        let intent = intend(run, effect, &doing).await?;
        let path = format!("/rest/api/3/issue/{ticket}/transitions");
        let request = self.writing(run, ticket.as_str()).post_json(&path, &body).never_repeated();
        let result = self.ask(run, request, Cap::JSON, &doing).await.map(drop);
        settle(run, intent, &result).await;
        result
    }
}

impl Transition {
    fn listed(&self) -> Listed {
        Listed { name: shown(&self.name), to: shown(&self.to.name) }
    }
}

fn no_way(ticket: &TicketKey, from: &str, target: &str, offered: &[Transition]) -> Error {
    Error::NoWay {
        ticket: ticket.to_string(),
        from: shown(from),
        target: shown(target),
        transitions: offered.iter().map(Transition::listed).collect(),
    }
}

fn may_have_moved(error: &Error) -> bool {
    error.leaves_unknown() || matches!(error, Error::Refused { status: 400 | 409, .. })
}

fn shown(text: &str) -> String {
    landfall_secret::escape(text.trim(), 120)
}
