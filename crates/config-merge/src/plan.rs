//! From the names of a tree's files to what each file of the output is made of. Pure: nothing is read.

mod names;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::Spellings;

use crate::components::{Choice, Pins, choose, within};
use crate::error::Error;
use crate::format::Format;
use crate::layers::{Layers, Rank};
use crate::unread::Unread;
use names::{Named, named};

/// What becomes of the folder of the version that is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VersionFolders {
    /// Its files stand in the component's folder.
    #[default]
    Lift,
    /// It stays.
    Keep,
}

/// What the output is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The files of the output, by their paths.
    pub files: Vec<PlannedFile>,
    /// Which version of each component is taken.
    pub choices: Vec<Choice>,
    /// Overlays that are not laid now.
    pub left_out: Vec<String>,
    /// How many files belong to versions that are not taken.
    pub other_versions: usize,
    /// What a reader should look at although it is no error.
    pub warnings: Vec<String>,
}

/// One file of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFile {
    /// Its path in the output.
    pub output: String,
    /// The base, in the source.
    pub source: String,
    /// The format, where it is a document.
    pub format: Option<Format>,
    /// The overlays, in their order. Of a file that is no document the last takes the base's place.
    pub overlays: Vec<Laid>,
}

/// An overlay that is laid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Laid {
    /// Its name.
    pub name: String,
    /// Its file, in the source.
    pub source: String,
}

/// Decides what becomes of each of these files, given by their paths below the source's root.
///
/// `<file>.<overlay>.<ext>` is an overlay of `<file>.<ext>` beside it, and `overlays/<name>/<path>` one of `<path>` beside the
/// folder `overlays`, at any depth. A part in the middle of a name that is no overlay's is a part of the name. Of a component,
/// a folder with folders named as versions, one version is taken; its files stand in the place of the component's
/// (or keep their folder), and overlays name them there.
///
/// Besides the plan, which says what can be said all the same, there is all that stands in the way: overlays without base, of
/// other formats, given twice, or within each other; unknown folders of overlays; versions that cannot be chosen; files that
/// would fall together.
pub fn plan(
    paths: &[&str],
    layers: &Layers,
    pins: &Pins,
    version_folders: VersionFolders,
    unread: &Unread,
) -> (Plan, Vec<Error>) {
    let mut planning = Planning { version_folders, ..Planning::new(layers, unread) };
    let mut paths: Vec<&str> = paths.to_vec();
    paths.sort_unstable();
    let named: Vec<Named<'_>> = planning.named(&paths);
    let bases = named.iter().filter(|one| !one.in_folder);
    planning.choices = choose(bases.map(|one| one.at.as_str()), pins, &mut planning.errors);
    planning.place(named);
    planning.check_outputs();
    planning.finish()
}

/// Takes files as they are, each for the one of its path: what another program made is looked at in this way. Besides, there are
/// the files that would fall together.
pub fn plan_as_is(paths: &[&str], unread: &Unread) -> (Plan, Vec<Error>) {
    let layers = Layers::default();
    let mut planning = Planning::new(&layers, unread);
    for path in paths {
        let format = Format::of(path).filter(|_| !unread.has(path));
        let (output, source) = ((*path).to_owned(), (*path).to_owned());
        planning.files.insert(output.clone(), PlannedFile { output, source, format, overlays: Vec::new() });
    }
    planning.check_outputs();
    planning.finish()
}

/// Where a path stands with regard to the versions of its component.
enum Lifted {
    /// It is of the version that is taken, or of no component.
    Taken {
        /// The path that overlays know it by.
        known_as: String,
        /// Its place in the output.
        output: String,
    },
    /// It is of another version that is there.
    PassedOver,
    /// It is of a version that is not there.
    NotThere,
}

struct Planning<'p> {
    layers: &'p Layers,
    unread: &'p Unread,
    version_folders: VersionFolders,
    choices: BTreeMap<String, Choice>,
    /// Bases by the path that overlays know them by.
    files: BTreeMap<String, PlannedFile>,
    /// Bases that overlays would know by the path of another, where folders of versions are kept.
    further: BTreeMap<String, Vec<PlannedFile>>,
    plan: Plan,
    errors: Vec<Error>,
}

