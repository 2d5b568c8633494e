//! Moving a ticket to a status, by whatever steps its workflow asks for.

use landfall_artifacts::TicketKey;
use landfall_run::{Effect, Run};
use landfall_transport::Cap;
use serde_json::{Value, json};

use crate::config::same_name;
use crate::exchange::{intend, settle};
use crate::wire::{Transition, Transitions};
use crate::{Error, Jira, Listed, Step};

/// More steps than any way along the configured order has.
const MOST_STEPS: usize = 8;

/// How often one step is tried when Jira says that the ticket changed meanwhile, or does not answer.
const TRIES: usize = 2;

/// How a ticket moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transitioned {
    /// Its status before, escaped.
    pub from: String,
    /// Its status after, escaped.
    pub to: String,
    /// The transitions that were taken, by name; none where it was there already.
    pub taken: Vec<String>,
}

impl Jira {
    /// Moves a ticket to the status of a step. Does nothing where it is there already.
    ///
    /// A transition is chosen by the status that it leads to, else by its own name. Where none leads there, the one that
    /// leads furthest along the configured order without passing the target is taken, and so on from there.
    ///
    /// # Errors
    /// [`Error::NoWay`] lists what Jira offers; [`Error::NeedsFields`] where a screen stands in the way.
    pub async fn transition(&self, run: &Run, ticket: &TicketKey, step: Step) -> Result<Transitioned, Error> {
        let target = self.config.statuses.name(step);
        let from = self.status(run, ticket).await?;
        let mut status = from.clone();
        let mut taken = Vec::new();
        let mut tries = 0;
        while !same_name(&status, target) {
            let offered = self.offered(run, ticket).await?;
            let chosen = if taken.len() < MOST_STEPS { self.choose(&offered, &status, step) } else { None };
            let Some(chosen) = chosen else {
                return Err(Error::NoWay {
                    ticket: ticket.to_string(),
                    from: shown(&status),
                    target: shown(target),
                    transitions: offered.iter().map(Transition::listed).collect(),
                });
            };
            tries += 1;
            let result = self.take(run, ticket, &status, chosen).await;
            let refusal = match result {
                Ok(()) => None,
                // Another may have moved it, or this very request did and its answer was lost: what it shows decides.
                Err(error) if may_have_moved(&error) => Some(error),
                Err(error) => return Err(error),
            };
            let now = self.status(run, ticket).await?;
            if !same_name(&now, &status) {
                taken.push(shown(&chosen.name));
                tries = 0;
            } else if refusal.is_none() || tries >= TRIES {
                let (ticket, transition) = (ticket.to_string(), shown(&chosen.name));
                let unmoved = Error::Unmoved { ticket, status: shown(&status), transition };
                return Err(refusal.unwrap_or(unmoved));
            }
            status = now;
        }
        Ok(Transitioned { from: shown(&from), to: shown(&status), taken })
    }

    /// The ticket's status.
    ///
    /// # Errors
    /// As any request.
    pub async fn status(&self, run: &Run, ticket: &TicketKey) -> Result<String, Error> {
        let issue = self.issue(run, ticket.as_str(), "status").await?;
        let lacking = || Error::Lacking { doing: format!("read {ticket}"), what: "the status" };
        issue.status().map(str::to_owned).ok_or_else(lacking)
    }

    async fn offered(&self, run: &Run, ticket: &TicketKey) -> Result<Vec<Transition>, Error> {
        let doing = format!("list the transitions of {ticket}");
        let path = format!("/rest/api/3/issue/{ticket}/transitions");
        let request = self.site.get(&path).query("expand", "transitions.fields");
        let answer = self.ask(run, request, Cap::JSON, &doing).await?;
        let list: Transitions = answer.json().map_err(|cause| Error::Http { doing, cause: cause.into() })?;
        Ok(list.transitions)
    }

    fn choose<'t>(&self, offered: &'t [Transition], status: &str, step: Step) -> Option<&'t Transition> {
        let leading_to = |wanted: Step| {
            let name = self.config.statuses.name(wanted);
            best(offered, |transition| same_name(&transition.to.name, name))
                .or_else(|| best(offered, |transition| same_name(&transition.name, name)))
        };
        let at = self.config.statuses.step(status);
        leading_to(step).or_else(|| {
            let between = Step::ALL.into_iter().rev();
            between.filter(|other| *other < step && at.is_none_or(|at| *other > at)).find_map(leading_to)
        })
    }

    async fn take(
        &self,
        run: &Run,
        ticket: &TicketKey,
        status: &str,
        chosen: &Transition,
    ) -> Result<(), Error> {
        let mut body = json!({ "transition": { "id": chosen.id } });
        if let Some(fields) = screen_fields(ticket, chosen)? {
            body["fields"] = fields;
        }
        let (name, to) = (shown(&chosen.name), shown(&chosen.to.name));
        let doing = format!("take {ticket} from {} to {to} by {name}", shown(status));
        let effect = Effect {
            action: "transition ticket".to_owned(),
            target: format!("{ticket}: {} -> {to}", shown(status)),
            environment: None,
            release: None,
            items: Vec::new(),
        };
        let intent = intend(run, effect, &doing).await?;
        let request =
            self.site.post_json(&format!("/rest/api/3/issue/{ticket}/transitions"), &body).never_repeated();
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

/// The one that is available and shows no screen, else the first available.
fn best(offered: &[Transition], fits: impl Fn(&Transition) -> bool) -> Option<&Transition> {
    let usable = || offered.iter().filter(|transition| transition.is_available && fits(transition));
    usable().find(|transition| !transition.has_screen).or_else(|| usable().next())
}

/// What the transition's screen requires and we can answer: the resolution. Fields may be sent only where there is a screen.
fn screen_fields(ticket: &TicketKey, chosen: &Transition) -> Result<Option<Value>, Error> {
    let required: Vec<_> =
        chosen.fields.iter().filter(|(_, field)| field.required && !field.has_default_value).collect();
    let mut fields = serde_json::Map::new();
    let mut missing = Vec::new();
    for (id, field) in required {
        let named = |value: &Value| value.get("name").and_then(Value::as_str).map(str::to_owned);
        let names: Vec<String> = field.allowed_values.iter().filter_map(named).collect();
        let done = names.iter().find(|name| same_name(name, "Done")).or_else(|| names.first());
        match done.filter(|_| id == "resolution" && chosen.has_screen) {
            Some(name) => drop(fields.insert(id.clone(), json!({ "name": name }))),
            None => missing.push(shown(if field.name.is_empty() { id } else { &field.name })),
        }
    }
    if !missing.is_empty() {
        let (ticket, transition) = (ticket.to_string(), shown(&chosen.name));
        return Err(Error::NeedsFields { ticket, transition, fields: missing });
    }
    Ok((!fields.is_empty()).then_some(Value::Object(fields)))
}

fn may_have_moved(error: &Error) -> bool {
    error.leaves_unknown() || matches!(error, Error::Refused { status: 400 | 409, .. })
}

fn shown(text: &str) -> String {
    landfall_secret::escape(text.trim(), 120)
}
