//! The same checklist against `docker-registry`: what the table says of registries holds for one that others have written.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::check;
use super::step::{Mood, Target};

/// A server process, which ends with this value.
struct Server {
    _child: Child,
    address: String,
    _folder: TempDir,
}

/// Starts it on a port that was free a moment ago and waits until it takes connections.
async fn serve() -> Server {
    let program = std::env::var_os("LANDFALL_DOCKER_REGISTRY").unwrap_or_else(|| "docker-registry".into());
    for _ in 0..3 {
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap().port();
        let folder = TempDir::new().unwrap();
        let storage = folder.path().join("storage");
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: 127.0.0.1:{port}}}\n",
            storage.display()
        );
        let file = folder.path().join("config.yml");
        std::fs::write(&file, config).unwrap();
        let mut child = Command::new(&program)
            .arg("serve")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("docker-registry is installed");
        let address = format!("127.0.0.1:{port}");
        for _ in 0..1200 {
            if TcpStream::connect(&address).await.is_ok() {
                return Server { _child: child, address, _folder: folder };
            }
            if !matches!(child.try_wait(), Ok(None)) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    panic!("docker-registry does not start");
}

#[tokio::test]
#[ignore = "needs docker-registry; `cargo xtask test` runs it"]
async fn docker_registry_answers_the_checklist_as_the_table_says() {
    let server = serve().await;
    check(Mood::Distribution, async |_| Target { base: format!("http://{}", server.address), login: None })
        .await;
}
