//! Moving one alias, and proving where it leads.

use landfall_artifacts::AliasName;
use landfall_aws::{AwsFailure, FailureKind, Nature};

use crate::alias::Pointing;
use crate::client::On;
use crate::effects::{Ended, recorded};
use crate::{Alias, ApplyOptions, Desired, Error, LambdaClient};

/// How often a move is sent at most.
const SENDINGS: u32 = 3;

/// One function's alias.
#[derive(Clone, Copy)]
pub(crate) struct Mover<'a> {
    pub(crate) client: &'a LambdaClient,
    pub(crate) on: On<'a>,
    pub(crate) options: &'a ApplyOptions,
    pub(crate) desired: &'a Desired,
    pub(crate) name: &'a AliasName,
}

impl Mover<'_> {
    /// Points the alias there, or makes it. An answer that was lost is read back.
    ///
    /// # Errors
    /// What Lambda refuses, and [`Error::AliasChanged`] where somebody else moved it since it was seen.
    pub(crate) async fn point(&self, seen: Option<Alias>, wanted: &Pointing) -> Result<Alias, Ended> {
        if let Some(alias) = seen.as_ref().filter(|alias| alias.points(wanted)) {
            return Ok(alias.clone());
        }
        let action = if seen.is_some() { "UpdateAlias" } else { "CreateAlias" };
        recorded(action, self.desired, None, self.options, self.on.run, self.send(seen, wanted)).await
    }

    /// Removes the alias.
    ///
    /// # Errors
    /// What Lambda refuses.
    pub(crate) async fn remove(&self) -> Result<(), Ended> {
        let remove = async {
            let mut last = None;
            for _ in 0..SENDINGS {
                match self.client.delete_alias(self.on, self.name).await {
                    Ok(()) => return Ok(()),
                    // Removing what is gone changes nothing.
                    Err(failure) if failure.is_unknown() => last = Some(self.unconfirmed(failure)),
                    Err(failure) => return Err(self.refused(failure)),
                }
            }
            Err(last.unwrap_or_else(|| Error::Busy { function: self.desired.function.clone() }))
        };
        recorded("DeleteAlias", self.desired, None, self.options, self.on.run, remove).await
    }

    /// Where the alias points now.
    ///
    /// # Errors
    /// What Lambda refuses.
    pub(crate) async fn look(&self) -> Result<Option<Alias>, Error> {
        self.client.alias(self.on, self.name, Nature::Confirm).await.map_err(|failure| Error::AliasUnread {
            function: self.desired.function.clone(),
            alias: self.name.clone(),
            failure: Box::new(failure),
        })
    }

    /// Proves that what the alias leads to is the code.
    ///
    /// # Errors
    /// [`Error::WrongDigest`], and what cannot be read.
    pub(crate) async fn prove(&self) -> Result<(), Error> {
        let found = self.client.get(self.on, Some(self.name.as_str()), Nature::Confirm).await?;
        let wanted = self.desired.code.digest();
        if found.runs(wanted) {
            return Ok(());
        }
        let runs =
            found.digest().map_or_else(|| "code without a digest".to_owned(), |digest| digest.to_string());
        Err(Error::WrongDigest { function: self.desired.function.clone(), wanted, runs })
    }

    async fn send(&self, mut seen: Option<Alias>, wanted: &Pointing) -> Result<Alias, Error> {
        let mut last = Error::Busy { function: self.desired.function.clone() };
        for _ in 0..SENDINGS {
            let sent = match &seen {
                Some(alias) => self.client.update_alias(self.on, alias, wanted).await,
                None => self.client.create_alias(self.on, self.name, &wanted.version).await,
            };
            let failure = match sent {
                Ok(Some(now)) if now.points(wanted) => return Ok(now),
                Ok(Some(now)) => return Err(self.changed(&now)),
                Ok(None) => return Err(Error::Unreadable { function: self.desired.function.clone() }),
                Err(failure) => failure,
            };
            let may_differ = failure.is_code("ResourceConflictException")
                || failure.is_code("PreconditionFailedException");
            if failure.kind == FailureKind::Stopped || !(failure.is_unknown() || may_differ) {
                return Err(self.refused(failure));
            }
            let now = match self.client.alias(self.on, self.name, Nature::Confirm).await {
                Ok(now) => now,
                Err(unread) if failure.is_unknown() => return Err(self.unconfirmed(unread)),
                Err(unread) => return Err(self.refused(unread)),
            };
            let revision = |alias: &Option<Alias>| alias.as_ref().and_then(|alias| alias.revision_id.clone());
            match now {
                Some(now) if now.points(wanted) => return Ok(now),
                Some(now) if revision(&seen) != now.revision_id => {
                    // Another revision that points where it did is a change of the description, say.
                    if seen.as_ref().is_none_or(|seen| !now.points(&seen.pointing())) {
                        return Err(self.changed(&now));
                    }
                    seen = Some(now);
                }
                // Nothing came of it.
                now => seen = now,
            }
            last = self.refused(failure);
        }
        Err(last)
    }

    fn refused(&self, failure: AwsFailure) -> Error {
        let failure = Box::new(failure);
        Error::AliasRefused { function: self.desired.function.clone(), alias: self.name.clone(), failure }
    }

    fn unconfirmed(&self, failure: AwsFailure) -> Error {
        let failure = Box::new(failure);
        Error::AliasUnconfirmed { function: self.desired.function.clone(), alias: self.name.clone(), failure }
    }

    /// That somebody else moved it.
    pub(crate) fn changed(&self, now: &Alias) -> Error {
        let shares =
            now.weights.iter().map(|(version, share)| format!(", {:.0}% to {version}", share * 100.0));
        let found = format!("{}{}", now.version, shares.collect::<String>());
        Error::AliasChanged { function: self.desired.function.clone(), alias: self.name.clone(), found }
    }
}
