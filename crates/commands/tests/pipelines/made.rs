//! A repo with a `landfall.toml`.

use std::path::PathBuf;

use landfall_cli::Environment;
use landfall_commands::Ended;
use landfall_commands::pipelines::deeds;
use tempfile::TempDir;

/// Two environments of staging and one of production.
pub(crate) const ROWS: &str = "\
[environment.stg_eu00]
kind = \"staging\"
suffix = \"staging-eu\"

[environment.stg_na03]
kind = \"staging\"
suffix = \"staging-na\"

[environment.prod_eu00]
kind = \"production\"
suffix = \"prod-eu\"
";

/// A repo.
pub(crate) struct Repo {
    folder: TempDir,
}

impl Repo {
    /// With this `landfall.toml`.
    pub(crate) fn of(settings: &str) -> Self {
        let repo = Self { folder: tempfile::tempdir().expect("a folder") };
        repo.write("landfall.toml", settings);
        repo
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a file")
    }

    /// Runs a command of the tool; files of the repo are named `@/...`.
    pub(crate) fn run(&self, words: &str) -> Ended {
        self.run_with(words, &[])
    }

    /// The same, with variables.
    pub(crate) fn run_with(&self, words: &str, variables: &[(&str, &str)]) -> Ended {
        self.run_words(&words.split(' ').collect::<Vec<_>>(), variables)
    }

    /// The same, of words that may have spaces in them.
    pub(crate) fn run_words(&self, words: &[&str], variables: &[(&str, &str)]) -> Ended {
        let root = format!("{}/", self.folder.path().display());
        let words: Vec<String> = words.iter().map(|word| word.replace("@/", &root)).collect();
        let count = |name: &str| name.split(' ').count();
        let fits = |name: &str| name.split(' ').eq(words.iter().take(count(name)).map(String::as_str));
        let deed = deeds().iter().find(|deed| fits(deed.name)).expect("a command");
        let mut arguments: Vec<String> = words.iter().skip(count(deed.name)).cloned().collect();
        arguments.extend(["--config".to_owned(), format!("{root}landfall.toml")]);
        let of = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut ended = (deed.run)(&arguments, variables.iter().map(of).collect::<Environment>());
        for text in [&mut ended.stdout, &mut ended.stderr] {
            *text = text.replace(&root, "@/");
        }
        ended
    }

    /// Exit code, standard output and standard error as one text.
    pub(crate) fn shown(&self, words: &str) -> String {
        self.shown_with(words, &[])
    }

    /// The same, with variables.
    pub(crate) fn shown_with(&self, words: &str, variables: &[(&str, &str)]) -> String {
        let ended = self.run_with(words, variables);
        for line in ended.stdout.lines() {
            assert!(!line.contains(['\u{1b}', '\u{202e}']), "{words}: {line:?}");
        }
        format!("exit {}\n{}{}", ended.code, ended.stdout, ended.stderr)
    }
}
