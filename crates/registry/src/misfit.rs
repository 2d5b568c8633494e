//! Why AWS Lambda cannot run an image.
//!
//! Sources: Lambda developer guide, "Create a Lambda function using a container image"; the answers of UpdateFunctionCode
//! (`InvalidImage`, `UnsupportedImageLayerDetected`), which come one at a time and late.

use std::fmt;

use landfall_artifacts::{Digest, Platform};

/// One reason why AWS Lambda cannot run an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The index has no child for the platform.
    NoChild {
        /// What was looked for.
        wanted: Platform,
        /// What the index has.
        offered: Vec<String>,
    },
    /// No platform was set, and the index has more than one image, or none.
    PlatformOpen {
        /// What the index has.
        offered: Vec<String>,
    },
    /// Several children of the index are for the platform, and nothing says which is meant.
    ManyChildren {
        /// What was looked for.
        wanted: Platform,
        /// How many there are.
        found: usize,
    },
    /// Indexes within indexes.
    NestedIndex,
    /// The configuration is not an image's: the document is an artifact of another kind.
    NotAnImage {
        /// The configuration's media type.
        media_type: String,
    },
    /// The configuration says another operating system.
    OperatingSystem {
        /// What it says.
        found: String,
    },
    /// The configuration says another architecture. Lambda takes such an image and it fails when it is called.
    Architecture {
        /// What was looked for, where a platform was set.
        wanted: Option<Platform>,
        /// What it says.
        found: String,
    },
    /// A layer's content is to be had from elsewhere.
    ForeignLayer {
        /// The layer.
        layer: Digest,
    },
    /// An uncompressed layer with Docker's media type.
    UncompressedDockerLayer {
        /// The layer.
        layer: Digest,
    },
    /// A layer compressed with zstd.
    ZstdLayer {
        /// The layer.
        layer: Digest,
    },
    /// A layer of a media type that Lambda does not know.
    UnknownLayer {
        /// The layer.
        layer: Digest,
        /// Its media type.
        media_type: String,
    },
    /// No layer at all.
    NoLayers,
    /// More than the 10 GiB that Lambda unpacks at most.
    TooLarge {
        /// The layers together as they are stored, in bytes.
        layers_bytes: u64,
    },
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoChild { wanted, offered } if offered.is_empty() => {
                write!(f, "the index has no image for {wanted}, nor for any platform")
            }
            Self::NoChild { wanted, offered } => {
                write!(f, "the index has no image for {wanted}, only for {}", offered.join(", "))
            }
            Self::PlatformOpen { offered } if offered.is_empty() => f.write_str("the index has no image"),
            Self::PlatformOpen { offered } => {
                write!(f, "the index has images for {}, and no platform is set", offered.join(", "))
            }
            Self::ManyChildren { wanted, found } => {
                write!(f, "the index has {found} images for {wanted}")
            }
            Self::NestedIndex => f.write_str("the index holds indexes in indexes"),
            Self::NotAnImage { media_type } => {
                write!(f, "its configuration is a `{media_type}`, which is no image's")
            }
            Self::OperatingSystem { found } => write!(f, "it is made for the operating system `{found}`"),
            Self::Architecture { wanted: Some(wanted), found } => {
                write!(f, "it is made for the architecture `{found}`, and the functions run {wanted}")
            }
            Self::Architecture { wanted: None, found } => {
                write!(f, "it is made for the architecture `{found}`, which Lambda does not have")
            }
            Self::ForeignLayer { layer } => {
                write!(f, "the content of layer {} is kept elsewhere", layer.short())
            }
            Self::UncompressedDockerLayer { layer } => {
                write!(f, "layer {} is uncompressed and has Docker's media type", layer.short())
            }
            Self::ZstdLayer { layer } => write!(f, "layer {} is compressed with zstd", layer.short()),
            Self::UnknownLayer { layer, media_type } => {
                write!(f, "layer {} has the media type `{media_type}`", layer.short())
            }
            Self::NoLayers => f.write_str("it has no layers"),
            Self::TooLarge { layers_bytes } => {
                write!(f, "its layers have {layers_bytes} bytes, more than the 10 GiB that Lambda unpacks")
            }
        }
    }
}

impl Misfit {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::PlatformOpen { .. } => "say what the functions run by --platform".to_owned(),
            Self::Architecture { wanted: None, .. } => "build it with --platform linux/amd64 or linux/arm64".to_owned(),
            Self::TooLarge { .. } => "make the image smaller: a function's image has at most 10 GiB unpacked".to_owned(),
            Self::NoChild { wanted, .. } | Self::Architecture { wanted: Some(wanted), .. } => {
                format!("build it with --platform {wanted}, or set the platform that the functions run")
            }
            Self::ManyChildren { .. } | Self::NestedIndex => {
                "build it for one platform and push the image without an index (--provenance=false)".to_owned()
            }
            Self::NotAnImage { .. } | Self::NoLayers => {
                "look whether the tag names a container image at all".to_owned()
            }
            Self::OperatingSystem { .. } => "build it on a Linux base image".to_owned(),
            Self::ForeignLayer { .. } => "build it on a base image whose layers may be distributed".to_owned(),
            Self::UncompressedDockerLayer { .. } | Self::ZstdLayer { .. } | Self::UnknownLayer { .. } => {
                "build it with gzip layers (buildx: --output type=image,compression=gzip,force-compression=true)".to_owned()
            }
        }
    }
}
