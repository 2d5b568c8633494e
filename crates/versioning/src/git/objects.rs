//! Objects of git: making commits and tags without touching the working tree.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use landfall_artifacts::CommitId;
use landfall_run::Run;

use super::{Call, Git};
use crate::Error;

/// Who makes a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
}

impl Person {
    /// Whether git takes it: both filled, no line breaks and no angle brackets.
    pub fn is_good(&self) -> bool {
        [&self.name, &self.email].iter().all(|text| {
            !text.trim().is_empty() && !text.chars().any(|c| c.is_control() || c == '<' || c == '>')
        })
    }
}

/// A file of a commit that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// Its path from the repo's root.
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A tag that was made and is not yet anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTag {
    /// Its name.
    pub name: String,
    /// Its object.
    pub object: CommitId,
}

/// A file as a commit has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    pub(crate) mode: String,
    pub(crate) object: String,
}

/// The mode of a symbolic link: what is stored is the path that it leads to.
const LINK: &str = "120000";

impl Git {
    /// The files of a commit by path. Submodules are left out.
    pub(crate) async fn files_of(
        &self,
        commit: &CommitId,
        run: &Run,
    ) -> Result<BTreeMap<String, Blob>, Error> {
        let arguments = ["ls-tree", "-r", "-z", "--full-tree", "--end-of-options", commit.as_str()];
        let answer = self.call(&Call::new("list the files of a commit", &arguments), run).await?;
        let entry = |line: &[u8]| {
            let line = String::from_utf8_lossy(line);
            let (facts, path) = line.split_once('\t')?;
            let mut facts = facts.split(' ');
            let (mode, kind, object) = (facts.next()?, facts.next()?, facts.next()?);
            let blob = Blob { mode: mode.to_owned(), object: object.to_owned() };
            (kind == "blob").then(|| (path.to_owned(), blob))
        };
        Ok(answer.stdout.split(|byte| *byte == 0).filter_map(entry).collect())
    }

    /// Makes a commit on another, with these files changed or added. Nothing but git's store of objects is touched.
    pub(crate) async fn make_commit(
        &self,
        parent: &CommitId,
        files: &[FileChange],
        message: &str,
        person: &Person,
        run: &Run,
    ) -> Result<CommitId, Error> {
        let known = self.files_of(parent, run).await?;
        let is_link = |file: &&FileChange| known.get(&file.path).is_some_and(|blob| blob.mode == LINK);
        let links: Vec<String> = files.iter().filter(is_link).map(|file| file.path.clone()).collect();
        if !links.is_empty() {
            return Err(Error::Links { paths: links });
        }
        let contents: Vec<&[u8]> = files.iter().map(|file| file.bytes.as_slice()).collect();
        let objects = self.store("blob", &contents, run).await?;
        let mut entries = Vec::new();
        for (file, object) in files.iter().zip(&objects) {
            let mode = known.get(&file.path).map_or("100644", |blob| blob.mode.as_str());
            entries.extend_from_slice(format!("{mode} {object}\t{}\0", file.path).as_bytes());
        }
        let folder = tempfile::tempdir().map_err(|cause| Error::Folder { cause })?;
        let index = folder.path().join("index").to_string_lossy().into_owned();
        let variables = [("GIT_INDEX_FILE", index.as_str())];
        let arguments = ["read-tree", "--end-of-options", parent.as_str()];
        self.call(&Call { variables: &variables, ..Call::new("read a commit's tree", &arguments) }, run)
            .await?;
        let arguments = ["update-index", "-z", "--add", "--index-info"];
        let change =
            Call { variables: &variables, input: &entries, ..Call::new("change a tree", &arguments) };
        self.call(&change, run).await?;
        let tree = self
            .call(&Call { variables: &variables, ..Call::new("write a tree", &["write-tree"]) }, run)
            .await?;
        let tree = tree.text();
        let date = date(run);
        let variables = [
            ("GIT_AUTHOR_NAME", person.name.as_str()),
            ("GIT_AUTHOR_EMAIL", person.email.as_str()),
            ("GIT_AUTHOR_DATE", date.as_str()),
            ("GIT_COMMITTER_NAME", person.name.as_str()),
            ("GIT_COMMITTER_EMAIL", person.email.as_str()),
            ("GIT_COMMITTER_DATE", date.as_str()),
        ];
        let arguments = ["commit-tree", "-p", parent.as_str(), "-F", "-", tree.as_str()];
        let make = Call {
            variables: &variables,
            input: message.as_bytes(),
            ..Call::new("make a commit", &arguments)
        };
        let answer = self.call(&make, run).await?;
        answer.text().parse().map_err(|_| Error::Malformed { what: "the new commit" })
    }

