//! Manifests and indexes, told apart strictly.
//!
//! A document that could be read as either, or whose media type says something else than its shape, is refused: two
//! readers that understand it differently would run different things (GHSA-77vh-xpmg-72qh, "type confusion").

use std::borrow::Cow;

use bytes::Bytes;
use landfall_artifacts::{Digest, FileErrors, Limits, strict_value};
use oci_client::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE,
    OCI_IMAGE_MEDIA_TYPE, OciImageIndex, OciImageManifest,
};
use serde_json::{Map, Value};

use crate::Descriptor;

/// The longest manifest, in bytes: the limit of ECR's PutImage.
pub(crate) const LONGEST_MANIFEST: usize = 4 << 20;
/// The most layers of an image, its configuration included.
const MOST_BLOBS: usize = 2_000;
/// The most children of an index.
pub(crate) const MOST_CHILDREN: usize = 256;

/// What is asked for and understood.
pub(crate) const MANIFEST_MEDIA_TYPES: [&str; 4] = [
    OCI_IMAGE_MEDIA_TYPE,
    IMAGE_MANIFEST_MEDIA_TYPE,
    OCI_IMAGE_INDEX_MEDIA_TYPE,
    IMAGE_MANIFEST_LIST_MEDIA_TYPE,
];

/// A manifest as it came, byte for byte, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The bytes; these and no others are pushed elsewhere.
    pub bytes: Bytes,
    /// The media type.
    pub media_type: String,
    /// The digest of the bytes.
    pub digest: Digest,
    /// What it says.
    pub kind: ManifestKind,
}

/// One of the two things that a manifest can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestKind {
    /// One image's parts list.
    Image(ImageManifest),
    /// A list of manifests by platform.
    Index(IndexManifest),
}

/// One image's parts list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageManifest {
    /// The configuration.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
}

/// A list of manifests by platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexManifest {
    /// The entries in their order.
    pub entries: Vec<IndexEntry>,
}

/// One entry of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// The manifest that is meant.
    pub descriptor: Descriptor,
    /// Operating system, architecture and variant, where the entry says them.
    pub platform: Option<(String, String, Option<String>)>,
    /// Whether it is no image but a statement about one (`unknown/unknown`, BuildKit's attestations).
    pub is_attestation: bool,
}