impl<'p> Planning<'p> {
    fn new(layers: &'p Layers, unread: &'p Unread) -> Self {
        Self {
            layers,
            unread,
            version_folders: VersionFolders::Lift,
            choices: BTreeMap::new(),
            files: BTreeMap::new(),
            further: BTreeMap::new(),
            plan: Plan::default(),
            errors: Vec::new(),
        }
    }

    /// What every name says.
    fn named<'s>(&mut self, paths: &[&'s str]) -> Vec<Named<'s>> {
        let mut unknown = BTreeSet::new();
        let mut all = Vec::new();
        for path in paths {
            match named(path, self.layers) {
                Ok(one) => {
                    if let Some(nearly) = &one.nearly {
                        self.plan.warnings.push(format!(
                            "{} is no overlay: names of overlays are told apart by case, and the known one is {nearly}",
                            landfall_secret::escape(path, 300)
                        ));
                    }
                    // Where nothing stands that it could be laid over, it is no overlay.
                    if let Some((known, _)) =
                        one.misspelt.as_ref().filter(|(_, base)| paths.contains(&base.as_str()))
                    {
                        self.plan.warnings.push(format!(
                            "{} is no overlay and goes out as it is: was {known} meant?",
                            landfall_secret::escape(path, 300)
                        ));
                    }
                    all.push(one);
                }
                Err(Error::UnknownOverlay { folder, known }) => {
                    if unknown.insert(folder.clone()) {
                        self.errors.push(Error::UnknownOverlay { folder, known });
                    }
                }
                Err(error) => self.errors.push(error),
            }
        }
        all
    }

    /// Gives bases their places, then overlays their bases.
    fn place(&mut self, named: Vec<Named<'_>>) {
        let (overlays, bases): (Vec<_>, Vec<_>) = named.into_iter().partition(|one| one.overlay.is_some());
        for base in bases {
            let Lifted::Taken { known_as, output } = self.lifted(&base.at) else {
                self.plan.other_versions += 1;
                continue;
            };
            let is_unread = self.unread.has(&known_as) || self.unread.has(base.source);
            let format = Format::of(&output).filter(|_| !is_unread);
            let file = PlannedFile { output, source: base.source.to_owned(), format, overlays: Vec::new() };
            if let Some(other) = self.files.get(&known_as) {
                if other.output != file.output {
                    self.further.entry(known_as).or_default().push(file);
                    continue;
                }
                self.errors.push(Error::SamePath {
                    one: other.source.clone(),
                    other: file.source,
                    how: "would be one file of the output",
                });
            } else {
                self.files.insert(known_as, file);
            }
        }
        let mut seen: BTreeMap<(String, String), String> = BTreeMap::new();
        let mut laid: BTreeMap<String, Vec<(usize, Laid)>> = BTreeMap::new();
        for overlay in overlays {
            let Some(name) = overlay.overlay.clone() else { continue };
            let known_as = match self.lifted(&overlay.at) {
                Lifted::Taken { known_as, .. } => known_as,
                // Of a version that is not taken an overlay is not looked at either.
                Lifted::PassedOver => {
                    self.plan.other_versions += 1;
                    continue;
                }
                Lifted::NotThere => {
                    let overlay_at = overlay.source.to_owned();
                    self.errors.push(Error::NoBase { overlay: overlay_at, base: overlay.at });
                    continue;
                }
            };
            let Some(base) = self.base_of(&known_as, overlay.source) else { continue };
            self.refuse_unclear(&base);
            let key = (base.clone(), name.clone());
            if let Some(one) = seen.insert(key, overlay.source.to_owned()) {
                let other = overlay.source.to_owned();
                self.errors.push(Error::OverlayTwice { one, other, name, base });
                continue;
            }
            match self.layers.rank(&name) {
                Some(Rank::Laid(rank)) => {
                    laid.entry(base)
                        .or_default()
                        .push((rank, Laid { name, source: overlay.source.to_owned() }));
                }
                Some(Rank::LeftOut) | None => self.plan.left_out.push(overlay.source.to_owned()),
            }
        }
        for (base, mut overlays) in laid {
            overlays.sort_by_key(|(rank, _)| *rank);
            if let Some(file) = self.files.get_mut(&base) {
                file.overlays = overlays.into_iter().map(|(_, laid)| laid).collect();
            }
        }
    }

    /// Whether a path is of a version that is taken, by the version and not by how it is written.
    fn lifted(&self, at: &str) -> Lifted {
        let plain = || Lifted::Taken { known_as: at.to_owned(), output: at.to_owned() };
        let Some(within) = within(at) else { return plain() };
        let Some(choice) = self.choices.get(within.component) else { return plain() };
        if !choice.takes(within.folder) {
            return if choice.passes_over(within.folder) { Lifted::PassedOver } else { Lifted::NotThere };
        }
        let lifted = format!("{}/{}", within.component, within.rest);
        let output = match self.version_folders {
            VersionFolders::Lift => lifted.clone(),
            VersionFolders::Keep => at.to_owned(),
        };
        Lifted::Taken { known_as: lifted, output }
    }

    /// An overlay names a path by which two files are known: which it is for, nobody can say.
    fn refuse_unclear(&mut self, base: &str) {
        let Some(further) = self.further.remove(base) else { return };
        let Some(first) = self.files.get(base) else { return };
        let how = "are one file to the overlay of that name";
        self.errors.extend(further.into_iter().map(|file| Error::SamePath {
            one: first.source.clone(),
            other: file.source,
            how,
        }));
    }

    /// The base that an overlay belongs to: of its own name, else of another that says the same format.
    fn base_of(&mut self, wanted: &str, overlay: &str) -> Option<String> {
        if self.files.contains_key(wanted) {
            return Some(wanted.to_owned());
        }
        let no_base = || Error::NoBase { overlay: overlay.to_owned(), base: wanted.to_owned() };
        let (Some(format), Some((stem, _))) = (Format::of(wanted), wanted.rsplit_once('.')) else {
            self.errors.push(no_base());
            return None;
        };
        let other = ["json", "yaml", "yml", "toml"]
            .iter()
            .filter_map(|extension| self.files.get_key_value(&format!("{stem}.{extension}")))
            .map(|(known_as, file)| (known_as.clone(), file.source.clone()))
            .collect::<Vec<_>>();
        if let Some((known_as, _)) = other.iter().find(|(known_as, _)| Format::of(known_as) == Some(format)) {
            return Some(known_as.clone());
        }
        self.errors.push(
            match other.first().and_then(|(known_as, source)| Some((source, Format::of(known_as)?))) {
                Some((base, base_format)) => Error::OtherFormat {
                    overlay: overlay.to_owned(),
                    format,
                    base: base.clone(),
                    base_format,
                },
                None => no_base(),
            },
        );
        None
    }

    /// Files that would fall together, here or on systems that do not tell case or the spelling of accents apart.
    fn check_outputs(&mut self) {
        let mut spellings = Spellings::default();
        let files = self.files.values().chain(self.further.values().flatten());
        let sources: BTreeMap<&str, &str> =
            files.map(|file| (file.output.as_str(), file.source.as_str())).collect();
        for (output, source) in &sources {
            if let Some((one, other)) = spellings.take(output) {
                // What looks the same is told apart by its characters.
                let (one, other) = (one.escape_default().to_string(), other.escape_default().to_string());
                let how = "differ in case or in the spelling of letters alone";
                self.errors.push(Error::SamePath { one, other, how });
            }
            for (at, _) in output.match_indices('/') {
                if let Some(file) = output.get(..at).and_then(|above| sources.get(above)) {
                    self.errors.push(Error::SamePath {
                        one: (*file).to_owned(),
                        other: (*source).to_owned(),
                        how: "would be a file and a file below it",
                    });
                }
            }
        }
    }

    fn finish(self) -> (Plan, Vec<Error>) {
        let Self { choices, files, further, mut plan, errors, .. } = self;
        plan.files = files.into_values().chain(further.into_values().flatten()).collect();
        plan.files.sort_by(|a, b| a.output.cmp(&b.output));
        plan.choices = choices.into_values().collect();
        (plan, errors)
    }
}
