//! The history of a large Nx workspace, as `git fast-import` takes it (gitformat: git-fast-import, "Input Format").

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Functions; each gets versions.
pub(super) const FUNCTIONS: usize = 200;
/// Libraries.
pub(super) const LIBRARIES: usize = 100;
/// Commits after the first.
pub(super) const COMMITS: usize = 10_000;
/// Libraries that a function imports. A library imports up to two others.
pub(super) const IMPORTS: usize = 4;
/// There is a release after so many commits.
pub(super) const RELEASE_EVERY: usize = 50;
/// Of a hundred functions, so many are in a release.
const IN_RELEASE: usize = 30;
/// Commits since the last release.
pub(super) const SINCE_RELEASE: usize = 20;
/// A branch is merged after so many commits, and its commits are the last of them.
const MERGE_EVERY: usize = 20;
const ON_BRANCH: usize = 5;
/// One commit of so many brings a package up to date, and so the lockfile.
const LOCKFILE_EVERY: usize = 41;
/// Packages of the lockfile.
const PACKAGES: usize = 300;

/// A file of a commit.
type File = (String, String);

/// Writes the whole history to `main`. It is the same each time.
pub(super) fn tell(to: &mut impl Write, has_tags: bool) -> io::Result<()> {
    let mut teller = Teller { to, random: fastrand::Rng::with_seed(7), seconds: 1_700_000_000, mark: 0 };
    teller.commit("chore: begin", &[], &first_files())?;
    let mut on_branch: Vec<File> = Vec::new();
    let mut trunk = teller.mark;
    let mut tip = trunk;
    for at in 1..=COMMITS {
        let place = at % MERGE_EVERY;
        if place == 0 {
            teller.commit(&format!("Merge branch 'change-{at}' into 'main'"), &[trunk, tip], &on_branch)?;
            on_branch.clear();
            trunk = teller.mark;
        } else if (at + SINCE_RELEASE).is_multiple_of(RELEASE_EVERY) {
            let version = at / RELEASE_EVERY + 1;
            let released: Vec<usize> =
                (0..FUNCTIONS).filter(|_| teller.random.usize(..100) < IN_RELEASE).collect();
            let files: Vec<File> =
                released.iter().flat_map(|function| released_files(*function, version)).collect();
            teller.commit(
                &format!("chore(release): {} projects [skip ci]", released.len()),
                &[trunk],
                &files,
            )?;
            trunk = teller.mark;
            if has_tags {
                for function in &released {
                    teller.tag(&format!("fn-{function:03}-1.0.{version}"))?;
                }
            }
        } else {
            let (message, files) = teller.change(at);
            let is_on_branch = place > MERGE_EVERY - 1 - ON_BRANCH;
            let parent = if is_on_branch && !on_branch.is_empty() { tip } else { trunk };
            teller.commit(&message, &[parent], &files)?;
            if is_on_branch {
                tip = teller.mark;
                on_branch.extend(files);
            } else {
                trunk = teller.mark;
            }
        }
    }
    Ok(())
}

struct Teller<'a, W> {
    to: &'a mut W,
    random: fastrand::Rng,
    seconds: u64,
    /// The number of the last commit.
    mark: usize,
}

