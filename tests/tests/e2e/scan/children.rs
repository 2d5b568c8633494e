//! What the programs that a stage starts are told: their arguments and their environment.
//!
//! Every program on the path is a link to `witness.sh`, which notes both and then is the program. Programs that others start are
//! noted too, where they are found by the path.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use landfall_sandbox::leaks::Finder;

/// Programs of the system that stages start, or that a repo's own programs do. Of other folders every program is watched.
const OF_SYSTEM: [&str; 16] = [
    "aws", "bash", "buildah", "buildctl", "docker", "env", "git", "node", "npm", "npx", "nx", "pnpm",
    "podman", "sh", "ssh", "yarn",
];
const SYSTEM: [&str; 4] = ["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin"];

/// What a program may see of secrets: the program (`*` for any), the variable, and why.
const ALLOWED: [(&str, &str, &str); 5] = [
    (
        "git",
        "GIT_CONFIG_VALUE_*",
        "git takes a header from its settings alone, and arguments are for all to read",
    ),
    ("*", "NPM_TOKEN", "builders of images fetch the repo's packages with it"),
    ("*", "DOCKER_AUTH_CONFIG", "builders of images find their logins in it"),
    ("*", "EXTRA_*", "`images.environment` of the tests' repo names it for builders"),
    ("docker-credential-ecr-login", "AWS_*", "it asks ECR for the login itself"),
];

/// The folder of one run's links and notes.
#[derive(Debug)]
pub(crate) struct Witness {
    folder: PathBuf,
    path: String,
}

/// A program that was started. `Debug` would show secrets, so there is none.
struct Call {
    program: String,
    arguments: Vec<u8>,
    environment: Vec<u8>,
}

impl Witness {
    /// Puts links for every program of this path into a new folder.
    pub(crate) fn new(folder: PathBuf, path: &str) -> Self {
        for part in ["path", "programs", "calls"] {
            std::fs::create_dir_all(folder.join(part)).expect("a new folder");
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("witness.sh");
        for (name, program) in programs(path) {
            let program = format!("{}\n", program.display());
            std::fs::write(folder.join("programs").join(&name), program).expect("a note of where it is");
            symlink(&script, folder.join("path").join(&name)).expect("a link");
        }
        let path = format!("{}:{path}", folder.join("path").display());
        Self { folder, path }
    }

    /// The path with the links before everything else.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Where secrets stand in what programs were told, save what they may see and the variables of these names, which the pipeline passes on.
    /// The `credential_process` of a profile may see the pipeline's `own` variables: it logs in by them.
    pub(crate) fn leaks(&self, finder: &Finder, passed: &[String], own: &[&String]) -> Vec<String> {
        let mut leaks = Vec::new();
        for call in self.calls() {
            let program = &call.program;
            leaks.extend(
                finder.find(&call.arguments).iter().map(|found| format!("arguments of {program}: {found}")),
            );
            for variable in call.environment.split(|byte| *byte == 0) {
                let name = variable.split(|byte| *byte == b'=').next().unwrap_or_default();
                let name = String::from_utf8_lossy(name).into_owned();
                let may_see =
                    ALLOWED.iter().any(|(who, what, _)| matches(who, program) && matches(what, &name))
                        || passed.iter().any(|pattern| matches(pattern, &name))
                        || call.is_credential_process() && own.iter().any(|own| **own == name);
                if !may_see {
                    let found = finder.find(variable);
                    leaks.extend(found.iter().map(|found| format!("{name} of {program}: {found}")));
                }
            }
        }
        leaks
    }

    fn calls(&self) -> Vec<Call> {
        let mut calls: BTreeMap<String, Call> = BTreeMap::new();
        for (name, bytes) in crate::world::files_below(&self.folder.join("calls")) {
            let Some((call, what)) = name.rsplit_once('.') else { continue };
            let program = call.rsplit_once('.').map_or(call, |(program, _)| program).to_owned();
            let call = calls.entry(call.to_owned()).or_insert_with(|| Call {
                program,
                arguments: Vec::new(),
                environment: Vec::new(),
            });
            if what == "arguments" { call.arguments = bytes } else { call.environment = bytes }
        }
        calls.into_values().collect()
    }
}

impl Call {
    /// Whether it is what the tests' profiles name as their `credential_process`.
    fn is_credential_process(&self) -> bool {
        self.program == "sh"
            && self.arguments.starts_with(b"-c\0")
            && self.arguments.ends_with(b" aws-credentials --to process --quiet\0")
    }
}

/// Whether a name is this, or begins so where there is a `*` at the end.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

/// The programs that are found by a path, by name.
fn programs(path: &str) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for folder in path.split(':').filter(|folder| folder.starts_with('/')) {
        let names: Vec<String> = if SYSTEM.contains(&folder) {
            OF_SYSTEM.map(str::to_owned).into()
        } else {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
        };
        for name in names {
            let program = Path::new(folder).join(&name);
            if is_program(&program) {
                found.entry(name).or_insert(program);
            }
        }
    }
    found
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}
