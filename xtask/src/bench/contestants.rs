//! Who copies: our stage, skopeo, crane, and what curl does without looking.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::json;

use super::family::{Family, NAMESPACE, TARGET, VERSION};
use super::measure::{Program, Work};
use super::pipes;
use crate::command::find;
use crate::real_servers::registry_and_skopeo;

/// The user that owns nothing; the kernel's own number for it.
const NOBODY: u32 = 65534;

/// Where the programs are.
pub(crate) struct Programs {
    /// The stage, with the arguments that come first.
    pub(crate) ours: Vec<String>,
    pub(crate) docker_registry: PathBuf,
    pub(crate) skopeo: PathBuf,
    /// Debian has no package of it.
    pub(crate) crane: Option<PathBuf>,
    pub(crate) curl: Option<PathBuf>,
}

impl Programs {
    /// Finds them.
    pub(crate) fn find(ours: Vec<String>) -> Result<Self> {
        let [docker_registry, skopeo] = registry_and_skopeo()?;
        Ok(Self { ours, docker_registry, skopeo, crane: find("crane"), curl: find("curl") })
    }
}

/// One way to copy the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contestant {
    Ours,
    /// One process an image, so many at a time.
    Skopeo(usize),
    Crane(usize),
    /// Blobs alone, by plain pipes.
    Pipes,
}

impl Contestant {
    /// All that can run here.
    pub(crate) fn all(programs: &Programs) -> Vec<Self> {
        let mut all = vec![Self::Ours, Self::Skopeo(1), Self::Skopeo(4)];
        if programs.crane.is_some() {
            all.extend([Self::Crane(1), Self::Crane(8)]);
        }
        if programs.curl.is_some() {
            all.push(Self::Pipes);
        }
        all
    }

    /// Its name in tables.
    pub(crate) fn name(self) -> String {
        let at_a_time =
            |count| if count == 1 { "one by one".to_owned() } else { format!("{count} at a time") };
        match self {
            Self::Ours => "landfall".to_owned(),
            Self::Skopeo(count) => format!("skopeo, {}", at_a_time(count)),
            Self::Crane(count) => format!("crane, {}", at_a_time(count)),
            Self::Pipes => pipes::PIPES.to_owned(),
        }
    }

    /// What is run to copy all images. `home` is a folder of its own, in which it may find what it left the last time.
    pub(crate) fn work(
        self,
        programs: &Programs,
        family: &Family,
        [source, target]: [SocketAddr; 2],
        home: &Path,
    ) -> Result<Work> {
        let pairs = family.images.iter().map(|image| {
            (
                format!("{source}/{}:{VERSION}", image.repository()),
                format!("{target}/{TARGET}:{}", image.tag()),
            )
        });
        let (programs, at_a_time, user) = match self {
            Self::Ours => (vec![ours(programs, family, source, target, home)?], 1, None),
            Self::Skopeo(count) => {
                let file = &programs.skopeo;
                (pairs.map(|(from, to)| skopeo(file, &from, &to)).collect(), count, unprivileged(home)?)
            }
            Self::Crane(count) => {
                let file = programs.crane.as_ref().context("crane is missing")?;
                (pairs.map(|(from, to)| crane(file, from, to)).collect(), count, None)
            }
            Self::Pipes => {
                let file = programs.curl.as_ref().context("curl is missing")?;
                (pipes::programs(file, family, [source, target])?, pipes::AT_A_TIME, None)
            }
        };
        let environment = BTreeMap::from([("HOME".to_owned(), home.display().to_string())]);
        Ok(Work { programs, at_a_time, environment, folder: home.to_owned(), user })
    }
}

/// The stage in a fresh checkout. What an earlier run left in it is removed: the registries alone are to tell what is done.
fn ours(
    programs: &Programs,
    family: &Family,
    source: SocketAddr,
    target: SocketAddr,
    home: &Path,
) -> Result<Program> {
    let checkout = home.join("checkout");
    if checkout.exists() {
        std::fs::remove_dir_all(&checkout)?;
    }
    let mut versions = serde_json::Map::new();
    for image in &family.images {
        let folder = checkout.join("functions").join(&image.project);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(".deployment"), format!("{}\n", image.function))?;
        versions.insert(image.project.clone(), json!({"version": VERSION, "folder": image.project}));
    }
    std::fs::write(checkout.join("versions.json"), serde_json::Value::from(versions).to_string())?;
    let file = |name: &str| checkout.join(name).display().to_string();
    let args = [
        ("--source", source.to_string()),
        ("--namespace", NAMESPACE.to_owned()),
        ("--registry", format!("{target}/{TARGET}")),
        ("--versions", file("versions.json")),
        ("--functions", file("functions")),
        ("--mappings", file("lambda-ecr-mappings.json")),
        ("--lock", file("image-lock.json")),
        ("--ledger", file("ledger")),
    ];
    let args = args.into_iter().flat_map(|(name, value)| [name.to_owned(), value]);
    let (file, first) = programs.ours.split_first().context("no program to measure")?;
    let args = first.iter().cloned().chain(args).chain(["--quiet".to_owned()]);
    Ok(Program { file: file.into(), args: args.collect() })
}

fn skopeo(file: &Path, from: &str, to: &str) -> Program {
    let args = ["--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false"];
    let args =
        args.map(str::to_owned).into_iter().chain([format!("docker://{from}"), format!("docker://{to}")]);
    Program { file: file.to_owned(), args: args.collect() }
}

fn crane(file: &Path, from: String, to: String) -> Program {
    Program { file: file.to_owned(), args: vec!["copy".to_owned(), "--insecure".to_owned(), from, to] }
}

/// skopeo run by root remembers in a folder of the system which registry has which blob, and would so profit from earlier runs. As nobody
/// it remembers that below its home.
fn unprivileged(home: &Path) -> Result<Option<u32>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    std::os::unix::fs::chown(home, Some(NOBODY), Some(NOBODY)).context("skopeo's home")?;
    Ok(Some(NOBODY))
}
