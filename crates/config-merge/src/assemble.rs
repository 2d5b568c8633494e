//! From a plan and the tree to the bytes of every file.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::append::Append;
use crate::error::Error;
use crate::format::{Format, Purpose, read, read_all, write};
use crate::limits::Limits;
use crate::merge::{Change, MergeOptions, NewKeys, merge};
use crate::plan::{Plan, PlannedFile};
use crate::secrets::{Suspect, suspects_of_comments, suspects_of_document, suspects_of_text};
use crate::tree::Tree;
use crate::value::{Node, Place, Value};

/// All files of the output.
#[derive(Clone, Debug, Default)]
pub struct Assembled {
    /// The files, by their paths.
    pub files: Vec<Made>,
    /// What looks like a secret.
    pub suspects: Vec<Suspect>,
    /// Lists to append to that no overlay met.
    pub unmet: Vec<Append>,
}

/// A file of the output.
#[derive(Clone, Debug)]
pub struct Made {
    /// Its path in the output.
    pub output: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// How it came about.
    pub way: Way,
    /// Its documents, where they were asked for: of a file that is copied there may be several.
    pub documents: Vec<Node>,
    /// What overlays changed in the one document of a file that they touch.
    pub changes: Vec<Change>,
}

/// How a file came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The very bytes of its base.
    Copied,
    /// Its base with overlays.
    Merged,
    /// The very bytes of an overlay, since it is no document.
    Replaced,
}

/// Reads, merges and checks every file. Documents that no overlay touches are read too, and their bytes are copied. Of the
/// file `wanted`, by its path in the output, the documents are kept.
///
/// # Errors
/// All problems of all files at once.
pub fn assemble(
    tree: &Tree,
    plan: &Plan,
    append: &[Append],
    new_keys: NewKeys,
    limits: Limits,
    wanted: Option<&str>,
) -> Result<Assembled, Vec<Error>> {
    let mut assembly = Assembly {
        tree,
        append,
        new_keys,
        limits,
        left: limits.tree_bytes,
        met: BTreeSet::new(),
        done: Assembled::default(),
        errors: Vec::new(),
    };
    for file in &plan.files {
        let is_wanted = wanted == Some(file.output.as_str());
        if let Some(made) = assembly.file(file, is_wanted) {
            assembly.done.files.push(made);
        }
        if assembly.errors.iter().any(|error| matches!(error, Error::TooMuch { .. })) {
            break;
        }
    }
    let Assembly { met, mut done, errors, .. } = assembly;
    if !errors.is_empty() {
        return Err(errors);
    }
    done.unmet = append
        .iter()
        .enumerate()
        .filter(|(index, _)| !met.contains(index))
        .map(|(_, one)| one.clone())
        .collect();
    Ok(done)
}

struct Assembly<'a> {
    tree: &'a Tree,
    append: &'a [Append],
    new_keys: NewKeys,
    limits: Limits,
    /// Bytes that may still be taken.
    left: u64,
    met: BTreeSet<usize>,
    done: Assembled,
    errors: Vec<Error>,
}

impl Assembly<'_> {
    fn file(&mut self, file: &PlannedFile, is_wanted: bool) -> Option<Made> {
        let made = |bytes, way, documents, changes| {
            let output = file.output.clone();
            let documents = if is_wanted { documents } else { Vec::new() };
            Some(Made { output, bytes, way, documents, changes })
        };
        let Some(format) = file.format else {
            let (source, way) = match file.overlays.last() {
                Some(laid) => (&laid.source, Way::Replaced),
                None => (&file.source, Way::Copied),
            };
            let bytes = self.read(source)?;
            self.done.suspects.extend(suspects_of_text(&bytes, source));
            return made(bytes, way, Vec::new(), Vec::new());
        };
        let bytes = self.read(&file.source)?;
        if file.overlays.is_empty() {
            let documents = read_all(&bytes, &file.source, format, Purpose::Check, self.limits);
            let documents = self.kept(documents.map_err(Error::from))?;
            self.done.suspects.extend(documents.iter().flat_map(suspects_of_document));
            self.comments(&bytes, &file.source, format);
            return made(bytes, Way::Copied, documents, Vec::new());
        }
        let base = read(&bytes, &file.source, format, Purpose::Merge, self.limits).map_err(Error::from);
        let base = self.kept(base);
        let mut overlays = Vec::new();
        for laid in &file.overlays {
            let Some(bytes) = self.read(&laid.source) else { continue };
            let overlay =
                read(&bytes, &laid.source, format, Purpose::Merge, self.limits).map_err(Error::from);
            if let Some(Some(overlay)) = self.kept(overlay) {
                overlays.push((laid.name.clone(), overlay));
            }
        }
        let base = base?.unwrap_or_else(|| empty(&file.source));
        let options =
            MergeOptions { file: file.output.clone(), append: self.append.to_vec(), new_keys: self.new_keys };
        let merged = merge(base, overlays, &options);
        self.met.extend(&merged.appended);
        self.errors.extend(merged.errors);
        self.done.suspects.extend(suspects_of_document(&merged.root));
        let (bytes, way) = if merged.changes.is_empty() {
            self.comments(&bytes, &file.source, format);
            (bytes, Way::Copied)
        } else {
            (write(&merged.root, format).into_bytes(), Way::Merged)
        };
        let changes = if is_wanted { merged.changes } else { Vec::new() };
        made(bytes, way, vec![merged.root], changes)
    }

    /// Looks into the comments of a document whose bytes are copied. What was found in its values is not told twice.
    fn comments(&mut self, bytes: &[u8], source: &str, format: Format) {
        if format == Format::Json {
            return;
        }
        let found = suspects_of_comments(bytes, source);
        let is_told = |one: &Suspect| {
            let places = self.done.suspects.iter().map(|told| &told.place);
            places.into_iter().any(|place| place.file == one.place.file && place.line == one.place.line)
        };
        let new: Vec<Suspect> = found.into_iter().filter(|one| !is_told(one)).collect();
        self.done.suspects.extend(new);
    }

    /// Reads a file within what is left of the tree's bytes.
    fn read(&mut self, source: &str) -> Option<Vec<u8>> {
        let read = match self.tree.read(source, self.left) {
            Err(Error::TooMuch { .. }) => Err(Error::TooMuch {
                what: "the source".to_owned(),
                found: format!("more than {} bytes", self.limits.tree_bytes),
                most: self.limits.tree_bytes,
            }),
            other => other,
        };
        let bytes = self.kept(read)?;
        self.left = self.left.saturating_sub(bytes.len() as u64);
        Some(bytes)
    }

    fn kept<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.errors.push(error);
                None
            }
        }
    }
}

/// The document of a file without one.
fn empty(file: &str) -> Node {
    Node { place: Place { file: Arc::from(file), line: 1, column: 1 }, value: Value::Map(Vec::new()) }
}
