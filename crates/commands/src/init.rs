//! `landfall init`: looks at a repo, writes its `landfall.toml`, and brings its CI files to what that says.

mod ask;
mod asked;
mod choice;
mod ci_files;
mod ci_yaml;
mod draft;
mod include;
mod old_ci;
mod propose;
mod rows;
mod seen;
mod told;

use std::future::Future;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use landfall_artifacts::{EnvironmentName, Mode, Problem, Settings, write_atomic};
use landfall_cli::{Opt, Values};
use landfall_stages::{Finished, Item, Outcome, Refusal};

use crate::nearest::nearest;
use crate::{Context, Effects, Shared, every_stage};
use asked::Answers;
use ci_files::CiFiles;
use seen::System;

/// The command.
#[derive(Debug)]
pub(crate) struct Command;

/// Options that stand for a key of `landfall.toml`; that of environments is meant for all of them.
const KEYS: [(&str, &str); 13] = [
    ("environments", "environments"),
    ("image", "ci.image"),
    ("image-namespace", "image_namespace"),
    ("artifactory-url", "registries.url"),
    ("artifactory-user", "ci.variables.ARTIFACTORY_USER"),
    ("build-repository", "registries.build"),
    ("rc-repository", "registries.rc"),
    ("release-repository", "registries.release"),
    ("jira-url", "jira.url"),
    ("jira-project", "jira.project"),
    ("vault-address", "environment.*.vault.address"),
    ("vault-aws-path", "environment.*.vault.aws_path"),
    ("role-arn", "environment.*.vault.role_arn"),
];

impl crate::Command for Command {
    const NAME: &'static str = "landfall init";
    const SUMMARY: &'static str =
        "Look at the repo, write its landfall.toml, and let its CI file include what is rendered";
    const EFFECTS: Effects = Effects::Files;
    const SHARED: Shared = Shared::Local;

    fn options() -> Vec<Opt> {
        vec![
            Opt::switch("yes", "ask nothing: what cannot be seen is left to be filled in"),
            every_stage::DRY_RUN,
            Opt::value("ci", "gitlab|github", "the CI system; else as the repo shows it"),
            Opt::value(
                "environments",
                "NAMES",
                "the environments, with commas or blanks between them; else those of the CI file",
            ),
            Opt::value("image", "IMAGE", "the image that jobs run in, which has the program landfall"),
            Opt::value("image-namespace", "PATH", "the images' folder in Artifactory"),
            Opt::value("artifactory-url", "ADDRESS", "Artifactory's address, without /artifactory"),
            Opt::value("artifactory-user", "NAME", "the user that promotes in Artifactory"),
            Opt::value("build-repository", "KEY", "Artifactory's repository key of builds"),
            Opt::value("rc-repository", "KEY", "Artifactory's repository key of release candidates"),
            Opt::value("release-repository", "KEY", "Artifactory's repository key of releases"),
            Opt::value("jira-url", "ADDRESS", "Jira's address"),
            Opt::value("jira-project", "KEY", "the Jira project of release tickets"),
            Opt::value("vault-address", "ADDRESS", "Vault's address, of every environment"),
            Opt::value("vault-aws-path", "PATH", "the path of the AWS role in Vault, of every environment"),
            Opt::value("role-arn", "ARN", "the AWS role, of every environment"),
            Opt::list(
                "set",
                "KEY=TEXT",
                "any other text of landfall.toml that init asks for, such as environment.stg_eu00.ecr=...; may be given several times",
            ),
        ]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let path = PathBuf::from(values.text("config").unwrap_or_default());
            let repo =
                path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let answers = answers(&mut values);
            let wanted = system(&mut values);
            let (is_dry, asks) = (values.is_on("dry-run"), !values.is_on("yes"));
            values.finish().map_err(Refusal)?;

            let seen = seen::look(repo)?;
            let (system, why) = match (wanted, &seen.system) {
                (Some(system), _) => (system, "as it was said".to_owned()),
                (None, Some((system, why))) => (*system, why.clone()),
                (None, None) => (System::GitLab, "nothing says which; --ci github for GitHub".to_owned()),
            };
            let mut finished = Finished { lines: told::seen(&seen, system, &why), ..Finished::default() };
            let there = draft::there(&path)?;
            if there.is_none() && seen.is_nothing() && !answers.contains_key("environments") {
                return Err(nothing(repo));
            }
            let text = if let Some(text) = &there {
                let proposed = propose::choices(&seen, system, &answers);
                finished.lines.extend(told::differences(&proposed, &context.settings));
                text.clone()
            } else {
                let mut choices = propose::choices(&seen, system, &answers);
                if asks && std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
                    ask::fill(&mut choices, &mut std::io::stdin().lock(), &mut std::io::stderr().lock())
                        .map_err(|cause| terminal(&cause))?;
                }
                draft::mend(&mut choices)?;
                finished.lines.extend(told::choices(&choices));
                choice::text(&choices)
            };
            let blanks = if there.is_none() { draft::blanks(&text) } else { 0 };
            // With blanks no CI file can be written, and the old ones go on working.
            let ci = if blanks == 0 { Some(ci_files::decide(repo, &text, &seen, system)?) } else { None };
            finished.warnings.extend(told::warnings(&seen, ci.as_ref()));
            let draft = there.is_none().then_some(text.as_str());
            if is_dry {
                foretell(&mut finished, &path, draft, ci.as_ref());
            } else {
                apply(&mut finished, repo, &path, draft, ci.as_ref());
            }
            finished.summary = told::summary(&finished, blanks, is_dry);
            Ok(finished)
        })
    }
}

