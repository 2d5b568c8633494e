//! One exchange with Jira: sending, judging the status, and the journal around writes.

use std::time::Duration;

use landfall_artifacts::Problem;
use landfall_run::{Effect, EffectOutcome, Event, Intent, Run};
use landfall_transport::{Answer, Cap, Request};

use crate::wire::ErrorCollection;
use crate::{Error, Jira};

/// Messages of an error that are shown.
const MOST_MESSAGES: usize = 10;

/// Longest message of an error, in characters.
const LONGEST_MESSAGE: usize = 300;

impl Jira {
    /// Sends a request and gives the answer where its status is a success.
    pub(crate) async fn ask(
        &self,
        run: &Run,
        request: Request,
        cap: Cap,
        doing: &str,
    ) -> Result<Answer, Error> {
        let doing = doing.to_owned();
        let answer = match request.never_a_page().send(run, cap).await {
            Ok(answer) => answer,
            Err(cause) => return Err(Error::Http { doing, cause: cause.into() }),
        };
        let status = answer.status().as_u16();
        let kind = answer.header("content-type").and_then(|kind| kind.split(';').next()).unwrap_or_default();
        match status {
            // A proxy's login page is no success, whatever its status says.
            200..=299 if kind.trim().eq_ignore_ascii_case("text/html") => {
                Err(Error::Lacking { doing, what: "JSON: a page for people came instead" })
            }
            200..=299 => Ok(answer),
            401 => Err(Error::Unauthorized { origin: self.site.origin().to_string(), doing }),
            403 => Err(Error::Forbidden { doing, said: said(&answer, run) }),
            404 => Err(Error::NotFound { doing, said: said(&answer, run) }),
            429 => {
                let reason = answer.header("ratelimit-reason").map(|text| landfall_secret::escape(text, 80));
                Err(Error::Throttled { doing, reason })
            }
            408 | 425 | 499 | 500..=599 => Err(Error::Down { doing, status }),
            _ => Err(Error::Refused { doing, status, said: said(&answer, run) }),
        }
    }
}

/// What an answer says. Several operations document empty bodies, and gateways send HTML.
fn said(answer: &Answer, run: &Run) -> String {
    let Ok(collection) = answer.json::<ErrorCollection>() else {
        let excerpt = answer.excerpt(LONGEST_MESSAGE);
        return if excerpt.is_empty() { "nothing more".to_owned() } else { excerpt };
    };
    told(&collection, run)
}

/// What a collection of errors says.
pub(crate) fn told(collection: &ErrorCollection, run: &Run) -> String {
    // Redacted before it is cut or escaped: half a secret is not recognized.
    let clean = |text: &str, max| landfall_secret::escape(&run.redactor().redact(text), max);
    let plain = collection.error_messages.iter().map(|text| clean(text, LONGEST_MESSAGE));
    let fields = collection.errors.iter().map(|(field, text)| {
        let text = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
        format!("{}: {}", clean(field, 80), clean(&text, LONGEST_MESSAGE))
    });
    let mut all: Vec<String> = plain.chain(fields).take(MOST_MESSAGES + 1).collect();
    if all.len() > MOST_MESSAGES {
        all.truncate(MOST_MESSAGES);
        all.push("…".to_owned());
    }
    if all.is_empty() { "nothing more".to_owned() } else { all.join("; ") }
}

/// Records that something is about to be written. Nothing is after a stop.
pub(crate) async fn intend(run: &Run, effect: Effect, doing: &str) -> Result<Intent, Error> {
    if run.stop().requested().is_some() {
        return Err(Error::Stopped { doing: doing.to_owned() });
    }
    run.journal().intend(effect).await.map_err(|cause| Error::Journal { doing: doing.to_owned(), cause })
}

/// Records how a write ended. That this could not be recorded costs evidence and not safety: it is a warning.
pub(crate) async fn settle<T>(run: &Run, intent: Intent, result: &Result<T, Error>) {
    let told = |error: &Error| run.redactor().redact(&Problem::of(error).told());
    let outcome = match result {
        Ok(_) => EffectOutcome::Done,
        Err(error) if error.leaves_unknown() => EffectOutcome::Unknown(told(error)),
        Err(error) => EffectOutcome::Failed(told(error)),
    };
    let what = format!("{} {}", intent.effect.action, intent.effect.target);
    if let Err(error) = run.journal().outcome(intent, outcome).await {
        run.progress().event(Event::Warning(format!("the outcome of {what} is not recorded: {error}")));
    }
}

/// Waits, unless the run is asked to stop or its deadline would pass meanwhile.
pub(crate) async fn pause(run: &Run, pause: Duration, next: &str) -> Result<(), Error> {
    let stopped = || Err(Error::Stopped { doing: next.to_owned() });
    if run.stop().requested().is_some() || run.time_left().is_some_and(|left| left <= pause) {
        return stopped();
    }
    tokio::select! {
        () = run.clock().sleep(pause) => Ok(()),
        () = run.stop().wait() => stopped(),
    }
}
