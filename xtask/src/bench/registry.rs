//! Debian's `docker-registry`, as source or target, straight or behind the link.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use tokio::net::TcpStream;

use super::link::Link;
use super::options::Options;
use super::process::{Process, guarded};
use super::stores::Stores;

/// How often it is looked whether a registry takes connections, and after how many looks it is given up.
const LOOK: Duration = Duration::from_millis(10);
const LOOKS: usize = 1000;

/// A registry that runs. Process, link and store end with this value, in this order.
pub(crate) struct Registry {
    _process: Process,
    link: Option<Link>,
    direct: SocketAddr,
    access_log: PathBuf,
    errors: PathBuf,
    _store: TempDir,
}

impl Registry {
    /// Starts an empty registry, behind a link where `link` says so.
    pub(crate) async fn start(program: &Path, stores: &Stores, link: Option<&Options>) -> Result<Self> {
        // Another process may take the port in the moment between; then another one is tried.
        for _ in 0..3 {
            let direct = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
            let store = stores.folder()?;
            let config = store.path().join("config.yml");
            let storage = store.path().join("storage");
            // Every request is a line of the access log, which goes to standard output.
            let text = format!(
                "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: {direct}}}\n",
                storage.display()
            );
            std::fs::write(&config, text)?;
            let access_log = store.path().join("access.log");
            let errors = store.path().join("errors.log");
            let mut process = Process::start(
                guarded(program)?
                    .arg("serve")
                    .arg(&config)
                    .env("OTEL_TRACES_EXPORTER", "none")
                    .stdin(Stdio::null())
                    .stdout(File::create(&access_log)?)
                    .stderr(File::create(&errors)?),
            )?;
            if !takes_connections(direct, &mut process).await {
                continue;
            }
            let link = match link {
                Some(options) => Some(Link::start(direct, options).await?),
                None => None,
            };
            return Ok(Self { _process: process, link, direct, access_log, errors, _store: store });
        }
        bail!("{} does not start", program.display())
    }

    /// Where tools find it: the link, where there is one.
    pub(crate) fn address(&self) -> SocketAddr {
        self.link.as_ref().map_or(self.direct, |link| link.address)
    }

    /// The registry itself.
    pub(crate) fn direct(&self) -> SocketAddr {
        self.direct
    }

    /// Fails where it no longer takes connections, with what it said last.
    pub(crate) async fn still_serves(&self) -> Result<()> {
        let Err(error) = TcpStream::connect(self.direct).await else { return Ok(()) };
        let said = std::fs::read_to_string(&self.errors).unwrap_or_default();
        bail!("the registry is gone ({error}); it said last: {}", said.lines().last().unwrap_or("nothing"))
    }

    /// Requests that it has answered so far.
    pub(crate) async fn requests(&self) -> Result<usize> {
        let mut lines = self.lines()?;
        // A line is written after its answer, so what came last may still be missing.
        loop {
            tokio::time::sleep(LOOK * 5).await;
            let now = self.lines()?;
            if now == lines {
                return Ok(now);
            }
            lines = now;
        }
    }

    fn lines(&self) -> Result<usize> {
        Ok(std::fs::read_to_string(&self.access_log).context("the access log")?.lines().count())
    }
}

async fn takes_connections(address: SocketAddr, process: &mut Process) -> bool {
    for _ in 0..LOOKS {
        if TcpStream::connect(address).await.is_ok() {
            return true;
        }
        if !process.runs() {
            return false;
        }
        tokio::time::sleep(LOOK).await;
    }
    false
}