/// What was said by options, by the key that it is for.
fn answers(values: &mut Values<'_>) -> Answers {
    let mut answers = Answers::new();
    for (option, key) in KEYS {
        answers.extend(values.text(option).map(|value| (key.to_owned(), value)));
    }
    for text in values.list("set") {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => drop(answers.insert(key.to_owned(), value.to_owned())),
            _ => {
                let shown = landfall_secret::escape(&text, 80);
                let remedy = Some("write it as --set environment.stg_eu00.aws_region=eu-west-2".to_owned());
                values.problem("LF-USAGE", &format!("--set `{shown}` is no key with a text"), remedy);
            }
        }
    }
    let names = answers.get("environments").cloned().unwrap_or_default();
    for name in names.split([',', ' ']).filter(|name| !name.is_empty()) {
        if let Err(cause) = name.parse::<EnvironmentName>() {
            let shown = landfall_secret::escape(name, 80);
            values.problem("LF-USAGE", &format!("--environments: `{shown}` is none: {cause}"), None);
        }
    }
    answers
}

fn system(values: &mut Values<'_>) -> Option<System> {
    match values.text("ci").as_deref() {
        Some("gitlab") => Some(System::GitLab),
        Some("github") => Some(System::GitHub),
        Some(other) => {
            let what = format!("--ci `{}` is neither gitlab nor github", landfall_secret::escape(other, 60));
            let remedy = match nearest(other, ["gitlab", "github"].into_iter()) {
                Some(near) => format!("did you mean {near}?"),
                None => "leave it out: the repo shows it".to_owned(),
            };
            values.problem("LF-USAGE", &what, Some(remedy));
            None
        }
        None => None,
    }
}

/// Whoever is in another folder than the repo's root is to hear it before a file is written there.
fn nothing(repo: &Path) -> Refusal {
    let place = repo.canonicalize().unwrap_or_else(|_| repo.to_owned());
    let shown = landfall_secret::escape(&place.to_string_lossy(), 200);
    let what = format!(
        "there is nothing to deliver in {shown}: no folder functions, no folder configs, no {}",
        old_ci::ROOT
    );
    let problem = Problem::new("LF-INIT-NOTHING", landfall_artifacts::Class::Input, what);
    Refusal::one(problem.with_remedy(
        "run it in the root of the repo; or name the environments of one that is still empty by --environments",
    ))
}

fn terminal(cause: &std::io::Error) -> Refusal {
    let what = format!("the terminal could not be asked: {cause}");
    let problem = Problem::new("LF-INIT-TERMINAL", landfall_artifacts::Class::Input, what);
    Refusal::one(problem.with_remedy("repeat with --yes, and give values by their flags"))
}

/// Writes the settings first and the repo's own CI file last, so that it never includes what is not there; each file is whole or as it was,
/// and running again does the rest.
fn apply(finished: &mut Finished, repo: &Path, path: &Path, draft: Option<&str>, ci: Option<&CiFiles>) {
    let mut files: Vec<(PathBuf, String, &str)> = Vec::new();
    files.extend(draft.map(|text| (path.to_owned(), Settings::FILE_NAME.to_owned(), text)));
    if let Some(ci) = ci {
        files.extend(
            ci.stale.iter().map(|file| (repo.join(&file.path), file.path.clone(), file.text.as_str())),
        );
        files.extend(
            ci.root.iter().map(|text| (repo.join(old_ci::ROOT), old_ci::ROOT.to_owned(), text.as_str())),
        );
    }
    for (place, name, text) in files {
        match write_atomic(&place, text.as_bytes(), Mode::Shared) {
            Ok(written) => {
                finished.lines.push(format!("wrote {name}"));
                finished.items.push(Item::new(name, "written").changed());
                finished.files.push(written);
            }
            Err(error) => {
                finished.items.push(Item::new(name, "failed").failed(Problem::of(&error)));
                return;
            }
        }
    }
    finished.lines.extend(ci.iter().flat_map(|ci| ci.patch.clone()));
}

/// The same, shown.
fn foretell(finished: &mut Finished, path: &Path, draft: Option<&str>, ci: Option<&CiFiles>) {
    if let Some(text) = draft {
        finished
            .lines
            .push(format!("would write {}:", landfall_secret::escape(&path.to_string_lossy(), 200)));
        finished.lines.extend(text.lines().map(|line| format!("    {line}").trim_end().to_owned()));
    }
    if let Some(ci) = ci {
        finished.lines.extend(ci.stale.iter().map(|file| format!("would write {}", file.path)));
        finished.lines.extend(ci.root.iter().map(|_| format!("would write {}", old_ci::ROOT)));
        finished.lines.extend(ci.patch.clone());
    }
}
