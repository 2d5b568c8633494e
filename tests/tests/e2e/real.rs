//! Real servers and real peers: two `docker-registry` processes, moto, skopeo, the AWS CLI.
//!
//! They run where `LANDFALL_REAL_SERVERS=1` says that they are installed, as `cargo xtask test` does, which also names the
//! programs: `LANDFALL_DOCKER_REGISTRY`, `LANDFALL_SKOPEO`, `LANDFALL_BUILDAH`, `LANDFALL_MOTO`, `LANDFALL_AWS_CLI`, `LANDFALL_GITLAB_CI_LOCAL`, and `LANDFALL_S3S_FS`
//! where that is installed.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use landfall_artifacts::Explain;
use landfall_aws::{AwsConfig, AwsKeys, Endpoints};
use landfall_run::{Run, Share};
use landfall_s3_sync::tree::{Labels, Plan, PlanOptions, RuleTexts, Rules, Source, Tree, TreeAddress};
use landfall_sandbox::{BUILD_KEY, RC_KEY, SandboxOptions, Service, sample};
use landfall_secret::Secret;
use landfall_transport::{Cap, Http, HttpConfig, Method};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::harness::Ran;
use crate::world::{STAGING, World};

/// Whether the real ones are here; in CI they must be.
pub(crate) fn are_here() -> bool {
    if std::env::var("LANDFALL_REAL_SERVERS").as_deref() == Ok("1") {
        return true;
    }
    assert_ne!(
        std::env::var("CI").as_deref(),
        Ok("true"),
        "LANDFALL_REAL_SERVERS is not set: in CI nothing is skipped"
    );
    println!("skipped: LANDFALL_REAL_SERVERS not set");
    false
}

fn program(variable: &str, default: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| default.to_owned())
}

/// A server process, which ends with this value.
pub(crate) struct Server {
    _child: Child,
    pub(crate) address: String,
    _folder: TempDir,
}

/// Starts a server on a port that was free a moment ago and waits until it takes connections. `command` is told the port and a folder.
async fn serve(command: impl Fn(u16, &Path) -> Command) -> Server {
    for _ in 0..3 {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let folder = TempDir::new().expect("a folder");
        let mut child = command(port, folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the server is installed");
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
    panic!("the server does not start");
}

/// Debian's `docker-registry`, without a login.
pub(crate) async fn registry() -> Server {
    serve(|port, folder| {
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: 127.0.0.1:{port}}}\n",
            folder.join("storage").display()
        );
        let file = folder.join("config.yml");
        std::fs::write(&file, config).expect("the configuration is written");
        let mut command = Command::new(program("LANDFALL_DOCKER_REGISTRY", "docker-registry"));
        command.arg("serve").arg(file).env("OTEL_TRACES_EXPORTER", "none");
        command
    })
    .await
}

/// A small world whose projects, and so their images, have the names of their folders: `docker-registry` and skopeo, unlike
/// Artifactory, take no capital letters in an image's name.
async fn in_small_letters() -> World {
    let world = World::small().await;
    for project in world.projects() {
        let file = format!("functions/{}/project.json", project.folder);
        world.write(&file, &world.read(&file).replace(project.project, project.folder));
        let repository = world.sandbox.source_repository(BUILD_KEY, project.folder);
        world.sandbox.artifactory.put_image(&repository, project.version, &project.image());
    }
    world.run(&["generate-versions"]).await.expect(0);
    world
}

