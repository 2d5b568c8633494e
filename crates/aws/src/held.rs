//! Keys that are renewed before they end, and once more where they ended early.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, future};
use landfall_artifacts::{Class, Problem};
use landfall_run::{Event, Run, rfc3339};
use time::OffsetDateTime;
use tokio::sync::Mutex;

use crate::AwsKeys;

/// Keys are renewed this long before they end, or when a quarter of their life is left where that is less.
const AHEAD: Duration = Duration::from_secs(300);

/// How long after a renewal that gave nothing the next one is tried.
const PAUSE: Duration = Duration::from_secs(30);

/// What a renewal gives: new keys, or why there are none. Its texts are escaped and without secrets.
pub type Renewed<'a> = Pin<Box<dyn Future<Output = Result<AwsKeys, Problem>> + Send + 'a>>;

/// Where new keys come from when those in hand end.
pub trait KeySource: fmt::Debug + Send + Sync {
    /// Gets keys. It is never called twice at the same time by one holder, and not again after a problem that is not passing.
    fn renew(&self) -> Renewed<'_>;
}

/// The keys of all clients of a run. Cloning is cheap; clones are the same keys.
#[derive(Clone, Debug)]
pub struct HeldKeys {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    is_temporary: bool,
    renewal: Option<(Arc<dyn KeySource>, Run)>,
}

#[derive(Debug)]
struct State {
    keys: AwsKeys,
    renew_at: Option<OffsetDateTime>,
    refused: Option<Refused>,
}

/// A renewal that gave nothing.
#[derive(Debug)]
struct Refused {
    problem: Problem,
    /// When to try again; never, where trying again cannot help.
    again_at: Option<OffsetDateTime>,
}

impl HeldKeys {
    /// Keys that stay as they are.
    pub fn fixed(keys: AwsKeys) -> Self {
        let is_temporary = keys.session_token.is_some();
        let state = State { keys, renew_at: None, refused: None };
        Self { inner: Arc::new(Inner { state: Mutex::new(state), is_temporary, renewal: None }) }
    }

    /// Keys that are renewed from a source: before they end, where it is known when they do, and where a service says that they are
    /// over. One renewal is made at a time, whoever asks; what it gives is taught to the run's redactor.
    pub fn renewed(keys: AwsKeys, source: Arc<dyn KeySource>, run: &Run) -> Self {
        let is_temporary = keys.session_token.is_some();
        let renew_at = due(&keys, run.clock().now());
        let state = State { keys, renew_at, refused: None };
        let renewal = Some((source, run.clone()));
        Self { inner: Arc::new(Inner { state: Mutex::new(state), is_temporary, renewal }) }
    }

    /// Whether the keys can be renewed at all.
    pub fn can_renew(&self) -> bool {
        self.inner.renewal.is_some()
    }

    /// Whether they have a session token. Those of a user have none.
    pub fn is_temporary(&self) -> bool {
        self.inner.is_temporary
    }

    /// The keys to sign the next request with. Where they are about to end they are renewed first; where that fails, the old ones are
    /// given, so that whoever uses them hears from the service when they are over.
    pub async fn current(&self) -> AwsKeys {
        let spent = {
            let state = self.inner.state.lock().await;
            let now = self.inner.renewal.as_ref().map(|(_, run)| run.clock().now());
            if !now.is_some_and(|now| state.is_due(now)) {
                return state.keys.clone();
            }
            state.keys.access_key_id.clone()
        };
        match self.renew(&spent).await {
            Ok(keys) => keys,
            Err(_told) => self.inner.state.lock().await.keys.clone(),
        }
    }

    /// Keys in place of those of an id, which a service said are over. Where others are held already, those.
    ///
    /// # Errors
    /// Why there are none. A problem that is not passing is given to everybody who asks later: nothing is tried again after it.
    pub async fn renew(&self, spent: &str) -> Result<AwsKeys, Problem> {
        let (inner, spent) = (Arc::clone(&self.inner), spent.to_owned());
        // A task of its own: who asked may hang up, and a login must not be cut off half-way, after which the next would make another.
        let task = tokio::spawn(async move { inner.renew(&spent).await });
        task.await.unwrap_or_else(|_| {
            Err(Problem::new("LF-AWS-EXPIRED", Class::Defect, "the renewal of the AWS keys broke off"))
        })
    }
}

impl State {
    fn is_due(&self, now: OffsetDateTime) -> bool {
        let is_near = self.renew_at.is_some_and(|at| at <= now);
        is_near && self.refused.as_ref().is_none_or(|refused| refused.again_at.is_some_and(|at| at <= now))
    }
}

impl Inner {
    async fn renew(&self, spent: &str) -> Result<AwsKeys, Problem> {
        let mut state = self.state.lock().await;
        if state.keys.access_key_id != spent {
            return Ok(state.keys.clone());
        }
        let Some((source, run)) = &self.renewal else {
            return Err(Problem::new("LF-AWS-EXPIRED", Class::Refused, "these AWS keys cannot be renewed")
                .with_remedy("run aws-credentials again, then this stage"));
        };
        if let Some(refused) = &state.refused
            && refused.again_at.is_none_or(|at| run.clock().now() < at)
        {
            return Err(refused.problem.clone());
        }
        let given = source.renew().await;
        let now = run.clock().now();
        let pause = Some(now + PAUSE);
        let refused = match given {
            Ok(keys) if keys.access_key_id != spent => {
                keys.teach(run.redactor());
                let until = keys.expires_at.map_or_else(|| "an unknown time".to_owned(), rfc3339);
                run.progress().event(Event::Note(format!("AWS credentials renewed until {until}")));
                *state = State { renew_at: due(&keys, now), keys, refused: None };
                return Ok(state.keys.clone());
            }
            Ok(_) => Refused {
                problem: Problem::new("LF-AWS-EXPIRED", Class::Refused, "there are no newer AWS keys")
                    .with_remedy("run aws-credentials again, then this stage"),
                again_at: pause,
            },
            Err(problem) => {
                let is_passing = problem.class == Class::Transient;
                let what = format!("the AWS credentials could not be renewed: {}", problem.told());
                run.progress().event(Event::Warning(what));
                Refused { problem, again_at: pause.filter(|_| is_passing) }
            }
        };
        let problem = refused.problem.clone();
        state.refused = Some(refused);
        Err(problem)
    }
}

/// When keys are to be renewed, where it is known when they end.
fn due(keys: &AwsKeys, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let ends = keys.expires_at?;
    let left = keys.time_left(now)?;
    Some(ends - AHEAD.min(left / 4))
}

impl ProvideCredentials for HeldKeys {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            let keys = self.current().await;
            Ok(Credentials::new(
                keys.access_key_id.clone(),
                keys.secret_access_key.expose(),
                keys.session_token.as_ref().map(|token| token.expose().to_owned()),
                // Whether keys are over is for the service to say: an expiry here would make the SDK refuse to send.
                None,
                "landfall",
            ))
        })
    }
}

#[cfg(test)]
mod tests;
