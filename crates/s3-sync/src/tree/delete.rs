//! Deleting exactly the objects that were planned, a thousand with one request, each only where it is still the one that was listed.

use aws_sdk_s3::operation::delete_objects::DeleteObjectsOutput;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use futures_util::StreamExt as _;
use landfall_aws::{AwsFailure, Call, FailureKind, Nature, Service, call};
use landfall_run::{Hint, Run};

use super::delete_answer::{Said, can_stand_in_xml, said};
use super::etag::Etag;
use super::join::Extra;
use super::{Tree, TreeError};

/// Keys of one request (S3 API reference, "DeleteObjects").
const MOST_KEYS: usize = 1000;

/// Objects that are looked at or deleted one by one at a time.
const AT_ONCE: usize = 16;

/// How often keys are tried again whose error passes.
const TRIES: u32 = 4;

impl Tree {
    /// Deletes objects, in their order; the answers are in that order too. The first batch with a failure is the last one.
    ///
    /// Each is [`TreeError::Changed`] where it is another object than was listed, [`TreeError::NotDeleted`] where S3 says so,
    /// [`TreeError::Unconfirmed`] where nobody can say, [`TreeError::Stopped`] where its turn did not come.
    pub(crate) async fn delete(&self, extras: &[Extra], run: &Run) -> Vec<Result<(), TreeError>> {
        // What XML cannot write has a request of its own.
        let (mut batched, mut single): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
        for (number, extra) in extras.iter().enumerate() {
            let fits = can_stand_in_xml(&extra.name) && can_stand_in_xml(self.address().prefix());
            if fits { batched.push(number) } else { single.push(number) }
        }
        let mut results: Vec<Option<Result<(), TreeError>>> = extras.iter().map(|_| None).collect();
        let mut set = |number: usize, result| {
            if let Some(slot) = results.get_mut(number) {
                *slot = Some(result);
            }
        };
        let mut is_well = true;
        for batch in batched.chunks(MOST_KEYS) {
            if !is_well || run.stop().requested().is_some() {
                break;
            }
            let objects: Vec<&Extra> = batch.iter().filter_map(|number| extras.get(*number)).collect();
            for (number, result) in batch.iter().zip(self.delete_batch(&objects, run).await) {
                is_well &= result.is_ok();
                set(*number, result);
            }
        }
        for number in single {
            let Some(extra) = extras.get(number) else { continue };
            if !is_well || run.stop().requested().is_some() {
                break;
            }
            let result = self.delete_one(extra, run).await;
            is_well &= result.is_ok();
            set(number, result);
        }
        let stopped = |extra: &Extra| TreeError::Stopped { address: self.address().shown(&extra.name) };
        results
            .into_iter()
            .zip(extras)
            .map(|(result, extra)| result.unwrap_or_else(|| Err(stopped(extra))))
            .collect()
    }

    /// One request for many keys, and again for those of them whose error passes.
    async fn delete_batch(&self, objects: &[&Extra], run: &Run) -> Vec<Result<(), TreeError>> {
        let mut results: Vec<Option<Result<(), TreeError>>> = objects.iter().map(|_| None).collect();
        let mut left: Vec<usize> = (0..objects.len()).collect();
        for attempt in 1..=TRIES {
            let now: Vec<&Extra> = left.iter().filter_map(|at| objects.get(*at).copied()).collect();
            let keys: Vec<String> = now.iter().map(|extra| self.address().key(&extra.name)).collect();
            let said = match self.send_deletes(&now, &keys, run).await {
                Ok(answer) => said(&answer, &keys),
                Err(failure) if is_unknown(&failure) => vec![Said::Nothing; now.len()],
                Err(failure) => {
                    let (text, is_passing) = (failure.to_string(), failure.is_retryable());
                    let mut first = Some(failure);
                    for at in &left {
                        let name = objects.get(*at).map_or("", |extra| &*extra.name);
                        let address = self.address().shown(name);
                        // The failure is one, and told whole of the first key.
                        let error = match first.take() {
                            Some(failure) => self.failed("cannot delete", name, failure),
                            None => TreeError::NotDeleted { address, said: text.clone(), is_passing },
                        };
                        if let Some(slot) = results.get_mut(*at) {
                            *slot = Some(Err(error));
                        }
                    }
                    break;
                }
            };
            let unclear: Vec<usize> = left
                .iter()
                .zip(&said)
                .filter(|(_, said)| matches!(said, Said::NotThatOne | Said::Nothing))
                .map(|(at, _)| *at)
                .collect();
            let looks: Vec<_> = unclear
                .iter()
                .filter_map(|at| objects.get(*at))
                .map(|extra| self.after_delete(extra, run))
                .collect();
            let looked: Vec<_> = futures_util::stream::iter(looks).buffered(AT_ONCE).collect().await;
            let mut looked = unclear.into_iter().zip(looked).collect::<std::collections::BTreeMap<_, _>>();
            let mut rest = Vec::new();
            for (at, said) in left.into_iter().zip(said) {
                let address = || self.address().shown(objects.get(at).map_or("", |extra| &*extra.name));
                let is_last = attempt == TRIES;
                let result = match (said, looked.remove(&at)) {
                    (Said::Deleted, _) | (_, Some(Ok(After::Gone))) => Ok(()),
                    (Said::Refused(said), _) => {
                        Err(TreeError::NotDeleted { address: address(), said, is_passing: false })
                    }
                    (Said::Again(said), _) if is_last => {
                        Err(TreeError::NotDeleted { address: address(), said, is_passing: true })
                    }
                    (Said::Again(_), _) => {
                        rest.push(at);
                        continue;
                    }
                    (_, Some(Ok(After::Another))) => Err(TreeError::Changed {
                        address: address(),
                        what: "it is another one than was listed",
                    }),
                    (_, Some(Ok(After::Same))) if !is_last => {
                        rest.push(at);
                        continue;
                    }
                    (_, Some(Ok(After::Same))) => {
                        let said = "S3 said nothing of it".to_owned();
                        Err(TreeError::NotDeleted { address: address(), said, is_passing: true })
                    }
                    (_, Some(Err(cause))) => Err(unconfirmed(address(), cause)),
                    (Said::NotThatOne | Said::Nothing, None) => {
                        let said = "S3 said nothing of it".to_owned();
                        Err(TreeError::NotDeleted { address: address(), said, is_passing: true })
                    }
                };
                if let Some(slot) = results.get_mut(at) {
                    *slot = Some(result);
                }
            }
            if rest.is_empty() {
                break;
            }
            left = rest;
            run.counters().retry();
            let pause = std::time::Duration::from_millis(50 << attempt);
            tokio::select! {
                () = run.clock().sleep(pause) => {}
                () = run.stop().wait() => break,
            }
        }
        let stopped = |extra: &Extra| TreeError::Stopped { address: self.address().shown(&extra.name) };
        results
            .into_iter()
            .zip(objects)
            .map(|(result, extra)| result.unwrap_or_else(|| Err(stopped(extra))))
            .collect()
    }