async fn output(command: &mut Command) -> String {
    let output =
        command.stdin(Stdio::null()).kill_on_drop(true).output().await.expect("the program is installed");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn skopeo(arguments: &[&str]) -> String {
    let policy = ["--insecure-policy"];
    output(Command::new(program("LANDFALL_SKOPEO", "skopeo")).args(policy).args(arguments)).await
}

/// The digest that skopeo computes of what the registry serves. `login` is `user:password`, or nothing.
pub(crate) async fn digest(reference: &str, login: &str) -> String {
    let address = format!("docker://{reference}");
    let arguments = match login {
        "" => vec!["inspect", "--tls-verify=false", "--no-tags", "--format", "{{.Digest}}", &address],
        login => vec![
            "inspect",
            "--tls-verify=false",
            "--no-tags",
            "--creds",
            login,
            "--format",
            "{{.Digest}}",
            &address,
        ],
    };
    skopeo(&arguments).await.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_between_two_registries() {
    if !are_here() {
        return;
    }
    let mut world = in_small_letters().await;
    let (source, target) = tokio::join!(registry(), registry());
    let access = world.sandbox.artifactory_access();
    let login = format!("{}:{}", access.user, access.password);
    for project in world.projects() {
        let repository = world.sandbox.source_repository(BUILD_KEY, project.folder);
        let from =
            format!("docker://{}/{repository}:{}", world.sandbox.host(Service::Artifactory), project.version);
        let to = format!("docker://{}/{repository}:{}", source.address, project.version);
        skopeo(&[
            "copy",
            "--src-tls-verify=false",
            "--dest-tls-verify=false",
            "--preserve-digests",
            "--src-creds",
            &login,
            &from,
            &to,
        ])
        .await;
    }
    world.set("BUILD_ARTIFACTORY_URL", &format!("{}/{BUILD_KEY}", source.address));
    world.set("ECR_REGISTRY_URI", &format!("{}/app", target.address));
    world.write("docker-config.json", "{\"auths\":{}}\n");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(world.path("docker-config.json"), private).expect("the mode is set");

    world.run(&["retag-push-ecr"]).await.expect(0);
    for project in world.projects() {
        let copied = digest(&format!("{}/app:{}", target.address, project.tag()), "").await;
        assert_eq!(copied, project.image().digest(), "{}", project.project);
    }
    let again = world.run(&["retag-push-ecr"]).await.expect(0);
    assert_eq!(again.outcome(), "nothing-to-do");
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_sees_what_the_pipeline_did() {
    if !are_here() {
        return;
    }
    let world = in_small_letters().await;
    world.run_all(&STAGING).await;
    let access = world.sandbox.artifactory_access();
    let artifactory = format!("{}:{}", access.user, access.password);
    let ecr = format!("AWS:{}", world.sandbox.ecr_password());
    for project in world.projects() {
        let at_ecr = format!("{}/app:{}", world.sandbox.host(Service::EcrRegistry), project.tag());
        let repository = world.sandbox.source_repository(RC_KEY, project.folder);
        let promoted =
            format!("{}/{repository}:{}", world.sandbox.host(Service::Artifactory), project.version);
        let wanted = project.image().digest();
        let (at_ecr, promoted) = tokio::join!(digest(&at_ecr, &ecr), digest(&promoted, &artifactory));
        assert_eq!((&at_ecr, &promoted), (&wanted, &wanted), "{}", project.project);
    }
    // Out of one and into the other, all bytes through skopeo's own checks.
    let folder = TempDir::new().expect("a folder");
    let layout = format!("dir:{}", folder.path().display());
    let source =
        format!("docker://{}/app:OrderServiceFunction-1.4.2", world.sandbox.host(Service::EcrRegistry));
    skopeo(&["copy", "--src-tls-verify=false", "--preserve-digests", "--src-creds", &ecr, &source, &layout])
        .await;
    let target = format!("docker://{}/app:by-skopeo", world.sandbox.host(Service::EcrRegistry));
    skopeo(&[
        "copy",
        "--dest-tls-verify=false",
        "--preserve-digests",
        "--dest-creds",
        &ecr,
        &layout,
        &target,
    ])
    .await;
    assert_eq!(world.ecr_tags().get("by-skopeo"), world.ecr_tags().get("OrderServiceFunction-1.4.2"));
}

/// The AWS CLI with the variables of the world.
async fn aws(world: &World, arguments: &[&str]) -> Value {
    let mut command = Command::new(program("LANDFALL_AWS_CLI", "aws"));
    command
        .args(arguments)
        .args(["--output", "json"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", world.home.path().join("home"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_PAGER", "")
        .envs(&world.variables);
    let text = output(&mut command).await;
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_cli_sees_what_the_pipeline_did() {
    if !are_here() {
        return;
    }
    let mut world = World::small().await;
    world.has_versions();
    world.run_all(&STAGING[1..5]).await;
    for line in world.read("aws_auth.env").lines() {
        let (name, value) = line.split_once('=').expect("KEY=value");
        world.set(name, value);
    }
    let (identity, function) = (
        aws(&world, &["sts", "get-caller-identity"]).await,
        aws(&world, &["lambda", "get-function", "--function-name", "OrderServiceFunction"]).await,
    );
    assert_eq!(identity["Account"], world.sandbox.options().account.as_str());
    let wanted = sample::project("orderService").expect("a sample").image().digest();
    assert_eq!(function["Configuration"]["CodeSha256"], wanted.trim_start_matches("sha256:"));
    assert_eq!(function["Configuration"]["LastUpdateStatus"], "Successful");
    let token = aws(&world, &["ecr", "get-authorization-token"]).await;
    assert!(token["authorizationData"][0]["authorizationToken"].is_string());
}

/// moto for the wire's shape alone: it is always successful at once.
#[tokio::test(flavor = "multi_thread")]
async fn moto_takes_our_calls() {
    if !are_here() {
        return;
    }
    let options = SandboxOptions { account: "123456789012".to_owned(), ..SandboxOptions::default() };
    let mut world = World::with(options).await;
    let moto = serve(|port, _| {
        let mut command = Command::new(program("LANDFALL_MOTO", "moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).env("MOTO_LAMBDA_STUB_ECR", "false");
        command
    })
    .await;
    // Keys come from the stand-ins of Vault and STS: moto's STS takes whoever asks for one user of its own.
    world.run(&["aws-credentials"]).await.expect(0);
    let keys = world.read("aws_auth.env");
    for name in ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL_LAMBDA"] {
        world.unset(name);
    }
    world.set("AWS_ENDPOINT_URL", &format!("http://{}", moto.address));
    assert_eq!(world.run(&["aws-credentials"]).await.expect(3).codes(), ["LF-AWS-ROLE"]);
    // The file of the run before does not outlive one that fails.
    world.write("aws_auth.env", &keys);
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(world.path("aws_auth.env"), private).expect("the mode is set");
    let registry = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    world.set("ECR_REGISTRY_URI", &format!("{registry}/app"));

    world.run(&["prepare-docker-config"]).await.expect(0);
    assert!(world.read("docker-config.json").contains(registry));

    for line in world.read("aws_auth.env").lines() {
        let (name, value) = line.split_once('=').expect("KEY=value");
        world.set(name, value);
    }
    let project = sample::project("orderService").expect("a sample");
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    aws(&world, &["iam", "create-role", "--role-name", "lambda", "--assume-role-policy-document", trust])
        .await;
    aws(&world, &["ecr", "create-repository", "--repository-name", "app"]).await;
    for (tag, image) in [("old", project.running_image()), ("new", project.image())] {
        let manifest = String::from_utf8(image.manifest.to_vec()).expect("JSON");
        let (digest, kind) = (image.digest(), image.media_type.clone());
        let words = [
            "ecr",
            "put-image",
            "--repository-name",
            "app",
            "--image-tag",
            tag,
            "--image-manifest",
            &manifest,
        ];
        let more = ["--image-digest", &digest, "--image-manifest-media-type", &kind];
        aws(&world, &[&words[..], &more[..]].concat()).await;
    }
    let code = format!("ImageUri={registry}/app:old");
    let role = "arn:aws:iam::123456789012:role/lambda";
    let words = ["lambda", "create-function", "--function-name", project.lambda, "--package-type", "Image"];
    aws(&world, &[&words[..], &["--code", &code, "--role", role]].concat()).await;

    let digest = project.image().digest();
    world.write("lambda-ecr-mappings.json", &json!({project.lambda: "new"}).to_string());
    let lock = json!({
        "formatVersion": 1, "release": "r-0123456789ab", "environment": "stg_eu00", "platform": "linux/amd64",
        "images": [{
            "project": project.project, "version": project.version, "lambda": project.lambda, "environment": "stg_eu00",
            "source": format!("artifactory.example.com/{BUILD_KEY}/shop/{}@{digest}", project.project), "sourceIndex": null,
            "target": format!("{registry}/app:new"), "digest": digest,
            "mediaType": project.image().media_type, "sizeBytes": 1000,
        }],
    });
    world.write("image-lock.json", &lock.to_string());
    let ran = world.run(&["deploy-lambda"]).await.expect(0);
    assert_eq!(ran.items(), [(project.lambda.to_owned(), "updated".to_owned())]);
    let seen = aws(&world, &["lambda", "get-function", "--function-name", project.lambda]).await;
    assert_eq!(seen["Configuration"]["CodeSha256"], digest.trim_start_matches("sha256:"));
}

/// A release published to another S3 than the sandbox's: once, again, and with other bytes.
async fn publishes_to(mut world: World, address: &str) {
    world.has_built();
    world.unset("AWS_ACCOUNT_ID");
    world.set("AWS_ENDPOINT_URL_S3", &format!("http://{address}"));
    let words = ["publish-artifacts", "--bucket", "acme-releases"];
    world.run(&["package-artifacts", "--release", "v1.0.0"]).await.expect(0);
    let ran = world.run(&words).await.expect(0);
    assert_eq!(ran.outcome(), "done", "{:?}", ran.items());
    assert_eq!(world.run(&words).await.expect(0).outcome(), "nothing-to-do");
    world.write("functions/order-service/dist/index.js", "exports.handler = async () => 'other';\n");
    world.run(&["package-artifacts", "--release", "v1.0.0"]).await.expect(0);
    let ran = world.run(&words).await.expect(7);
    assert_eq!(ran.codes(), ["LF-S3-DIFFERS", "LF-S3-DIFFERS"]);
}

/// moto with an empty bucket `acme-releases`.
async fn moto_with_a_bucket() -> Server {
    let moto = serve(|port, _| {
        let mut command = Command::new(program("LANDFALL_MOTO", "moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        command
    })
    .await;
    let http = Http::new(HttpConfig::default()).expect("a client");
    let site = http.site("moto", &format!("http://{}", moto.address), None).expect("a site");
    let place = "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
    let made = site.request(Method::PUT, "/acme-releases").body("application/xml", place);
    let made = made.send(&Run::builder().build(), Cap::JSON).await.expect("an answer");
    assert_eq!(made.status().as_u16(), 200);
    moto
}

/// What somebody else writes between a plan and its making is left alone, also by the conditions of another S3 than the sandbox's. (Of
/// deletions it takes no conditions; those are for the sandbox.)
#[tokio::test(flavor = "multi_thread")]
async fn moto_refuses_what_is_not_as_it_was_listed() {
    if !are_here() {
        return;
    }
    let moto = moto_with_a_bucket().await;
    let folder = TempDir::new().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    let keys = AwsKeys::new("AKIAIOSFODNN7EXAMPLE", Secret::new("secret"), None);
    let endpoints = Endpoints { s3: Some(format!("http://{}", moto.address)), ..Endpoints::default() };
    let http = Http::new(HttpConfig::default()).expect("a client");
    let aws = AwsConfig::new("eu-west-1", keys, endpoints, http).expect("a configuration");
    let address: TreeAddress = "s3://acme-releases/web".parse().expect("an address");
    let tree = Tree::new(&aws, address, "123456789012".parse().ok(), Share::default()).expect("a tree");
    let (rules, run) = (Rules::new(&RuleTexts::default()).expect("rules"), Run::builder().build());
    let options = PlanOptions { delete: true, ..PlanOptions::default() };
    let read = || Source::read(folder.path(), &rules, tree.address()).expect("a source");
    let planned = async || {
        let source = read();
        let plan = tree.plan(&source, &rules, options, &run).await.expect("a plan");
        (source, plan)
    };
    let apply = async |(source, plan): &(Source, Plan)| {
        let applied = tree.apply(plan, source, &rules, &Labels::default(), &run).await;
        let all = applied.puts.iter().chain(&applied.deletes);
        all.filter_map(|one| one.error.as_deref().map(Explain::code)).collect::<Vec<_>>()
    };
    for name in ["same", "changed"] {
        write(name, "one");
    }
    assert!(apply(&planned().await).await.is_empty());

    write("changed", "two");
    write("new", "two");
    let ours = planned().await;
    write("changed", "theirs");
    write("new", "theirs");
    assert!(apply(&planned().await).await.is_empty());
    write("changed", "two");
    write("new", "two");
    let ours = (read(), ours.1);
    assert_eq!(apply(&ours).await, ["LF-SYNC-CHANGED", "LF-SYNC-CHANGED"]);
}

/// s3s-fs with an empty bucket `acme-releases`, for the keys of this world; `None` where it is not installed.
async fn s3s_fs_with_a_bucket(world: &World) -> Option<Server> {
    let Ok(s3s_fs) = std::env::var("LANDFALL_S3S_FS") else {
        let is_ci = std::env::var("CI").as_deref() == Ok("true");
        assert!(!is_ci, "LANDFALL_S3S_FS is not set: in CI nothing is skipped");
        println!("skipped: LANDFALL_S3S_FS not set");
        return None;
    };
    let (key, secret) = (&world.variables["AWS_ACCESS_KEY_ID"], &world.variables["AWS_SECRET_ACCESS_KEY"]);
    let server = serve(|port, folder| {
        std::fs::create_dir(folder.join("acme-releases")).expect("a bucket");
        let mut command = Command::new(&s3s_fs);
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--access-key", key, "--secret-key", secret]).arg(folder);
        command
    });
    Some(server.await)
}

#[tokio::test(flavor = "multi_thread")]
async fn moto_keeps_a_release() {
    if !are_here() {
        return;
    }
    let moto = moto_with_a_bucket().await;
    let mut world = World::small().await;
    world.has_aws_keys();
    publishes_to(world, &moto.address).await;
}

/// Its conditional writes are not atomic, so that races are for the sandbox.
#[tokio::test(flavor = "multi_thread")]
async fn s3s_fs_keeps_a_release() {
    let mut world = World::small().await;
    world.has_aws_keys();
    let Some(server) = s3s_fs_with_a_bucket(&world).await else { return };
    publishes_to(world, &server.address).await;
}

/// Nothing was changed but, at most, the manifest: what was written in its own second, or put back since, it has to note anew.
fn leaves_all(ran: &Ran) {
    let is_change = |item: &(String, String)| {
        ["uploaded", "deleted"].contains(&item.1.as_str()) && item.0 != ".landfall-manifest.json"
    };
    assert!(!ran.items().iter().any(is_change), "{} {:?}", ran.stdout, ran.items());
}

/// A tree published to another S3 than the sandbox's: all, nothing, what changed, with a deletion, and back. `odd` is one of its names.
async fn holds_a_tree(mut world: World, address: &str, odd: &str, more: &[&str]) {
    world.unset("AWS_ACCOUNT_ID");
    world.set("AWS_ENDPOINT_URL_S3", &format!("http://{address}"));
    for (name, text) in [("a.json", "{}"), (odd, "one"), ("\u{e9}/f", "x"), ("g", "")] {
        world.write(&format!("merged-files/{name}"), text);
    }
    let words = ["s3-sync", "merged-files", "s3://acme-releases/web", "--bucket-owner", "123456789012"];
    let words = [&words[..], &["--delete", "--keep-old", "kept"], more].concat();
    let ran = world.run(&words).await.expect(0);
    let is_file = |item: &&(String, String)| item.1 == "uploaded" && item.0 != ".landfall-manifest.json";
    let uploaded = ran.items().iter().filter(is_file).count();
    assert_eq!((ran.outcome(), uploaded), ("done", 4), "{:?}", ran.items());
    leaves_all(&world.run(&words).await.expect(0));
    world.write(&format!("merged-files/{odd}"), "two");
    world.remove("merged-files/a.json");
    let ran = world.run(&words).await.expect(0);
    let items: Vec<_> = ran.items().into_iter().filter(|(name, _)| name != "plan").collect();
    let item = |name: &str, word: &str| (name.to_owned(), word.to_owned());
    let of_manifest = |item: &(String, String)| item.0 != ".landfall-manifest.json";
    let items: Vec<_> = items.into_iter().filter(of_manifest).collect();
    assert_eq!(items, [item(odd, "uploaded"), item("a.json", "deleted")]);
    leaves_all(&world.run(&words).await.expect(0));
    world
        .run(&["s3-sync", "--undo", "s3-sync-record.json", "--bucket-owner", "123456789012"])
        .await
        .expect(0);
    world.write(&format!("merged-files/{odd}"), "one");
    world.write("merged-files/a.json", "{}");
    leaves_all(&world.run(&words).await.expect(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn moto_holds_a_tree() {
    if !are_here() {
        return;
    }
    let moto = moto_with_a_bucket().await;
    let mut world = World::small().await;
    world.has_aws_keys();
    holds_a_tree(world, &moto.address, "b c/d+e.txt", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s3s_fs_holds_a_tree() {
    let mut world = World::small().await;
    world.has_aws_keys();
    let Some(server) = s3s_fs_with_a_bucket(&world).await else { return };
    // It says that it lists keys in URL encoding and does not: a plus in a name would be read as a space.
    // It lists no ETags, which a first publication cannot know.
    holds_a_tree(world, &server.address, "b c/d-e.txt", &["--manifest", "--page-size", "8000"]).await;
}