    /// Makes annotated tags of a commit. They are not yet named anywhere.
    pub(crate) async fn make_tags(
        &self,
        commit: &CommitId,
        names: &[String],
        person: &Person,
        run: &Run,
    ) -> Result<Vec<NewTag>, Error> {
        let date = date(run).trim_start_matches('@').to_owned();
        let text = |name: &String| {
            let Person { name: tagger, email } = person;
            format!("object {commit}\ntype commit\ntag {name}\ntagger {tagger} <{email}> {date}\n\n{name}\n")
                .into_bytes()
        };
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let texts: Vec<Vec<u8>> = names.iter().map(text).collect();
        let objects = self.store("tag", &texts.iter().map(Vec::as_slice).collect::<Vec<_>>(), run).await?;
        Ok(names.iter().zip(objects).map(|(name, object)| NewTag { name: name.clone(), object }).collect())
    }

    /// Names tags in this repo, all or none. A tag of that name that is here alone gives way.
    pub(crate) async fn name_tags(&self, tags: &[NewTag], run: &Run) -> Result<(), Error> {
        if tags.is_empty() {
            return Ok(());
        }
        let mut input = String::new();
        for tag in tags {
            let _ = writeln!(input, "update refs/tags/{} {}", tag.name, tag.object);
        }
        let call = Call { input: input.as_bytes(), ..Call::new("name the tags", &["update-ref", "--stdin"]) };
        self.call(&call, run).await.map(drop)
    }

    /// Brings `HEAD`, its branch and the working tree to a commit. Files with changes of their own are not touched: git refuses
    /// then.
    pub(crate) async fn move_to(&self, commit: &CommitId, run: &Run) -> Result<(), Error> {
        // Where the working tree was copied, files look changed until git has read them again. What it finds changed, `reset` refuses.
        let refresh = ["update-index", "-q", "--refresh"];
        self.attempt(&Call::new("look at the working tree", &refresh), run).await?;
        let arguments = ["reset", "--quiet", "--keep", commit.as_str()];
        self.call(&Call::new("bring the working tree to the new commit", &arguments), run).await.map(drop)
    }

    /// Puts contents into git's store by one call; the ids in their order.
    async fn store(&self, kind: &str, contents: &[&[u8]], run: &Run) -> Result<Vec<CommitId>, Error> {
        let folder = tempfile::tempdir().map_err(|cause| Error::Folder { cause })?;
        let mut paths = String::new();
        for (number, bytes) in contents.iter().enumerate() {
            let path = folder.path().join(number.to_string());
            std::fs::write(&path, bytes).map_err(|cause| Error::Folder { cause })?;
            let _ = writeln!(paths, "{}", path.display());
        }
        let arguments = ["hash-object", "-t", kind, "-w", "--no-filters", "--stdin-paths"];
        let answer = self
            .call(&Call { input: paths.as_bytes(), ..Call::new("store objects", &arguments) }, run)
            .await?;
        let ids: Vec<CommitId> = answer.text().lines().filter_map(|id| id.parse().ok()).collect();
        if ids.len() == contents.len() {
            Ok(ids)
        } else {
            Err(Error::Malformed { what: "the ids of new objects" })
        }
    }
}

/// The time as git takes it: seconds since 1970, in UTC.
fn date(run: &Run) -> String {
    format!("@{} +0000", run.clock().now().unix_timestamp())
}