    async fn send_deletes(
        &self,
        objects: &[&Extra],
        keys: &[String],
        run: &Run,
    ) -> Result<DeleteObjectsOutput, AwsFailure> {
        let what = Call {
            service: Service::S3,
            operation: "DeleteObjects",
            nature: Nature::Write,
            limiter: Some(&self.writes),
        };
        let identifier = |(extra, key): (&&Extra, &String)| {
            let etag = extra.listed.etag.text();
            ObjectIdentifier::builder().key(key).set_e_tag(etag).build().ok()
        };
        let identifiers: Vec<_> = objects.iter().zip(keys).filter_map(identifier).collect();
        call(run, what, || async {
            let delete = Delete::builder().set_objects(Some(identifiers.clone())).build();
            let delete = delete.map_err(aws_sdk_s3::error::SdkError::construction_failure)?;
            self.sdk
                .delete_objects()
                .bucket(self.address().bucket().as_str())
                .delete(delete)
                .set_expected_bucket_owner(self.owner())
                .send()
                .await
        })
        .await
    }

    /// One object by a request of its own.
    async fn delete_one(&self, extra: &Extra, run: &Run) -> Result<(), TreeError> {
        let again = |error: &TreeError| match error {
            TreeError::Unconfirmed { .. } if extra.listed.etag != Etag::Missing => Hint::Again,
            TreeError::Call { failure, .. } if failure.is_code("ConditionalRequestConflict") => Hint::Again,
            _ => Hint::Stop,
        };
        run.retry("s3.DeleteObject", again, || self.try_to_delete(extra, run)).await
    }

    async fn try_to_delete(&self, extra: &Extra, run: &Run) -> Result<(), TreeError> {
        let what = Call {
            service: Service::S3,
            operation: "DeleteObject",
            nature: Nature::Write,
            limiter: Some(&self.writes),
        };
        let request = || {
            self.sdk
                .delete_object()
                .bucket(self.address().bucket().as_str())
                .key(self.address().key(&extra.name))
                .set_if_match(extra.listed.etag.condition())
                .set_expected_bucket_owner(self.owner())
                .send()
        };
        let Err(failure) = call(run, what, request).await else { return Ok(()) };
        let is_condition = matches!(failure.status, Some(404 | 412)) && !failure.is_code("NoSuchBucket");
        if !is_condition && !is_unknown(&failure) {
            return Err(self.failed("cannot delete", &extra.name, failure));
        }
        let address = self.address().shown(&extra.name);
        match self.after_delete(extra, run).await {
            Ok(After::Gone) => Ok(()),
            Ok(After::Another) => {
                Err(TreeError::Changed { address, what: "it is another one than was listed" })
            }
            Ok(After::Same) => Err(unconfirmed(address, self.failed("cannot delete", &extra.name, failure))),
            Err(cause) => Err(unconfirmed(address, cause)),
        }
    }

    /// What stands at a key of which no deletion was confirmed.
    async fn after_delete(&self, extra: &Extra, run: &Run) -> Result<After, TreeError> {
        let seen = self.look(&extra.name, Nature::Confirm, &run.to_its_end()).await?;
        Ok(match (seen, &extra.listed.etag) {
            (None, _) => After::Gone,
            // Without an ETag nobody can say whether it is the same: it is not deleted once more.
            (Some(_), Etag::Missing) => After::Another,
            (Some(seen), etag) if seen.listed.etag == *etag => After::Same,
            (Some(_), _) => After::Another,
        })
    }
}

/// What a key shows after a deletion that was not confirmed.
enum After {
    Gone,
    Same,
    Another,
}

/// Whether a request may have been carried out.
fn is_unknown(failure: &AwsFailure) -> bool {
    matches!(failure.kind, FailureKind::Unanswered | FailureKind::Server | FailureKind::Answer)
}

fn unconfirmed(address: String, cause: TreeError) -> TreeError {
    TreeError::Unconfirmed { address, done: "deleted", cause: Box::new(cause) }
}
