//! What a `.gitlab-ci.yml` that is there already says: what it includes, the variables, and the environments of its jobs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use landfall_artifacts::{
    EnvironmentKind, EnvironmentName, FileError, FileErrors, FileProblem, read_bounded,
};

use super::ci_yaml::{Node, line_of, read};

/// The repo's own file.
pub(super) const ROOT: &str = ".gitlab-ci.yml";

/// The most bytes of a CI file, as GitLab itself has it by default.
const MOST_BYTES: usize = 2 * 1024 * 1024;

/// The most files that are read for one that includes them.
const MOST_FILES: usize = 50;

/// Keys at the top that are no jobs.
const WORDS: [&str; 13] = [
    "include",
    "variables",
    "stages",
    "default",
    "workflow",
    "image",
    "services",
    "cache",
    "before_script",
    "after_script",
    "spec",
    "pages",
    "types",
];

/// What jobs of old files are called for which environment, where nothing says it.
const SUFFIXES: [(&str, &str); 4] = [
    ("staging-eu", "stg_eu00"),
    ("staging-na", "stg_na03"),
    ("prod-eu", "prod_eu00"),
    ("prod-na", "prod_na03"),
];

/// A value with the place where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) value: String,
    pub(super) place: String,
}

/// An environment that jobs are for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OldRow {
    /// What stands at the end of its jobs' names.
    pub(super) suffix: Option<String>,
    /// Where it was seen first.
    pub(super) place: String,
    /// The variables of its jobs, the first that was seen of each name.
    pub(super) variables: BTreeMap<String, Said>,
}

/// What is said.
#[derive(Clone, Debug)]
pub(super) struct OldCi {
    /// The text of the repo's own file.
    pub(super) text: String,
    /// The same, read.
    pub(super) root: Node,
    /// The variables of all jobs.
    pub(super) variables: BTreeMap<String, Said>,
    /// Environments in the order of their names.
    pub(super) rows: BTreeMap<EnvironmentName, OldRow>,
    /// Every variable that is set anywhere, with its first place.
    pub(super) every_variable: BTreeMap<String, String>,
    /// Whether the repo's own file is a link to another one.
    pub(super) is_link: bool,
    /// Every job of the files of the repo.
    pub(super) jobs: BTreeSet<String>,
    /// The stages of the repo's own file.
    pub(super) stages: Option<Vec<String>>,
}

/// Reads the file and those of the repo that it includes; `None` where it is not there.
///
/// # Errors
/// What cannot be read or is no YAML. A file that is included and not there is passed over.
pub(super) fn look(repo: &Path) -> Result<Option<OldCi>, FileError> {
    let text = match read_text(repo, ROOT) {
        Err(FileError::Missing { .. } | FileError::Empty { .. }) => return Ok(None),
        other => other?,
    };
    let root = read(&text, ROOT)?;
    let texts = |node: &Node| -> Vec<String> {
        node.items().iter().filter_map(Node::text).map(str::to_owned).collect()
    };
    let mut ci = OldCi {
        stages: root.get("stages").map(texts),
        variables: BTreeMap::new(),
        rows: BTreeMap::new(),
        every_variable: BTreeMap::new(),
        jobs: BTreeSet::new(),
        is_link: repo.join(ROOT).is_symlink(),
        text,
        root,
    };
    let (root, text) = (ci.root.clone(), ci.text.clone());
    ci.take(&root, &text, ROOT);
    let mut files: Vec<String> = local_includes(&root);
    let mut seen: BTreeSet<String> = BTreeSet::new();
    while let Some(path) = files.pop() {
        if seen.len() >= MOST_FILES || !is_inside(&path) || !seen.insert(path.clone()) {
            continue;
        }
        if !leads_inside(repo, &path) {
            continue;
        }
        let Ok(text) = read_text(repo, &path) else { continue };
        if text.starts_with("# Written by `landfall render") {
            continue;
        }
        let node = read(&text, &path)?;
        ci.take(&node, &text, &path);
        files.extend(local_includes(&node));
    }
    Ok(Some(ci))
}

fn read_text(repo: &Path, path: &str) -> Result<String, FileError> {
    let bytes = read_bounded(&repo.join(path), MOST_BYTES)?;
    String::from_utf8(bytes).map_err(|error| {
        FileErrors::one(FileProblem {
            file: landfall_secret::escape(path, 300),
            pointer: String::new(),
            place: None,
            found: format!("a byte at {} that is not UTF-8", error.utf8_error().valid_up_to()),
            expected: "a file in UTF-8: written back in any other way it would be damaged".to_owned(),
        })
        .into()
    })
}

