//! Which blobs the target repositories have already, by as few questions as can be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use landfall_artifacts::{Digest, Repository, Version};
use landfall_run::Run;
use tokio::sync::{OnceCell, Semaphore};

use super::choose::Chosen;
use super::registries::Registries;
use super::targets::Target;

/// Blobs, each in a repository.
pub(super) type Present = BTreeSet<(Repository, Digest)>;

/// An image that is to be in a target repository, and may have been there under another tag or none.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) target: &'a Target,
    pub(super) chosen: &'a Chosen,
}

impl Wish<'_> {
    fn repository(&self) -> &Repository {
        self.target.reference.repository()
    }
}

/// Looks for the blobs of all images: at ECR a hundred a call; elsewhere one by one and each once, `limit` requests at a time. What
/// cannot be looked at counts as not there.
pub(super) async fn look(wishes: &[Wish<'_>], registries: &Registries, limit: usize, run: &Run) -> Present {
    let mut by_repository: BTreeMap<&Repository, BTreeMap<Digest, Wish<'_>>> = BTreeMap::new();
    for wish in wishes {
        by_repository.entry(wish.repository()).or_default().insert(wish.chosen.manifest.digest, *wish);
    }
    let questions = Questions {
        free: Semaphore::new(limit.max(1)),
        answers: Mutex::default(),
        present: Mutex::default(),
        run,
    };
    let looking = by_repository.iter().map(|(repository, wishes)| async {
        let digests: BTreeSet<Digest> = wishes.values().flat_map(|wish| digests(wish)).collect();
        match available(repository, &digests, registries, run).await {
            Some(there) => questions.found(repository, there),
            None => {
                join_all(wishes.values().map(|wish| questions.image(wish))).await;
            }
        }
    });
    join_all(looking).await;
    questions.present.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn digests<'a>(wish: &Wish<'a>) -> impl Iterator<Item = Digest> + 'a {
    wish.chosen.blobs.iter().map(|blob| blob.digest)
}

/// Whether a blob is there, once that is known.
type Answer = Arc<OnceCell<bool>>;

/// What is asked of registries that have no better way.
struct Questions<'a> {
    free: Semaphore,
    /// Each is asked by the first who wants to know.
    answers: Mutex<BTreeMap<(Repository, Digest), Answer>>,
    present: Mutex<Present>,
    run: &'a Run,
}

impl Questions<'_> {
    /// The configuration first, which is an image's own: where it is, the whole image may be, and is asked for; where that is there,
    /// so are all its blobs.
    async fn image(&self, wish: &Wish<'_>) {
        let may_be_there = match wish.chosen.manifest.kind.image() {
            Some(image) => self.blob(wish, image.config.digest).await,
            None => true,
        };
        if may_be_there && self.manifest(wish).await {
            self.found(wish.repository(), digests(wish));
            return;
        }
        join_all(digests(wish).map(|digest| self.blob(wish, digest))).await;
    }

    async fn blob(&self, wish: &Wish<'_>, digest: Digest) -> bool {
        let key = (wish.repository().clone(), digest);
        let answer = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(answers.entry(key).or_default())
        };
        let ask = || async {
            let Ok(_free) = self.free.acquire().await else { return false };
            let target = wish.target;
            let there = target.registry.has_blob(target.path(), digest, self.run).await.unwrap_or(false);
            if there {
                self.found(wish.repository(), [digest]);
            }
            there
        };
        *answer.get_or_init(ask).await
    }

    async fn manifest(&self, wish: &Wish<'_>) -> bool {
        let Ok(_free) = self.free.acquire().await else { return false };
        let version = Version::Digest(wish.chosen.manifest.digest);
        let found = wish.target.registry.head_manifest(wish.target.path(), &version, self.run).await;
        found.is_ok_and(|digest| digest.is_some())
    }

    fn found(&self, repository: &Repository, digests: impl IntoIterator<Item = Digest>) {
        let found = digests.into_iter().map(|digest| (repository.clone(), digest));
        self.present.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
    }
}

/// By ECR's own API; `None` where there is none for the registry, or the role may not use it.
#[cfg(feature = "ecr")]
async fn available(
    repository: &Repository,
    digests: &BTreeSet<Digest>,
    registries: &Registries,
    run: &Run,
) -> Option<BTreeSet<Digest>> {
    let client = registries.ecr(repository.host())?;
    let digests: Vec<Digest> = digests.iter().copied().collect();
    client.available_layers(repository.path(), &digests, run).await.ok()
}

#[cfg(not(feature = "ecr"))]
#[expect(clippy::unused_async, reason = "it is the same question")]
async fn available(
    _: &Repository,
    _: &BTreeSet<Digest>,
    _: &Registries,
    _: &Run,
) -> Option<BTreeSet<Digest>> {
    None
}
