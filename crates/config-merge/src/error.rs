//! What stands in the way of a merge.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use landfall_artifacts::{Class, Explain, FileErrors};
use landfall_secret::escape;

use crate::format::Format;
use crate::value::Place;

/// What stands in the way of a merge. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A document is none, or breaks a limit.
    #[error(transparent)]
    Document(#[from] FileErrors),
    /// An overlay belongs to a file that is not there.
    #[error("the overlay {overlay} belongs to {base}, which is not there", overlay = shown(overlay), base = shown(base))]
    NoBase {
        /// The overlay's file.
        overlay: String,
        /// The file that it belongs to.
        base: String,
    },
    /// A folder of overlays has a name that is no overlay's.
    #[error("{folder} is the folder of no overlay that is known", folder = shown(folder))]
    UnknownOverlay {
        /// The folder.
        folder: String,
        /// The names that are known.
        known: String,
    },
    /// An overlay has another format than its base.
    #[error(
        "the overlay {overlay} is {format} and its base {base} is {base_format}",
        overlay = shown(overlay), base = shown(base)
    )]
    OtherFormat {
        /// The overlay's file.
        overlay: String,
        /// Its format.
        format: Format,
        /// The base.
        base: String,
        /// Its format.
        base_format: Format,
    },
    /// Two files are the same overlay of one base.
    #[error("{one} and {other} are both the overlay {name} of {base}", one = shown(one), other = shown(other), name = shown(name), base = shown(base))]
    OverlayTwice {
        /// One file.
        one: String,
        /// The other.
        other: String,
        /// The overlay's name.
        name: String,
        /// The base.
        base: String,
    },
    /// A file is an overlay within an overlay.
    #[error("{overlay} is an overlay within an overlay", overlay = shown(overlay))]
    Nested {
        /// The file.
        overlay: String,
    },
    /// One name is that of overlays of two kinds, or no name of a file.
    #[error("`{name}` cannot name overlays: {why}", name = shown(name))]
    OverlayName {
        /// The name.
        name: String,
        /// Why not.
        why: String,
    },
    /// A value of an overlay is of another kind than that of the base.
    #[error("{pointer} is {was} at {base} and {is} at {overlay}", pointer = way(pointer))]
    KindChanged {
        /// JSON pointer.
        pointer: String,
        /// Where the base has it.
        base: Place,
        /// What it is there.
        was: &'static str,
        /// Where the overlay has it.
        overlay: Place,
        /// What it is there.
        is: &'static str,
    },
    /// An overlay removes what is not there.
    #[error("{overlay} removes {pointer}, which is not there", pointer = way(pointer))]
    RemovesNothing {
        /// JSON pointer.
        pointer: String,
        /// Where it says so.
        overlay: Place,
    },
    /// An overlay has a key that its base has not, where that is refused.
    #[error("{overlay} brings {pointer}, which the base has not", pointer = way(pointer))]
    NewKey {
        /// JSON pointer.
        pointer: String,
        /// Where it stands.
        overlay: Place,
    },
    /// Two files would go to one place, or to places that fall together on other systems.
    #[error("{one} and {other} {how}", one = shown(one), other = shown(other))]
    SamePath {
        /// One file.
        one: String,
        /// The other.
        other: String,
        /// How they fall together.
        how: &'static str,
    },
    /// Something in the tree is neither file nor folder.
    #[error("{path} is {what}", path = shown(path))]
    NotRegular {
        /// The path.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// A name that is not safe.
    #[error("{path} cannot be taken: {why}", path = shown(path))]
    Name {
        /// The path.
        path: String,
        /// Why not.
        why: String,
    },
    /// There is more than is taken.
    #[error("{what} has {found}, and {most} are the most", what = shown(what))]
    TooMuch {
        /// The file or tree.
        what: String,
        /// What was found, with its unit.
        found: String,
        /// The most.
        most: u64,
    },
    /// The pinned version of a component cannot be taken.
    #[error("the version {version} is pinned for {component}: {why}", component = shown(component), version = shown(version))]
    Pin {
        /// The component's folder.
        component: String,
        /// The version.
        version: String,
        /// Why not.
        why: String,
    },
    /// Two folders of a component have versions of which none is newer.
    #[error("{component} has {one} and {other}, of which none is newer", component = shown(component), one = shown(one), other = shown(other))]
    SameVersion {
        /// The component's folder.
        component: String,
        /// One folder.
        one: String,
        /// The other.
        other: String,
    },
    /// Something changed between being looked at and being read.
    #[error("{path} changed while it was read", path = shown(path))]
    Changed {
        /// The path.
        path: String,
    },
    /// The system would not let it be read.
    #[error("{path} could not be read", path = shown(path))]
    Read {
        /// The path.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The system would not let it be written.
    #[error("{path} could not be written", path = shown(&path.to_string_lossy()))]
    Write {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The target holds what this tool did not write, or what was changed since.
    #[error("{out} holds files that were not written by an earlier merge, or were changed since", out = shown(&out.to_string_lossy()))]
    Foreign {
        /// The target.
        out: PathBuf,
    },
    /// The target cannot be one.
    #[error("{out} cannot be the target: {why}", out = shown(&out.to_string_lossy()))]
    Target {
        /// The target.
        out: PathBuf,
        /// Why not.
        why: &'static str,
    },
    /// Another merge writes beside this one.
    #[error("another merge is writing to {out}", out = shown(&out.to_string_lossy()))]
    Busy {
        /// The target.
        out: PathBuf,
    },
    /// The file that is to be explained is not one of the output.
    #[error("{path} is no file of the output", path = shown(path))]
    NoSuchOutput {
        /// What was asked for.
        path: String,
        /// Files of nearly that name.
        near: String,
    },
}

fn shown(text: &str) -> String {
    escape(text, 300)
}

fn way(pointer: &str) -> String {
    if pointer.is_empty() { "the whole".to_owned() } else { escape(pointer, 300) }
}

impl Error {
    /// Whether the same call may succeed a moment later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Changed { .. } | Self::Busy { .. } => true,
            Self::Document(_)
            | Self::NoBase { .. }
            | Self::UnknownOverlay { .. }
            | Self::OtherFormat { .. }
            | Self::OverlayTwice { .. }
            | Self::Nested { .. }
            | Self::OverlayName { .. }
            | Self::KindChanged { .. }
            | Self::RemovesNothing { .. }
            | Self::NewKey { .. }
            | Self::SamePath { .. }
            | Self::NotRegular { .. }
            | Self::Name { .. }
            | Self::TooMuch { .. }
            | Self::Pin { .. }
            | Self::SameVersion { .. }
            | Self::Read { .. }
            | Self::Write { .. }
            | Self::Foreign { .. }
            | Self::Target { .. }
            | Self::NoSuchOutput { .. } => false,
        }
    }
}

