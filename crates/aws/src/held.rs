//! Keys that are renewed before they end, and once more where they ended early.

mod margin;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, future};
use landfall_artifacts::{Class, Problem};
use landfall_run::{Event, Run, rfc3339};
use time::OffsetDateTime;

pub use self::margin::Readers;
use self::margin::pause;
use crate::{AwsKeys, KeyCheck};

/// Keys that end so soon are not handed out while others are on their way.
const LAST: Duration = Duration::from_secs(5);

/// How long a renewal under way is waited for at the end of a run.
const SETTLING: Duration = Duration::from_secs(30);

/// Code of the problem that a source gives the keys that are held already.
const NO_NEWER: &str = "LF-AWS-EXPIRED";

/// Why there are no new keys. The problem's texts are escaped and without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotRenewed {
    /// What went wrong.
    pub problem: Problem,
    /// Whether the same may give keys a little later. Where not, nothing is tried again.
    pub is_passing: bool,
}

impl From<Problem> for NotRenewed {
    /// A fault that passes by its class; what a stop cut off says nothing of the keys.
    fn from(problem: Problem) -> Self {
        let is_passing = matches!(problem.class, Class::Transient | Class::Interrupted);
        Self { problem, is_passing }
    }
}

/// What a renewal gives: new keys, or why there are none.
pub type Renewed<'a> = Pin<Box<dyn Future<Output = Result<AwsKeys, NotRenewed>> + Send + 'a>>;

/// Where new keys come from when those in hand end.
pub trait KeySource: fmt::Debug + Send + Sync {
    /// Gets keys. It is never called twice at the same time by one holder, and not again after a problem that is not passing.
    fn renew(&self) -> Renewed<'_>;
}

/// How keys are renewed.
#[derive(Clone, Debug)]
pub struct Renewing {
    source: Arc<dyn KeySource>,
    check: Option<KeyCheck>,
    readers: Readers,
}

impl Renewing {
    /// From a source, for the requests of this process. Whose the new keys are is not asked.
    pub fn by(source: Arc<dyn KeySource>) -> Self {
        Self { source, check: None, readers: Readers::Requests }
    }

    /// The same, with new keys held against account and role before anybody gets them.
    pub fn checked(self, check: KeyCheck) -> Self {
        Self { check: Some(check), ..self }
    }

    /// The same, for other programs, which keep what they are given for a while.
    pub fn for_programs(self) -> Self {
        Self { readers: Readers::Programs, ..self }
    }
}

/// The keys of all clients of a run. Cloning is cheap; clones are the same keys.
#[derive(Clone, Debug)]
pub struct HeldKeys {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Never held over a request.
    state: Mutex<State>,
    /// Held by the one renewal that is under way.
    turn: Arc<tokio::sync::Mutex<()>>,
    is_temporary: bool,
    renewal: Option<(Renewing, Run)>,
}

#[derive(Debug)]
struct State {
    keys: AwsKeys,
    renew_at: Option<OffsetDateTime>,
    refused: Option<Refused>,
    /// New keys, of which it could not be found out yet whose they are: no other login is made for that.
    unproven: Option<AwsKeys>,
}

/// A renewal that gave nothing.
#[derive(Debug)]
struct Refused {
    problem: Problem,
    /// When to try again; never, where trying again cannot help.
    again_at: Option<OffsetDateTime>,
    /// How many there were in a row.
    tries: u32,
}

impl HeldKeys {
    /// Keys that stay as they are.
    pub fn fixed(keys: AwsKeys) -> Self {
        Self::of(keys, None, None)
    }

    /// Keys that are renewed: before they end, where it is known when they do, and where a service says that they are over. One renewal
    /// is made at a time, whoever asks; what it gives is taught to the run's redactor.
    pub fn renewed(keys: AwsKeys, renewing: Renewing, run: &Run) -> Self {
        let renew_at = renewing.readers.due(&keys, run.clock().now());
        Self::of(keys, renew_at, Some((renewing, run.clone())))
    }

    fn of(keys: AwsKeys, renew_at: Option<OffsetDateTime>, renewal: Option<(Renewing, Run)>) -> Self {
        let is_temporary = keys.session_token.is_some();
        let state = Mutex::new(State { keys, renew_at, refused: None, unproven: None });
        Self { inner: Arc::new(Inner { state, turn: Arc::default(), is_temporary, renewal }) }
    }

    /// Whether the keys can be renewed at all.
    pub fn can_renew(&self) -> bool {
        self.inner.renewal.is_some()
    }

    /// Whether they have a session token. Those of a user have none.
    pub fn is_temporary(&self) -> bool {
        self.inner.is_temporary
    }

    /// The keys as they are, good or not. Nothing is renewed.
    pub fn held(&self) -> AwsKeys {
        self.inner.lock().keys.clone()
    }

    /// The keys to sign the next request with. Where they are to be renewed, that is begun, and the old ones are given as long as they are
    /// good. Where they are over, the renewal is waited for; where it fails, the old ones are given, so that whoever uses them hears
    /// from the service that they are over.
    pub async fn current(&self) -> AwsKeys {
        let Some((_, run)) = &self.inner.renewal else { return self.held() };
        let now = run.clock().now();
        let (keys, is_due) = {
            let state = self.inner.lock();
            (state.keys.clone(), state.is_due(now))
        };
        if !is_due {
            return keys;
        }
        if keys.time_left(now).is_some_and(|left| left > LAST) {
            self.begin(&keys.access_key_id);
            return keys;
        }
        self.renew(&keys.access_key_id).await.unwrap_or_else(|_told| self.held())
    }

