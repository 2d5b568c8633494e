//! Ten functions on moto, by a loop of AWS CLI calls and by us.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use landfall_sandbox::images::{Format, Image, Layer};
use serde_json::{Map, json};

use crate::bench::measure::{Program, Took, Work};
use crate::bench::process::{Process, ask};
use crate::real_servers::RealServers;

/// Functions that are updated.
pub(super) const FUNCTIONS: usize = 10;
const REGION: &str = "eu-west-1";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

/// What both took.
#[derive(Debug)]
pub(crate) struct Beside {
    pub(crate) ours: Took,
    pub(crate) loop_of_calls: Took,
}

/// Measures both, each on a moto of its own.
pub(super) async fn beside(ours: &Path, servers: &RealServers) -> Result<Beside> {
    let folder = tempfile::tempdir()?;
    let first = Moto::start(servers, folder.path()).await?;
    let args = ["--quiet", "--skip-verify", "--on-failure", "stop"].map(str::to_owned).to_vec();
    let ours = first.measure(Program { file: ours.to_owned(), args }, folder.path()).await?;
    drop(first);
    let folder = tempfile::tempdir()?;
    let second = Moto::start(servers, folder.path()).await?;
    let mut script = "set -e\n".to_owned();
    for at in 0..FUNCTIONS {
        let aws = servers.aws_cli.display();
        let image = second.image("new");
        writeln!(
            script,
            "{aws} lambda update-function-code --function-name Fn{at} --image-uri {image} > /dev/null"
        )?;
        writeln!(script, "{aws} lambda wait function-updated-v2 --function-name Fn{at}")?;
        writeln!(script, "{aws} lambda get-function --function-name Fn{at} > /dev/null")?;
    }
    let file = folder.path().join("deploy.sh");
    std::fs::write(&file, script)?;
    let shell = Program { file: "/bin/sh".into(), args: vec![file.display().to_string()] };
    let loop_of_calls = second.measure(shell, folder.path()).await?;
    Ok(Beside { ours, loop_of_calls })
}

struct Moto {
    _process: Process,
    environment: BTreeMap<String, String>,
    registry: String,
}

impl Moto {
    /// Starts moto with functions that run the image `old`, and writes the plan that gives them `new`.
    async fn start(servers: &RealServers, folder: &Path) -> Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = crate::bench::process::guarded(&servers.moto)?;
        command
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            // It then asks its ECR which digest an image is, as Lambda does.
            .env("MOTO_LAMBDA_STUB_ECR", "false")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = Process::start(&mut command)?;
        for _ in 0..200 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let pairs = [
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("HOME", folder.display().to_string()),
            ("PATH", "/usr/bin:/bin".to_owned()),
        ];
        let environment = pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let registry = format!("123456789012.dkr.ecr.{REGION}.amazonaws.com");
        let moto = Self { _process: process, environment, registry };
        moto.fill(servers, folder)?;
        Ok(moto)
    }

    fn image(&self, tag: &str) -> String {
        format!("{}/app:{tag}", self.registry)
    }

    fn fill(&self, servers: &RealServers, folder: &Path) -> Result<()> {
        let aws = |args: &[&str]| -> Result<serde_json::Value> {
            let ran =
                Command::new(&servers.aws_cli).args(args).env_clear().envs(&self.environment).output()?;
            ensure!(ran.status.success(), "aws {args:?}: {}", String::from_utf8_lossy(&ran.stderr));
            if ran.stdout.is_empty() {
                return Ok(serde_json::Value::Null);
            }
            serde_json::from_slice(&ran.stdout).context("what aws printed")
        };
        aws(&["iam", "create-role", "--role-name", "lambda", "--assume-role-policy-document", TRUST])?;
        aws(&["ecr", "create-repository", "--repository-name", "app"])?;
        let mut digest = String::new();
        for (tag, seed) in [("old", 1), ("new", 2)] {
            let layer = Layer::filler("var/task/index.js", 1000, seed);
            let image = Image::new(Format::Oci, "amd64", vec![layer], &[]);
            let manifest = String::from_utf8(image.manifest.to_vec())?;
            digest = image.digest();
            let words =
                ["ecr", "put-image", "--repository-name", "app", "--image-tag", tag, "--image-manifest"];
            let more =
                [&manifest[..], "--image-digest", &digest, "--image-manifest-media-type", &image.media_type];
            aws(&[&words[..], &more[..]].concat())?;
        }
        let (mut mappings, mut images) = (Map::new(), Vec::new());
        for at in 0..FUNCTIONS {
            let name = format!("Fn{at}");
            let code = format!("ImageUri={}", self.image("old"));
            let words = ["lambda", "create-function", "--function-name", &name, "--package-type", "Image"];
            let more = ["--code", &code, "--role", "arn:aws:iam::123456789012:role/lambda"];
            aws(&[&words[..], &more[..]].concat())?;
            images.push(json!({
                "project": format!("fn-{at}"), "version": "1.0.0", "lambda": name,
                "source": format!("artifactory.example.com/build/shop/fn-{at}@{digest}"), "sourceIndex": null,
                "target": self.image("new"), "digest": digest,
                "mediaType": "application/vnd.oci.image.manifest.v1+json", "sizeBytes": 1000,
            }));
            mappings.insert(name, "new".into());
        }
        let lock = json!({"formatVersion": 1, "release": "r-0123456789ab", "environment": null,
            "platform": "linux/amd64", "images": images});
        std::fs::write(folder.join("image-lock.json"), lock.to_string())?;
        let mappings = serde_json::Value::Object(mappings).to_string();
        std::fs::write(folder.join("lambda-ecr-mappings.json"), mappings)?;
        Ok(())
    }

    async fn measure(&self, program: Program, folder: &Path) -> Result<Took> {
        let work = Work {
            programs: vec![program],
            at_a_time: 1,
            environment: self.environment.clone(),
            folder: folder.to_owned(),
            user: None,
        };
        let took: Took = ask("measure", &work).await?;
        match took.failures.first() {
            Some(failure) => bail!("{failure}"),
            None => Ok(took),
        }
    }
}