/// Whether a path stays below the repo also where links are on the way.
fn leads_inside(repo: &Path, path: &str) -> bool {
    match (repo.canonicalize(), repo.join(path).canonicalize()) {
        (Ok(repo), Ok(file)) => file.starts_with(repo),
        _ => false,
    }
}

/// Whether a path is one below the repo, without patterns.
fn is_inside(path: &str) -> bool {
    !path.contains('*') && !path.split('/').any(|step| step == "..") && !path.is_empty()
}

fn local_includes(root: &Node) -> Vec<String> {
    let one = |item: &Node| {
        let path = item.text().or_else(|| item.get("local")?.text())?;
        (!path.contains("://")).then(|| path.trim_start_matches('/').to_owned())
    };
    root.get("include").map(Node::items).unwrap_or_default().iter().filter_map(one).collect()
}

impl OldCi {
    fn take(&mut self, root: &Node, text: &str, file: &str) {
        let place = |offset: usize| format!("{file}, line {}", line_of(text, offset));
        let variables = |node: Option<&Node>| -> Vec<(String, Said)> {
            let one = |member: &super::ci_yaml::Member| {
                let value = member.value.text().or_else(|| member.value.get("value")?.text())?;
                Some((member.key.clone(), Said { value: value.to_owned(), place: place(member.at) }))
            };
            node.map(Node::members).unwrap_or_default().iter().filter_map(one).collect()
        };
        for (name, said) in variables(root.get("variables")) {
            self.every_variable.entry(name.clone()).or_insert_with(|| said.place.clone());
            self.variables.entry(name).or_insert(said);
        }
        for job in root.members().iter().filter(|member| !WORDS.contains(&member.key.as_str())) {
            self.jobs.insert(job.key.clone());
            let own = variables(job.value.get("variables"));
            for (name, said) in &own {
                self.every_variable.entry(name.clone()).or_insert_with(|| said.place.clone());
            }
            let named = job
                .value
                .get("environment")
                .and_then(|node| node.text().or_else(|| node.get("name")?.text()).map(str::to_owned));
            let suffix = SUFFIXES.iter().find(|(suffix, _)| job.key.ends_with(&format!("-{suffix}")));
            let name = named.or_else(|| suffix.map(|(_, name)| (*name).to_owned()));
            // A name that is made of variables, or that of a review app, is none of ours.
            let Some(name) = name.and_then(|name| name.parse::<EnvironmentName>().ok()) else { continue };
            if kind_of(&name).is_none() {
                continue;
            }
            let row = self.rows.entry(name).or_default();
            if row.place.is_empty() {
                row.place = format!("{} in {}", landfall_secret::escape(&job.key, 100), place(job.at));
            }
            if let (None, Some((suffix, _))) = (&row.suffix, suffix) {
                row.suffix = Some((*suffix).to_owned());
            }
            for (name, said) in own {
                row.variables.entry(name).or_insert(said);
            }
        }
    }

    /// A variable that all jobs have, as far as its value is said here.
    pub(super) fn common(&self, name: &str) -> Option<Said> {
        self.resolved(self.variables.get(name)?, None)
    }

    /// A variable that the jobs of an environment have, else that of all jobs.
    pub(super) fn of_row(&self, row: &OldRow, name: &str) -> Option<Said> {
        let own = row.variables.get(name).and_then(|said| self.resolved(said, Some(row)));
        own.or_else(|| self.common(name))
    }

    /// The value, also where it is one other variable; `None` where variables are part of it.
    fn resolved(&self, said: &Said, row: Option<&OldRow>) -> Option<Said> {
        if !said.value.contains('$') {
            return Some(said.clone()).filter(|said| !said.value.trim().is_empty());
        }
        let name = said.value.strip_prefix('$')?;
        let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
        let other = row.and_then(|row| row.variables.get(name)).or_else(|| self.variables.get(name))?;
        Some(other.clone()).filter(|said| !said.value.contains('$') && !said.value.trim().is_empty())
    }
}

/// What an environment is for, by its name.
pub(super) fn kind_of(name: &EnvironmentName) -> Option<EnvironmentKind> {
    let first = name.as_str().split(['_', '-', '.', '/']).next().unwrap_or_default();
    match first {
        "stg" | "stage" | "staging" => Some(EnvironmentKind::Staging),
        "prod" | "prd" | "production" => Some(EnvironmentKind::Production),
        _ => None,
    }
}

/// What stands at the end of the job names of an environment in old files.
pub(super) fn usual_suffix(name: &EnvironmentName) -> Option<&'static str> {
    SUFFIXES.iter().find(|(_, known)| *known == name.as_str()).map(|(suffix, _)| *suffix)
}