    /// Renews in the background, unless that is done already.
    fn begin(&self, spent: &str) {
        let Ok(turn) = Arc::clone(&self.inner.turn).try_lock_owned() else { return };
        let (inner, spent) = (Arc::clone(&self.inner), spent.to_owned());
        tokio::spawn(async move {
            // What went wrong is kept and told.
            let _ = inner.in_turn(&spent).await;
            drop(turn);
        });
    }

    /// Keys in place of those of an id, which a service said are over. Where others are held already, those.
    ///
    /// # Errors
    /// Why there are none. A problem that is not passing is given to everybody who asks later: nothing is tried again after it.
    pub async fn renew(&self, spent: &str) -> Result<AwsKeys, NotRenewed> {
        let (inner, spent) = (Arc::clone(&self.inner), spent.to_owned());
        // A task of its own: who asked may hang up, and a login must not be cut off half-way, after which the next would make another.
        let task = tokio::spawn(async move {
            let _turn = inner.turn.lock().await;
            inner.in_turn(&spent).await
        });
        task.await.unwrap_or_else(|_| {
            Err(Problem::new("LF-AWS-EXPIRED", Class::Defect, "the renewal of the AWS keys broke off").into())
        })
    }

    /// Renews the keys whenever it is time, though nobody asks: for readers that come late. Ends where they are not to be renewed any more.
    pub async fn keep_fresh(&self) {
        let Some((_, run)) = &self.inner.renewal else { return };
        loop {
            let next = {
                let state = self.inner.lock();
                match &state.refused {
                    Some(refused) => refused.again_at,
                    None => state.renew_at,
                }
            };
            let Some(next) = next else { return };
            let wait = Duration::try_from(next - run.clock().now()).unwrap_or_default();
            if wait.is_zero() {
                let spent = self.held().access_key_id;
                // What went wrong is kept and told.
                let _ = self.renew(&spent).await;
            }
            // The clock knows whole seconds.
            run.clock().sleep(wait.max(Duration::from_secs(1))).await;
        }
    }

    /// Waits, for half a minute at most, until no renewal is under way: a login that is cut off leaves a token alive.
    pub async fn settled(&self) {
        let _ = tokio::time::timeout(SETTLING, self.inner.turn.lock()).await;
    }
}

impl State {
    fn is_due(&self, now: OffsetDateTime) -> bool {
        let is_near = self.renew_at.is_some_and(|at| at <= now);
        is_near && self.refused.as_ref().is_none_or(|refused| refused.is_over(now))
    }
}

impl Refused {
    fn is_over(&self, now: OffsetDateTime) -> bool {
        self.again_at.is_some_and(|at| at <= now)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One renewal, by whoever has the turn.
    async fn in_turn(&self, spent: &str) -> Result<AwsKeys, NotRenewed> {
        let Some((renewing, run)) = &self.renewal else {
            return Err(Problem::new("LF-AWS-EXPIRED", Class::Refused, "these AWS keys cannot be renewed")
                .with_remedy("run aws-credentials again, then this stage")
                .into());
        };
        let unproven = {
            let mut state = self.lock();
            if state.keys.access_key_id != spent {
                return Ok(state.keys.clone());
            }
            let now = run.clock().now();
            if let Some(refused) = state.refused.as_ref().filter(|refused| !refused.is_over(now)) {
                let is_passing = refused.again_at.is_some();
                return Err(NotRenewed { problem: refused.problem.clone(), is_passing });
            }
            state.unproven.take().filter(|keys| keys.time_left(now).is_none_or(|left| left > LAST))
        };
        let given = self.new_keys(spent, unproven, renewing, run).await;
        let now = run.clock().now();
        let mut state = self.lock();
        match given {
            Ok(keys) => {
                let until = keys.expires_at.map_or_else(|| "an unknown time".to_owned(), rfc3339);
                run.progress().event(Event::Note(format!("AWS credentials renewed until {until}")));
                let renew_at = renewing.readers.due(&keys, now);
                *state = State { renew_at, keys, refused: None, unproven: None };
                Ok(state.keys.clone())
            }
            Err(NotRenewed { problem, is_passing }) => {
                // That there are no newer ones yet is nothing to warn of: the call that needs some says so.
                if problem.code != NO_NEWER {
                    let what = format!("the AWS credentials could not be renewed: {}", problem.told());
                    run.progress().event(Event::Warning(what));
                }
                let tries = state.refused.as_ref().map_or(0, |refused| refused.tries);
                let pause = pause(tries, state.keys.time_left(now));
                let again_at = is_passing.then_some(now + pause);
                state.refused = Some(Refused { problem: problem.clone(), again_at, tries: tries + 1 });
                Err(NotRenewed { problem, is_passing })
            }
        }
    }

    /// Keys of the source, or those that it gave before, once it is known whose they are.
    async fn new_keys(
        &self,
        spent: &str,
        unproven: Option<AwsKeys>,
        renewing: &Renewing,
        run: &Run,
    ) -> Result<AwsKeys, NotRenewed> {
        let keys = match unproven {
            Some(keys) => keys,
            None => renewing.source.renew().await?,
        };
        if keys.access_key_id == spent {
            let problem = Problem::new(NO_NEWER, Class::Refused, "there are no newer AWS keys")
                .with_remedy("run aws-credentials again, then this stage");
            return Err(NotRenewed { problem, is_passing: true });
        }
        keys.teach(run.redactor());
        let Some(check) = &renewing.check else { return Ok(keys) };
        match check.check(&keys, run).await.map_err(NotRenewed::from) {
            Ok(()) => Ok(keys),
            Err(refused) => {
                if refused.is_passing {
                    self.lock().unproven = Some(keys);
                }
                Err(refused)
            }
        }
    }
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
