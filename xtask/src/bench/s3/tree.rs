//! A folder of small files of configuration.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use tempfile::TempDir;

use super::{CHANGED, Scenario};

/// The least and the most bytes of a file: 5.2 kB on average.
const SIZES: std::ops::Range<usize> = 400..10_000;
/// Files of a folder.
const TOGETHER: usize = 50;
/// The same tree in every run.
const SEED: u64 = 7;

/// A folder that is published, and a home beside it.
pub(super) struct Tree {
    root: TempDir,
    names: Vec<String>,
}

impl Tree {
    /// Writes `files` files, whose times lie a day back.
    pub(super) fn new(files: usize) -> Result<Self> {
        let root = TempDir::new()?;
        fs::create_dir(root.path().join("home"))?;
        let mut random = fastrand::Rng::with_seed(SEED);
        let mut names = Vec::with_capacity(files);
        let tree = |name: &str| root.path().join("tree").join(name);
        for at in 0..files {
            let name = format!("component-{:04}/settings-{at:06}.json", at / TOGETHER);
            let path = tree(&name);
            if let Some(folder) = path.parent().filter(|_| at % TOGETHER == 0) {
                fs::create_dir_all(folder)?;
            }
            let bytes: Vec<u8> = (0..random.usize(SIZES)).map(|_| random.alphanumeric() as u8).collect();
            fs::write(&path, bytes)?;
            File::options()
                .write(true)
                .open(&path)?
                .set_modified(SystemTime::now() - Duration::from_secs(86_400))?;
            names.push(name);
        }
        Ok(Self { root, names })
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.root.path().join("tree")
    }

    pub(super) fn home(&self) -> &Path {
        self.root.path()
    }

    /// Does to the files what the scenario says.
    pub(super) fn prepare(&self, scenario: Scenario) -> Result<()> {
        let now = SystemTime::now();
        match scenario {
            Scenario::First | Scenario::Unchanged => {}
            Scenario::Touched => {
                for name in &self.names {
                    File::options().write(true).open(self.folder().join(name))?.set_modified(now)?;
                }
            }
            Scenario::Changed => {
                for name in self.names.iter().step_by(self.names.len() / CHANGED).take(CHANGED) {
                    let path = self.folder().join(name);
                    let mut bytes = fs::read(&path)?;
                    for byte in &mut bytes {
                        *byte = byte.wrapping_add(1);
                    }
                    fs::write(&path, bytes)?;
                }
            }
        }
        // S3 tells times by the second: what is written in one second with its upload looks older to tools that go by times.
        std::thread::sleep(Duration::from_millis(1100));
        Ok(())
    }

    /// Every file.
    pub(super) fn contents(&self) -> Result<BTreeMap<String, Vec<u8>>> {
        self.names.iter().map(|name| Ok((name.clone(), fs::read(self.folder().join(name))?))).collect()
    }
}