impl Explain for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Document(errors) => errors.code(),
            Self::NoBase { .. } => "LF-MERGE-NO-BASE",
            Self::UnknownOverlay { .. } => "LF-MERGE-OVERLAY",
            Self::OtherFormat { .. } => "LF-MERGE-FORMAT",
            Self::OverlayTwice { .. } => "LF-MERGE-TWICE",
            Self::Nested { .. } => "LF-MERGE-NESTED",
            Self::OverlayName { .. } => "LF-MERGE-NAMES",
            Self::KindChanged { .. } => "LF-MERGE-KIND",
            Self::RemovesNothing { .. } => "LF-MERGE-REMOVES-NOTHING",
            Self::NewKey { .. } => "LF-MERGE-NEW-KEY",
            Self::SamePath { .. } => "LF-MERGE-SAME-PATH",
            Self::NotRegular { .. } => "LF-MERGE-NO-FILE",
            Self::Name { .. } => "LF-MERGE-PATH",
            Self::TooMuch { .. } => "LF-MERGE-LIMIT",
            Self::Pin { .. } => "LF-MERGE-PIN",
            Self::SameVersion { .. } => "LF-MERGE-VERSION",
            Self::Changed { .. } => "LF-MERGE-CHANGED",
            Self::Read { .. } => "LF-FILE-READ",
            Self::Write { .. } => "LF-FILE-WRITE",
            Self::Foreign { .. } => "LF-MERGE-FOREIGN",
            Self::Target { .. } => "LF-MERGE-TARGET",
            Self::Busy { .. } => "LF-MERGE-BUSY",
            Self::NoSuchOutput { .. } => "LF-MERGE-EXPLAIN",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Document(errors) => errors.class(),
            Self::Foreign { .. } => Class::Refused,
            Self::Busy { .. } => Class::Locked,
            Self::Changed { .. } => Class::Transient,
            Self::NoBase { .. }
            | Self::UnknownOverlay { .. }
            | Self::OtherFormat { .. }
            | Self::OverlayTwice { .. }
            | Self::Nested { .. }
            | Self::OverlayName { .. }
            | Self::KindChanged { .. }
            | Self::RemovesNothing { .. }
            | Self::NewKey { .. }
            | Self::SamePath { .. }
            | Self::NotRegular { .. }
            | Self::Name { .. }
            | Self::TooMuch { .. }
            | Self::Pin { .. }
            | Self::SameVersion { .. }
            | Self::Read { .. }
            | Self::Write { .. }
            | Self::Target { .. }
            | Self::NoSuchOutput { .. } => Class::Input,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Document(_) => Some(
                "correct the places named, or name files that are none yet in `unread` of [configs]".into(),
            ),
            Self::NoBase { .. } => {
                Some("correct the overlay's name, or add the base, which may hold nothing but `{}`".into())
            }
            Self::UnknownOverlay { known, .. } => Some(
                format!("known are {}: correct the folder's name, or add it in landfall.toml", shown(known))
                    .into(),
            ),
            Self::OtherFormat { .. } => Some("write the overlay in the format of its base".into()),
            Self::OverlayTwice { .. } => Some("put what both say into one of them".into()),
            Self::Nested { .. } => {
                Some("let it be an overlay of one name, of a base that is none itself".into())
            }
            Self::OverlayName { .. } => {
                Some("give environments, platforms and regions different names".into())
            }
            Self::KindChanged { .. } => Some("give it the kind that the base has, or change the base".into()),
            Self::RemovesNothing { .. } => Some("correct the key, or leave it out".into()),
            Self::NewKey { .. } => {
                Some("correct the key, add it to the base, or set new_keys = \"allow\" in [configs]".into())
            }
            Self::SamePath { .. } => Some("rename one of them".into()),
            Self::NotRegular { .. } => {
                Some("put a file in its place: links and special files are never followed or copied".into())
            }
            Self::Name { .. } => Some("rename it".into()),
            Self::TooMuch { .. } => Some("look whether the source is the folder that is meant".into()),
            Self::Pin { .. } => Some("pin a version that is there, of a component that is there".into()),
            Self::SameVersion { .. } => Some("remove one of them, or pin the one that is meant".into()),
            Self::Changed { .. } => Some("run again when nothing else writes there".into()),
            Self::Read { .. } => Some("check that it is there, and its owner and mode".into()),
            Self::Write { .. } => Some("check that the folder is writable and the disk has room".into()),
            Self::Foreign { .. } => Some("remove it, or have it replaced by --replace".into()),
            Self::Target { .. } => Some("name another folder".into()),
            Self::Busy { .. } => Some("wait for it, and run again".into()),
            Self::NoSuchOutput { near, .. } if near.is_empty() => {
                Some("a dry run shows all files of the output".into())
            }
            Self::NoSuchOutput { near, .. } => Some(format!("did you mean {}?", shown(near)).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::sync::Arc;

    use landfall_artifacts::Explain as _;

    use super::Error;
    use crate::format::Format;
    use crate::value::Place;

    #[test]
    fn every_error_says_what_to_do() {
        let place = |line| Place { file: Arc::from("a.json"), line, column: 1 };
        let text = str::to_owned;
        let denied = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let errors = [
            Error::NoBase { overlay: text("a.stg.json"), base: text("a.json") },
            Error::UnknownOverlay { folder: text("overlays/x"), known: text("stg, eu") },
            Error::OtherFormat {
                overlay: text("a.stg.json"),
                format: Format::Json,
                base: text("a.yaml"),
                base_format: Format::Yaml,
            },
            Error::OverlayTwice { one: text("a"), other: text("b"), name: text("stg"), base: text("c") },
            Error::Nested { overlay: text("overlays/stg/a.eu.json") },
            Error::OverlayName { name: text("eu"), why: text("it is both") },
            Error::KindChanged {
                pointer: text("/a"),
                base: place(1),
                was: "a text",
                overlay: place(2),
                is: "a map",
            },
            Error::RemovesNothing { pointer: text("/a"), overlay: place(1) },
            Error::NewKey { pointer: text("/a"), overlay: place(1) },
            Error::SamePath { one: text("a"), other: text("A"), how: "differ in case alone" },
            Error::NotRegular { path: text("a"), what: "a link" },
            Error::Name { path: text("a\\b"), why: text("it has a backslash") },
            Error::TooMuch { what: text("configs"), found: text("9 files"), most: 8 },
            Error::Pin { component: text("a"), version: text("1.0.0"), why: text("it has no such version") },
            Error::SameVersion { component: text("a"), one: text("v1.0.0"), other: text("1.0.0") },
            Error::Changed { path: text("a") },
            Error::Read { path: text("a"), source: denied() },
            Error::Write { path: "a".into(), source: denied() },
            Error::Foreign { out: "out".into() },
            Error::Target { out: "out".into(), why: "it is a file" },
            Error::Busy { out: "out".into() },
            Error::NoSuchOutput { path: text("b"), near: text("a") },
            Error::NoSuchOutput { path: text("b"), near: String::new() },
        ];
        let mut shown = String::new();
        for error in &errors {
            let cause = error.source().map(|cause| format!("; caused by {cause}")).unwrap_or_default();
            let (class, again) = (error.class(), if error.is_retryable() { ", again" } else { "" });
            shown.push_str(&format!(
                "{} {class:?}{again}: {error}{cause}; try: {}\n",
                error.code(),
                error.remedy().unwrap_or_default()
            ));
        }
        insta::assert_snapshot!(shown, @r#"
        LF-MERGE-NO-BASE Input: the overlay a.stg.json belongs to a.json, which is not there; try: correct the overlay's name, or add the base, which may hold nothing but `{}`
        LF-MERGE-OVERLAY Input: overlays/x is the folder of no overlay that is known; try: known are stg, eu: correct the folder's name, or add it in landfall.toml
        LF-MERGE-FORMAT Input: the overlay a.stg.json is JSON and its base a.yaml is YAML; try: write the overlay in the format of its base
        LF-MERGE-TWICE Input: a and b are both the overlay stg of c; try: put what both say into one of them
        LF-MERGE-NESTED Input: overlays/stg/a.eu.json is an overlay within an overlay; try: let it be an overlay of one name, of a base that is none itself
        LF-MERGE-NAMES Input: `eu` cannot name overlays: it is both; try: give environments, platforms and regions different names
        LF-MERGE-KIND Input: /a is a text at a.json:1:1 and a map at a.json:2:1; try: give it the kind that the base has, or change the base
        LF-MERGE-REMOVES-NOTHING Input: a.json:1:1 removes /a, which is not there; try: correct the key, or leave it out
        LF-MERGE-NEW-KEY Input: a.json:1:1 brings /a, which the base has not; try: correct the key, add it to the base, or set new_keys = "allow" in [configs]
        LF-MERGE-SAME-PATH Input: a and A differ in case alone; try: rename one of them
        LF-MERGE-NO-FILE Input: a is a link; try: put a file in its place: links and special files are never followed or copied
        LF-MERGE-PATH Input: a\b cannot be taken: it has a backslash; try: rename it
        LF-MERGE-LIMIT Input: configs has 9 files, and 8 are the most; try: look whether the source is the folder that is meant
        LF-MERGE-PIN Input: the version 1.0.0 is pinned for a: it has no such version; try: pin a version that is there, of a component that is there
        LF-MERGE-VERSION Input: a has v1.0.0 and 1.0.0, of which none is newer; try: remove one of them, or pin the one that is meant
        LF-MERGE-CHANGED Transient, again: a changed while it was read; try: run again when nothing else writes there
        LF-FILE-READ Input: a could not be read; caused by permission denied; try: check that it is there, and its owner and mode
        LF-FILE-WRITE Input: a could not be written; caused by permission denied; try: check that the folder is writable and the disk has room
        LF-MERGE-FOREIGN Refused: out holds files that were not written by an earlier merge, or were changed since; try: remove it, or have it replaced by --replace
        LF-MERGE-TARGET Input: out cannot be the target: it is a file; try: name another folder
        LF-MERGE-BUSY Locked, again: another merge is writing to out; try: wait for it, and run again
        LF-MERGE-EXPLAIN Input: b is no file of the output; try: did you mean a?
        LF-MERGE-EXPLAIN Input: b is no file of the output; try: a dry run shows all files of the output
        "#);
    }
}