impl<W: Write> Teller<'_, W> {
    /// A commit on the first of these, which joins the others.
    fn commit(&mut self, message: &str, parents: &[usize], files: &[File]) -> io::Result<()> {
        self.mark += 1;
        self.seconds += 600;
        writeln!(self.to, "commit refs/heads/main\nmark :{}", self.mark)?;
        writeln!(self.to, "committer Ann <ann@example.com> {} +0000", self.seconds)?;
        self.data(message)?;
        for (at, parent) in parents.iter().enumerate() {
            writeln!(self.to, "{} :{parent}", if at == 0 { "from" } else { "merge" })?;
        }
        for (path, text) in files {
            writeln!(self.to, "M 100644 inline {path}")?;
            self.data(text)?;
        }
        writeln!(self.to)
    }

    /// A tag of the last commit.
    fn tag(&mut self, name: &str) -> io::Result<()> {
        writeln!(self.to, "tag {name}\nfrom :{}", self.mark)?;
        writeln!(self.to, "tagger Ann <ann@example.com> {} +0000", self.seconds)?;
        self.data(name)
    }

    fn data(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.to, "data {}\n{text}", text.len())
    }

    /// What one commit does, mostly to a function.
    fn change(&mut self, at: usize) -> (String, Vec<File>) {
        let function = self.random.usize(..FUNCTIONS);
        let library = self.random.usize(..LIBRARIES);
        let kinds = ["fix", "fix", "fix", "feat", "feat", "refactor", "test", "docs", "chore", "perf"];
        let kind = kinds[self.random.usize(..kinds.len())];
        if at.is_multiple_of(LOCKFILE_EVERY) {
            let package = self.random.usize(..PACKAGES);
            let files = vec![("package-lock.json".to_owned(), lockfile(package, at))];
            return (format!("fix(deps): update pkg-{package:03} to 1.{at}.0"), files);
        }
        let body = "\n\nThe reason for it, told in two lines as people do,\nwith what it means for those who call it.\n\nRefs: SHOP-1234";
        match self.random.usize(..100) {
            0..60 => {
                let files = vec![
                    (format!("functions/fn-{function:03}/src/handler.ts"), handler(at)),
                    (format!("functions/fn-{function:03}/src/handler.spec.ts"), spec(at)),
                ];
                (format!("{kind}(fn-{function:03}): change {at}{body}"), files)
            }
            60..75 => {
                let files =
                    vec![(format!("functions/fn-{function:03}/README.md"), format!("# Function, {at}\n"))];
                (format!("docs(fn-{function:03}): change {at}"), files)
            }
            75..95 => {
                let files = vec![(format!("libs/lib-{library:02}/src/part.ts"), handler(at))];
                (format!("{kind}(lib-{library:02}): change {at}{body}"), files)
            }
            _ => (format!("docs: change {at}"), vec![("README.md".to_owned(), format!("# Shop, {at}\n"))]),
        }
    }
}

/// Libraries that a function imports, the same each time.
fn imports(function: usize) -> BTreeSet<usize> {
    (0..IMPORTS).map(|at| (function * 7 + at * 31) % LIBRARIES).collect()
}

/// Libraries that a library imports: up to two of those before it.
fn imports_of_library(library: usize) -> BTreeSet<usize> {
    [library / 2, library / 3].into_iter().filter(|other| *other != library && library > 3).collect()
}

fn first_files() -> Vec<File> {
    let mut files: Vec<File> = vec![
        ("nx.json".to_owned(), NX.to_owned()),
        ("package.json".to_owned(), root_package()),
        ("package-lock.json".to_owned(), lockfile(0, 0)),
        ("README.md".to_owned(), "# Shop\n".to_owned()),
        (".gitignore".to_owned(), "/versions.json\n/run-report*.json\n/.landfall/\n".to_owned()),
        ("tsconfig.base.json".to_owned(), tsconfig()),
    ];
    for function in 0..FUNCTIONS {
        let folder = format!("functions/fn-{function:03}");
        files.extend(released_files(function, 0));
        files.push((
            format!("{folder}/tsconfig.json"),
            "{ \"extends\": \"../../tsconfig.base.json\" }\n".to_owned(),
        ));
        files.push((
            format!("{folder}/package.json"),
            format!("{{\n  \"name\": \"@acme/fn-{function:03}\"\n}}\n"),
        ));
        files.push((format!("{folder}/src/handler.ts"), handler(0)));
        files.push((format!("{folder}/src/handler.spec.ts"), spec(0)));
        let mut main = import_lines(&imports(function));
        let _ = write!(
            main,
            "import * as pkg from 'pkg-{:03}';\nimport {{ handle }} from './handler';\n",
            function % PACKAGES
        );
        main.push_str("export const main = () => handle(pkg);\n");
        files.push((format!("{folder}/src/main.ts"), main));
    }
    for library in 0..LIBRARIES {
        let folder = format!("libs/lib-{library:02}");
        let project = format!(
            "{{\n  \"name\": \"lib-{library:02}\",\n  \"projectType\": \"library\",\n  \"sourceRoot\": \"{folder}/src\",\n  \"targets\": {{ \"build\": {{ \"executor\": \"@nx/js:tsc\" }} }}\n}}\n"
        );
        files.push((format!("{folder}/project.json"), project));
        files.push((format!("{folder}/src/part.ts"), handler(0)));
        let index = format!("{}export * from './part';\n", import_lines(&imports_of_library(library)));
        files.push((format!("{folder}/src/index.ts"), index));
    }
    files
}

