//! The requests of a copy without a fault: where a fault can strike.

use std::collections::BTreeMap;
use std::fmt;

use http::Method;
use landfall_sandbox::{Content, Entry, Fault, Service, What};

use crate::scene::Scene;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Asked {
    /// A token of the source.
    Token,
    /// A manifest or index at the source.
    SourceManifest,
    /// A blob at the source, or where it is.
    SourceBlob,
    /// A blob at the storage behind the source, by an address that was signed for it.
    StoredBlob,
    /// What a tag of the target names.
    TargetManifest,
    /// Whether the target has a blob.
    TargetBlob,
    /// The begin of an upload.
    UploadStart,
    /// The bytes of a blob.
    Upload,
    /// A manifest under its tag.
    ManifestPut,
}

impl Asked {
    fn of(entry: &Entry) -> Option<Self> {
        let (reads, path) = (entry.method == Method::GET || entry.method == Method::HEAD, entry.path());
        Some(match entry.service {
            Service::Artifactory if path.ends_with("/token") => Self::Token,
            Service::Artifactory if path.contains("/manifests/") => Self::SourceManifest,
            Service::Artifactory if path.contains("/blobs/sha256:") => Self::SourceBlob,
            Service::Storage => Self::StoredBlob,
            Service::EcrRegistry if path.contains("/manifests/") && reads => Self::TargetManifest,
            Service::EcrRegistry if path.contains("/manifests/") => Self::ManifestPut,
            Service::EcrRegistry if path.contains("/blobs/sha256:") => Self::TargetBlob,
            Service::EcrRegistry if entry.method == Method::POST => Self::UploadStart,
            Service::EcrRegistry if path.contains("/blobs/uploads/") => Self::Upload,
            _ => return None,
        })
    }
}

/// A request of the copy without a fault, so described that it is found again in a run that goes otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) asked: Asked,
    pub(crate) service: Service,
    pub(crate) method: Method,
    /// What the target of this request and of no other kind of request has in it.
    text: String,
    /// Which of those with that text it is, from 1.
    nth: u64,
    /// The status that was answered.
    pub(crate) status: u16,
    /// Whether the same was asked for before and answered 401, so that this one carries a fresh token.
    pub(crate) is_answer_to_401: bool,
    /// Bytes of the request's body.
    pub(crate) sent_bytes: u64,
    /// Bytes of the answer's body.
    pub(crate) answered_bytes: u64,
    /// What the answer's body is.
    answered: Content,
}

impl Spot {
    /// The requests of a scene in which one copy was made, in their order.
    pub(crate) fn all(scene: &Scene) -> Vec<Self> {
        let mut seen = BTreeMap::new();
        let mut spot = |entry: &Entry| {
            let asked = Asked::of(entry).unwrap_or_else(|| panic!("a copy has no use for {entry}"));
            let text = text_of(entry);
            let (nth, refused) =
                seen.entry((entry.service, entry.method.to_string(), text.clone())).or_insert((0_u64, false));
            let is_answer_to_401 = std::mem::replace(refused, entry.status == Some(401));
            *nth += 1;
            Self {
                asked,
                service: entry.service,
                method: entry.method.clone(),
                nth: *nth,
                status: entry.status.unwrap_or_default(),
                is_answer_to_401,
                sent_bytes: entry.body_len,
                answered_bytes: entry.answer_len,
                answered: entry.answer_content(),
                text,
            }
        };
        scene.sandbox.journal().entries().iter().map(&mut spot).collect()
    }

    /// A fault at this request, and at the next ones like it where it strikes more than once.
    pub(crate) fn fault(&self, what: What, times: u64) -> Fault {
        Fault::new(what)
            .on(self.service)
            .method(self.method.clone())
            .matching(&self.text)
            .nth(self.nth)
            .times(times)
    }

    /// Whether both are requests for the same, one of which may be the repetition of the other.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        (self.service, &self.method, &self.text) == (other.service, &other.method, &other.text)
    }

    /// What is asked for, and of whom.
    pub(crate) fn request(&self) -> String {
        format!("{:?}: {} {} {}", self.asked, self.service.name(), self.method, self.text)
    }

    /// Whether it changes something where it succeeds.
    pub(crate) fn changes(&self) -> bool {
        self.method != Method::GET && self.method != Method::HEAD
    }

    /// Whether the answer is content that is named by its digest.
    pub(crate) fn is_content(&self) -> bool {
        matches!(self.answered, Content::Blob | Content::Manifest)
    }

    /// Whether the answer is about a manifest that is there, and names its digest in its head.
    pub(crate) fn names_manifest(&self) -> bool {
        let is_manifest =
            matches!(self.asked, Asked::SourceManifest | Asked::TargetManifest | Asked::ManifestPut);
        is_manifest && (200..300).contains(&self.status)
    }

    /// Whether the answer says where to go on.
    pub(crate) fn leads_on(&self) -> bool {
        self.asked == Asked::UploadStart || (300..400).contains(&self.status)
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.request())?;
        if self.nth > 1 { write!(formatter, ", no. {}", self.nth) } else { Ok(()) }
    }
}

/// What stays the same of a target from run to run: signatures of storages and sessions of uploads do not.
fn text_of(entry: &Entry) -> String {
    match entry.target.rsplit_once("digest=") {
        Some((_, digest)) => format!("digest={digest}"),
        None if entry.service == Service::Storage => entry.path().to_owned(),
        None => match entry.path().split_once("/blobs/uploads/") {
            Some((repository, _)) => format!("{repository}/blobs/uploads/"),
            None => entry.target.clone(),
        },
    }
}