/// What is wrong with a manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestFault {
    /// It is no JSON, or JSON that two readers may read differently.
    #[error("it is not strict JSON")]
    Json(#[source] FileErrors),
    /// It has the parts of an image and of an index, or of neither.
    #[error("it has {0}, so that it is not clear what it is")]
    Shape(&'static str),
    /// A schema that is not spoken.
    #[error("its schemaVersion is {0}, and 2 is understood")]
    Schema(String),
    /// The header and the document disagree.
    #[error("the Content-Type says `{header}` and the document `{document}`")]
    MediaTypes {
        /// The header's.
        header: String,
        /// The document's.
        document: String,
    },
    /// The index that lists it says that it is of another kind.
    #[error("it is listed as `{listed}` and is `{found}`")]
    ListedAs {
        /// The media type of its entry.
        listed: String,
        /// Its own.
        found: String,
    },
    /// The media type does not belong to the shape.
    #[error("`{media_type}` is not the media type of {shape}")]
    MediaType {
        /// What it says it is.
        media_type: String,
        /// What it is.
        shape: &'static str,
    },
    /// A part is odd.
    #[error("{0}")]
    Part(String),
    /// A field is missing or of another kind.
    #[error("a field is missing or of another kind")]
    Field(#[source] serde_json::Error),
    /// It has more parts than are borne.
    #[error("it has {found} {what}, and {limit} are borne")]
    TooMany {
        /// Layers or children.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many are borne.
        limit: usize,
    },
}

impl Manifest {
    /// Reads a manifest. `content_type` is the answer's header, where there was one.
    ///
    /// # Errors
    /// [`ManifestFault`]: the first thing that is wrong with it.
    pub fn read(bytes: Bytes, content_type: Option<&str>) -> Result<Self, ManifestFault> {
        let limits = Limits { max_bytes: LONGEST_MANIFEST, max_depth: 16, max_values: 100_000 };
        let document = strict_value(&bytes, "the manifest", limits).map_err(ManifestFault::Json)?;
        let Value::Object(fields) = &document else { return Err(ManifestFault::Shape("no fields")) };
        no_twins(&document)?;
        let is_index = told_apart(fields)?;
        let media_type = media_type(fields, content_type)?;
        let (fits, shape) = if is_index {
            ([OCI_IMAGE_INDEX_MEDIA_TYPE, IMAGE_MANIFEST_LIST_MEDIA_TYPE], "an index")
        } else {
            ([OCI_IMAGE_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE], "an image's manifest")
        };
        if !fits.contains(&media_type.as_str()) {
            return Err(ManifestFault::MediaType { media_type, shape });
        }
        let kind = if is_index {
            ManifestKind::Index(index(document)?)
        } else {
            ManifestKind::Image(image(document)?)
        };
        Ok(Self { digest: Digest::of(&bytes), bytes, media_type, kind })
    }

    /// The size in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }
}

impl ManifestKind {
    /// As an image's parts list.
    pub(crate) fn image(&self) -> Option<&ImageManifest> {
        match self {
            Self::Image(image) => Some(image),
            Self::Index(_) => None,
        }
    }

    /// As a list by platform.
    pub(crate) fn index(&self) -> Option<&IndexManifest> {
        match self {
            Self::Image(_) => None,
            Self::Index(index) => Some(index),
        }
    }
}

impl ImageManifest {
    /// Configuration and layers, each digest once.
    pub fn blobs(&self) -> Vec<&Descriptor> {
        let mut seen = std::collections::BTreeSet::new();
        std::iter::once(&self.config).chain(&self.layers).filter(|blob| seen.insert(blob.digest)).collect()
    }
}

/// The names that mean something in a manifest, an index, a descriptor and a platform (OCI image-spec 1.1; Docker's schemas).
const NAMES: [&str; 19] = [
    "annotations",
    "architecture",
    "artifactType",
    "blobs",
    "config",
    "data",
    "digest",
    "fsLayers",
    "history",
    "layers",
    "manifests",
    "mediaType",
    "os",
    "platform",
    "schemaVersion",
    "size",
    "subject",
    "urls",
    "variant",
];

/// Refuses names that only readers tell apart that take notice of case. Go's does not: it would take `Layers` for `layers`, and
/// the last of both.
fn no_twins(value: &Value) -> Result<(), ManifestFault> {
    match value {
        Value::Array(items) => items.iter().try_for_each(no_twins),
        Value::Object(fields) => fields.iter().try_for_each(|(name, below)| {
            let folded = folded(name);
            if NAMES.iter().any(|known| known.eq_ignore_ascii_case(&folded) && known != name) {
                return Err(ManifestFault::Shape("a field that differs from a known one in case alone"));
            }
            // Below annotations, and below what nobody knows, names are free.
            let is_ours = name != "annotations" && NAMES.contains(&name.as_str());
            if is_ours { no_twins(below) } else { Ok(()) }
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

/// With the two letters as ASCII that Unicode folds to ASCII: the long s, and the sign of kelvin.
fn folded(name: &str) -> Cow<'_, str> {
    if name.is_ascii() {
        return Cow::Borrowed(name);
    }
    Cow::Owned(name.replace('\u{17f}', "s").replace('\u{212a}', "k"))
}

/// Whether the fields are those of an index; an error where that is not plain.
fn told_apart(fields: &Map<String, Value>) -> Result<bool, ManifestFault> {
    if fields.get("schemaVersion").and_then(Value::as_u64) != Some(2) {
        let found = fields.get("schemaVersion").map_or("missing".to_owned(), ToString::to_string);
        return Err(ManifestFault::Schema(landfall_secret::escape(&found, 40)));
    }
    let has = |name: &str| fields.contains_key(name);
    let (of_image, of_index) = (has("config") || has("layers"), has("manifests"));
    match (of_image, of_index) {
        _ if has("fsLayers") || has("history") || has("blobs") => {
            Err(ManifestFault::Shape("fields of another kind of document"))
        }
        (true, true) => Err(ManifestFault::Shape("both `manifests` and `config` or `layers`")),
        (false, false) => Err(ManifestFault::Shape("neither `manifests` nor `layers`")),
        (false, true) => Ok(true),
        (true, false) => Ok(false),
    }
}

fn media_type(fields: &Map<String, Value>, content_type: Option<&str>) -> Result<String, ManifestFault> {
    let shown = |text: &str| landfall_secret::escape(text, 120);
    let header = content_type.map(|text| text.split(';').next().unwrap_or_default().trim());
    let document = match fields.get("mediaType") {
        None => None,
        Some(Value::String(text)) => Some(text.as_str()),
        Some(_) => return Err(ManifestFault::Part("its mediaType is not a text".to_owned())),
    };
    match (header, document) {
        (Some(header), Some(document)) if header != document => {
            Err(ManifestFault::MediaTypes { header: shown(header), document: shown(document) })
        }
        (Some(text), _) | (None, Some(text)) => Ok(shown(text)),
        (None, None) => Err(ManifestFault::Part("nothing says what media type it has".to_owned())),
    }
}

fn image(document: Value) -> Result<ImageManifest, ManifestFault> {
    let image: OciImageManifest = serde_json::from_value(document).map_err(ManifestFault::Field)?;
    if image.layers.len() >= MOST_BLOBS {
        return Err(ManifestFault::TooMany {
            what: "layers",
            found: image.layers.len(),
            limit: MOST_BLOBS - 1,
        });
    }
    let config = Descriptor::from_oci(&image.config).map_err(ManifestFault::Part)?;
    let layers: Vec<Descriptor> = image
        .layers
        .iter()
        .map(Descriptor::from_oci)
        .collect::<Result<_, _>>()
        .map_err(ManifestFault::Part)?;
    one_each(std::iter::once(&config).chain(&layers), "sizes", |part| part.size_bytes)?;
    Ok(ImageManifest { config, layers })
}

/// Content has one size: of two that are said, one is a lie.
fn one_each<'a, T: PartialEq>(
    parts: impl Iterator<Item = &'a Descriptor>,
    what: &str,
    of: impl Fn(&'a Descriptor) -> T,
) -> Result<(), ManifestFault> {
    let mut first = std::collections::BTreeMap::new();
    for part in parts {
        if *first.entry(part.digest).or_insert_with(|| of(part)) != of(part) {
            return Err(ManifestFault::Part(format!("{} stands there with two {what}", part.digest)));
        }
    }
    Ok(())
}

fn index(document: Value) -> Result<IndexManifest, ManifestFault> {
    let index: OciImageIndex = serde_json::from_value(document).map_err(ManifestFault::Field)?;
    if index.manifests.len() > MOST_CHILDREN {
        return Err(ManifestFault::TooMany {
            what: "manifests",
            found: index.manifests.len(),
            limit: MOST_CHILDREN,
        });
    }
    let entries: Vec<IndexEntry> =
        index.manifests.iter().map(entry).collect::<Result<_, _>>().map_err(ManifestFault::Part)?;
    let listed = || entries.iter().map(|entry| &entry.descriptor);
    one_each(listed(), "sizes", |part| part.size_bytes)?;
    // A blob may be used as two things, a manifest is one.
    one_each(listed(), "media types", |part| part.media_type.as_str())?;
    Ok(IndexManifest { entries })
}

fn entry(given: &oci_client::manifest::ImageIndexEntry) -> Result<IndexEntry, String> {
    let descriptor = Descriptor::from_oci(&oci_client::manifest::OciDescriptor {
        media_type: given.media_type.clone(),
        digest: given.digest.clone(),
        size: given.size,
        urls: None,
        annotations: None,
        artifact_type: None,
    })?;
    let shown = |text: &str| landfall_secret::escape(text, 40);
    let platform = given.platform.as_ref().map(|platform| {
        let variant = platform.variant.as_deref().filter(|text| !text.is_empty()).map(shown);
        (shown(&platform.os.to_string()), shown(&platform.architecture.to_string()), variant)
    });
    let stated =
        given.annotations.as_ref().is_some_and(|notes| notes.contains_key("vnd.docker.reference.type"));
    let unknown =
        platform.as_ref().is_some_and(|(os, architecture, _)| os == "unknown" || architecture == "unknown");
    Ok(IndexEntry { descriptor, platform, is_attestation: stated || unknown })
}