/// The files that a release changes in a function.
fn released_files(function: usize, version: usize) -> Vec<File> {
    let folder = format!("functions/fn-{function:03}");
    let project = format!(
        "{{\n  \"name\": \"fn-{function:03}\",\n  \"version\": \"1.0.{version}\",\n  \"projectType\": \"application\",\n  \"sourceRoot\": \"{folder}/src\",\n  \"targets\": {{ \"build\": {{ \"executor\": \"@nx/esbuild:esbuild\" }} }}\n}}\n"
    );
    let log = format!("# Changelog\n\n## 1.0.{version}\n\n- Changes\n");
    vec![(format!("{folder}/project.json"), project), (format!("{folder}/CHANGELOG.md"), log)]
}

fn import_lines(libraries: &BTreeSet<usize>) -> String {
    let line =
        |library: &usize| format!("import {{ part as part{library} }} from '@acme/lib-{library:02}';\n");
    libraries.iter().map(line).collect()
}

fn handler(at: usize) -> String {
    let mut text = "import { readFile } from 'node:fs';\n".to_owned();
    for line in 0..30 {
        let _ = writeln!(
            text,
            "export const value{line} = (input: number): number => input * {} + {line};",
            at + line
        );
    }
    text.push_str(
        "export const part = value1;\nexport const handle = (pkg: unknown) => [pkg, readFile, value2(3)];\n",
    );
    text
}

fn spec(at: usize) -> String {
    format!(
        "import {{ handle }} from './handler';\n\nit('answers', () => expect(handle({at})).toHaveLength(3));\n"
    )
}

const NX: &str = r#"{
  "defaultBase": "main",
  "namedInputs": {
    "default": ["{projectRoot}/**/*", "sharedGlobals"],
    "production": ["default", "!{projectRoot}/**/*.spec.ts", "!{projectRoot}/README.md"],
    "sharedGlobals": []
  },
  "targetDefaults": {
    "build": { "cache": true, "dependsOn": ["^build"], "inputs": ["production", "^production"] }
  }
}
"#;

fn tsconfig() -> String {
    let path = |library: usize| {
        format!("      \"@acme/lib-{library:02}\": [\"libs/lib-{library:02}/src/index.ts\"]")
    };
    let paths: Vec<String> = (0..LIBRARIES).map(path).collect();
    format!(
        "{{\n  \"compilerOptions\": {{\n    \"baseUrl\": \".\",\n    \"paths\": {{\n{}\n    }}\n  }}\n}}\n",
        paths.join(",\n")
    )
}

fn root_package() -> String {
    let packages: Vec<String> =
        (0..PACKAGES).map(|package| format!("    \"pkg-{package:03}\": \"^1.0.0\"")).collect();
    format!("{{\n  \"name\": \"shop\",\n  \"dependencies\": {{\n{}\n  }}\n}}\n", packages.join(",\n"))
}

/// A lockfile in which one package has another version.
fn lockfile(changed: usize, minor: usize) -> String {
    let mut text = "{\n  \"name\": \"shop\",\n  \"lockfileVersion\": 3,\n  \"packages\": {\n    \"\": {\n      \"dependencies\": {\n".to_owned();
    let all: Vec<String> =
        (0..PACKAGES).map(|package| format!("        \"pkg-{package:03}\": \"^1.0.0\"")).collect();
    text.push_str(&all.join(",\n"));
    text.push_str("\n      }\n    }");
    for package in 0..PACKAGES {
        let minor = if package == changed { minor } else { 0 };
        let _ = write!(
            text,
            ",\n    \"node_modules/pkg-{package:03}\": {{\n      \"version\": \"1.{minor}.0\",\n      \"integrity\": \"sha512-{package:086}==\"\n    }}"
        );
    }
    text.push_str("\n  }\n}\n");
    text
}
