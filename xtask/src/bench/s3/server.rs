//! `s3s-fs`: an S3 whose objects are files of a folder.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Result, bail};
use tempfile::TempDir;

use crate::bench::process::{Process, guarded};
use crate::real_servers::S3Programs;

/// The bucket, and the prefix in it.
pub(super) const BUCKET: &str = "acme-native-config";
pub(super) const PREFIX: &str = "app";
/// Keys that open nothing but this server.
pub(super) const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
pub(super) const SECRET: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY";
const REGION: &str = "eu-west-1";

/// A server that runs, with an empty bucket. Process and store end with this value.
pub(super) struct Server {
    _process: Process,
    address: SocketAddr,
    store: TempDir,
}

impl Server {
    pub(super) async fn start(programs: &S3Programs) -> Result<Self> {
        let store = TempDir::new()?;
        std::fs::create_dir_all(store.path().join("objects").join(BUCKET))?;
        let keys = ["--access-key", KEY_ID, "--secret-key", SECRET];
        let (process, address) = serve(programs, store.path(), &keys).await?;
        Ok(Self { _process: process, address, store })
    }

    /// A second server of the same objects that asks nobody for keys.
    pub(super) async fn open_to_all(&self, programs: &S3Programs) -> Result<(Process, SocketAddr)> {
        serve(programs, self.store.path(), &[]).await
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The objects below the prefix, by their names below it.
    pub(super) fn objects(&self) -> Result<BTreeMap<String, Vec<u8>>> {
        let root = self.store.path().join("objects").join(BUCKET).join(PREFIX);
        let (mut found, mut folders) = (BTreeMap::new(), vec![root.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                } else {
                    let name = entry.path().strip_prefix(&root)?.to_string_lossy().into_owned();
                    found.insert(name, std::fs::read(entry.path())?);
                }
            }
        }
        Ok(found)
    }

    /// What the server said.
    pub(super) fn told(&self) -> String {
        std::fs::read_to_string(self.store.path().join("errors.log")).unwrap_or_default()
    }
}

/// Starts a server of the objects in a store.
async fn serve(programs: &S3Programs, store: &Path, keys: &[&str]) -> Result<(Process, SocketAddr)> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let log = File::options().create(true).append(true).open(store.join("errors.log"))?;
    let process = Process::start(
        guarded(&programs.s3s_fs)?
            .args(["--host", "127.0.0.1", "--port", &address.port().to_string()])
            .args(keys)
            .arg(store.join("objects"))
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log),
    )?;
    for _ in 0..500 {
        if tokio::net::TcpStream::connect(address).await.is_ok() {
            return Ok((process, address));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bail!("{} does not start", programs.s3s_fs.display())
}

/// What every tool sees.
pub(super) fn environment(address: SocketAddr, home: &Path) -> BTreeMap<String, String> {
    [
        ("AWS_ENDPOINT_URL", format!("http://{address}")),
        ("AWS_ACCESS_KEY_ID", KEY_ID.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("HOME", home.join("home").display().to_string()),
        ("PATH", "/usr/bin:/bin".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
