//! What is to be promoted, what is found, and what follows from it.

use landfall_artifacts::{Digest, EnvironmentName, ProjectName, ReleaseId, Tag};
use landfall_run::{Effect, EffectItem};

use crate::Error;

/// One image's promotion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromoteRequest {
    /// The project, for the record.
    pub project: ProjectName,
    /// The repository key that it is in. It has to be a local or federated repository's.
    pub source_key: String,
    /// The repository key that it is to be in, of a local or federated repository too.
    pub target_key: String,
    /// The image's path below the keys, such as `personalised-lobby/orderService`.
    pub docker_repository: String,
    /// Its tag.
    pub tag: Tag,
    /// Its tag at the target.
    pub target_tag: Tag,
    /// What was released; another digest at the source is refused.
    pub expected: Option<Digest>,
    /// Whether a tag at the target with other content may be replaced.
    pub overwrite: bool,
    /// The environment whose release it is, where one is named.
    pub environment: Option<EnvironmentName>,
    /// The release that it is part of, where known.
    pub release: Option<ReleaseId>,
}

/// What the two tags of a promotion name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PromotionState {
    /// At the source.
    pub source: Option<Digest>,
    /// At the target.
    pub target: Option<Digest>,
}

/// What a promotion comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromotionStep {
    /// The target names this content already: there is nothing to do.
    Already(Digest),
    /// This content is promoted.
    Promote {
        /// The content.
        digest: Digest,
        /// What the target tag names until then and loses its name.
        replaces: Option<Digest>,
    },
}

/// A promotion that is done and was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promoted {
    /// How it came about.
    pub how: PromotedHow,
    /// The HTTP status of the promotion's answer; `None` where none came or nothing was asked.
    pub status: Option<u16>,
    /// What Artifactory said, escaped and without known secrets.
    pub text: String,
    /// The digest, the same at source and target.
    pub digest: Digest,
    /// What the target tag named before, where it was other content.
    pub replaced: Option<Digest>,
}

/// How a promotion came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromotedHow {
    /// It was done now.
    Promoted,
    /// The target named the same content already, or came to by somebody else.
    Already,
}

impl PromoteRequest {
    /// What the promotion comes to where the tags name what `state` says. Nothing is asked.
    ///
    /// # Errors
    /// [`Error::PromotionSource`], [`Error::PromotionContent`], [`Error::TagTaken`].
    pub fn step(&self, state: PromotionState) -> Result<PromotionStep, Error> {
        let what = || format!("{}:{}", self.docker_repository, self.tag);
        let source_key = || self.source_key.clone();
        let Some(digest) = state.source else {
            return Err(Error::PromotionSource { what: what(), source_key: source_key() });
        };
        if let Some(expected) = self.expected.filter(|expected| *expected != digest) {
            return Err(Error::PromotionContent {
                what: what(),
                source_key: source_key(),
                expected,
                actual: digest,
            });
        }
        match state.target {
            Some(held) if held == digest => Ok(PromotionStep::Already(digest)),
            Some(held) if !self.overwrite => {
                Err(Error::TagTaken { target: self.target(), held, wanted: digest })
            }
            replaces => Ok(PromotionStep::Promote { digest, replaces }),
        }
    }

    /// Repository key, image and tag at the source, such as `docker-build/ns/orderService:1.4.2`.
    pub fn source(&self) -> String {
        format!("{}/{}:{}", self.source_key, self.docker_repository, self.tag)
    }

    /// Repository key, image and tag at the target.
    pub fn target(&self) -> String {
        format!("{}/{}:{}", self.target_key, self.docker_repository, self.target_tag)
    }

    pub(super) fn effect(&self, digest: Digest) -> Effect {
        Effect {
            action: "promote".to_owned(),
            target: self.target(),
            environment: self.environment.as_ref().map(ToString::to_string),
            release: self.release.as_ref().map(ToString::to_string),
            details: Vec::new(),
            items: vec![EffectItem {
                name: self.project.to_string(),
                version: Some(self.tag.to_string()),
                digest: Some(digest),
                before: None,
            }],
        }
    }
}

impl Promoted {
    pub(super) fn already(digest: Digest) -> Self {
        let text = "the target has this content already".to_owned();
        Self { how: PromotedHow::Already, status: None, text, digest, replaced: None }
    }
}
