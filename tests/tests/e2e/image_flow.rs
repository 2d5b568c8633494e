//! `build-images-dev` and `build-images-prod`: the flows of image scripts.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use landfall_sandbox::{Service, images};

use crate::bad_input::refused;
use crate::real;
use crate::snapshot::page;
use crate::world::World;

/// A program that plays docker: it notes what it is told and what it sees, and lists two images of this machine.
const DOCKER: &str = r#"#!/bin/sh
echo "$*" >> "$HOME/docker.log"
case "$1 $2" in
"image ls") printf '%s/dev/order-service:0a1b\n%s/dev/order-service:<none>\n%s/prod/order-service:v1.7.0\n%s/prod/order-service:v1.6.0\nnode:22\n' HOST HOST HOST HOST ;;
"push "*) sed 's/"auth": *"[^"]*"/"auth": "shown"/' "$DOCKER_CONFIG/config.json" > "$HOME/shown.json"; ls "$DOCKER_CONFIG" > "$HOME/shown.txt" ;;
esac
"#;

fn git(world: &World, words: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
        .args(words)
        .current_dir(world.repo.path())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A repo with an image a function and one of its own, on a branch that changed `order-service`.
pub(crate) async fn world() -> World {
    let world = World::small().await;
    for folder in ["functions/order-service", "functions/payment-gateway", "images/proxy"] {
        world.write(
            &format!("{folder}/Dockerfile"),
            "FROM scratch\nCOPY . /var/task/\nCMD [\"index.handler\"]\n",
        );
    }
    world.write("images/proxy/proxy.conf", "listen 8080\n");
    world.write(
        ".gitignore",
        "*.json.tmp\n.landfall\naws_auth.env\nlambda-ecr-mappings.json\nimage-lock.json\n.env\n",
    );
    git(&world, &["init", "-q", "-b", "main", "."]);
    git(&world, &["add", "-A"]);
    git(&world, &["commit", "-q", "-m", "feat: begin"]);
    git(&world, &["switch", "-q", "-c", "feature"]);
    world.write("functions/order-service/src/more.js", "more\n");
    git(&world, &["add", "-A"]);
    git(&world, &["commit", "-q", "-m", "fix: more"]);
    let settings = world.read("landfall.toml") + "\n[images]\nexclude = [\"**/fixtures\"]\n";
    world.write("landfall.toml", &settings);
    // Neither is an image of the repo, and neither could be called after its folder.
    for folder in [".devcontainer/Base Image", "tools/fixtures/No Image"] {
        world.write(&format!("{folder}/Dockerfile"), "FROM scratch\n");
    }
    git(&world, &["add", "-A"]);
    git(&world, &["commit", "-q", "-m", "chore: settings"]);
    world.run(&["aws-credentials"]).await.expect(0);
    world
}

pub(crate) fn host(world: &World) -> String {
    world.sandbox.host(Service::EcrRegistry)
}

/// Puts [`DOCKER`] on the path.
pub(crate) fn has_docker(world: &mut World) {
    let folder = world.home.path().join("bin");
    std::fs::create_dir(&folder).expect("a folder");
    let docker = folder.join("docker");
    std::fs::write(&docker, DOCKER.replace("HOST", &host(world))).expect("the program is written");
    std::fs::set_permissions(&docker, std::fs::Permissions::from_mode(0o755)).expect("the mode is set");
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").expect("a PATH"));
    world.set("PATH", &path);
}

fn at_home(world: &World, name: &str) -> PathBuf {
    world.home.path().join("home").join(name)
}

/// An image that was pushed.
pub(crate) fn is_pushed(world: &World, repository: &str, tag: &str) {
    let layer = images::Layer::filler("var/task/index.js", 100, 7);
    let image = images::Image::new(images::Format::Oci, "amd64", vec![layer], &[]);
    world.sandbox.ecr_registry.put_image(repository, tag, &image);
}

fn words<'a>(stage: &'a str, registry: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&[stage, "--registry", registry], more].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_is_built_for_development_and_can_be_deployed() {
    let mut world = world().await;
    has_docker(&mut world);
    let (host, head) = (host(&world), git(&world, &["rev-parse", "HEAD"]));
    let own = at_home(&world, ".docker");
    std::fs::create_dir_all(own.join("cli-plugins")).expect("a folder");
    std::fs::write(own.join("config.json"), r#"{"credsStore": "desktop", "currentContext": "farm"}"#)
        .expect("written");

    let ran = refused(&world, &words("build-images-dev", &host, &[]), 3).await;
    page!(ran.page(&world), @r#"
    error[LF-REG-REPOSITORY-MISSING] exit 3
      the repository ecr-registry.test/dev/order-service does not exist
      next: create ecr-registry.test/dev/order-service, or correct its name

    nothing was changed
    exit 3
    "#);
    is_pushed(&world, "dev/order-service", "old");
    world.run(&words("build-images-dev", &host, &[])).await.expect(3);
    let called = std::fs::read_to_string(at_home(&world, "docker.log")).expect("docker was called");
    assert!(called.contains(&format!("push {host}/dev/order-service:{head}")), "{called}");
    let shown: serde_json::Value =
        serde_json::from_slice(&std::fs::read(at_home(&world, "shown.json")).expect("logins")).expect("JSON");
    assert_eq!(shown["auths"][&host]["auth"], "shown", "docker is logged in");
    assert_eq!((&shown["credHelpers"][&host], &shown["currentContext"]), (&"".into(), &"farm".into()));
    let beside = std::fs::read_to_string(at_home(&world, "shown.txt")).expect("names");
    assert_eq!(beside, "cli-plugins\nconfig.json\n");

    is_pushed(&world, "dev/order-service", &head);
    let ran = world.run(&words("build-images-dev", &host, &[])).await.expect(0);
    let base = git(&world, &["rev-parse", "main"]);
    let told = world.tidy(&ran.stdout).replace(&head, "[commit]").replace(&base[..12], "[base]");
    page!(told, @r#"
    1 of 3 images changed since main was left at [base]
    ecr-registry.test/dev/order-service:[commit] is there already
    0 built, 1 there already, 0 failed, 0 not tried
    "#);
    let lock = world.json("image-lock.json");
    assert_eq!(lock["images"][0]["version"], format!("0.0.0-dev.g{}", &head[..12]));
    assert_eq!(lock["images"][0]["target"], format!("{host}/dev/order-service:{head}"));
    world.unset("ECR_REGISTRY_URI");
    world.run(&["deploy-lambda"]).await.expect(0);
    assert_eq!(
        world.running()["OrderServiceFunction"],
        lock["images"][0]["digest"].as_str().expect("a digest"),
        "the function runs what was built"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_has_all_images_and_tidies_up() {
    let mut world = world().await;
    has_docker(&mut world);
    let host = host(&world);
    let ran = refused(&world, &words("build-images-prod", &host, &[]), 2).await;
    page!(ran.page(&world), @r#"
    error[LF-CONFIG-MISSING] exit 2
      version is missing: the release's version, such as v1.7.0 or 2025.03
      next: give it by --version, or the variable RELEASE_VERSION

    nothing was changed
    exit 2
    "#);
    let ran = refused(&world, &words("build-images-prod", &host, &["--version", "latest"]), 2).await;
    page!(ran.page(&world), @r#"
    error[LF-CONFIG] exit 2
      --version `latest` cannot be used: `latest` is no version of a release, such as v1.7.0 or 2025.03
      next: correct it: the release's version, such as v1.7.0 or 2025.03; give it by --version, or the variable RELEASE_VERSION

    nothing was changed
    exit 2
    "#);
    for image in ["order-service", "payment-gateway", "proxy"] {
        is_pushed(&world, &format!("prod/{image}"), "v1.7.0");
    }
    world.set("RELEASE_VERSION", "v1.7.0");
    let before = world.files();
    let ran = world.run(&words("build-images-prod", &host, &["--dry-run", "--rebuild"])).await.expect(0);
    assert!(world.changed_since(&before).is_empty());
    page!(world.tidy(&ran.stdout), @r#"
    all 3 images
    TAG=v1.7.0 docker build --tag ecr-registry.test/prod/order-service:v1.7.0 --file [repo]/functions/order-service/Dockerfile [repo]/functions/order-service
    TAG=v1.7.0 docker push ecr-registry.test/prod/order-service:v1.7.0
    TAG=v1.7.0 docker build --tag ecr-registry.test/prod/payment-gateway:v1.7.0 --file [repo]/functions/payment-gateway/Dockerfile [repo]/functions/payment-gateway
    TAG=v1.7.0 docker push ecr-registry.test/prod/payment-gateway:v1.7.0
    TAG=v1.7.0 docker build --tag ecr-registry.test/prod/proxy:v1.7.0 --file [repo]/images/proxy/Dockerfile [repo]/images/proxy
    TAG=v1.7.0 docker push ecr-registry.test/prod/proxy:v1.7.0
    then local images of this release and of ecr-registry.test/dev would be removed
    3 images would be built, 0 there already
    "#);
    assert!(!at_home(&world, "docker.log").exists(), "nothing is built");

    let ran = world.run(&words("build-images-prod", &host, &["--no-cleanup"])).await.expect(0);
    assert!(!at_home(&world, "docker.log").exists(), "nothing is removed: {}", ran.stdout);
    let ran = world.run(&words("build-images-prod", &host, &[])).await.expect(0);
    assert!(ran.stdout.contains("2 images removed from this machine"), "{}", ran.stdout);
    let called = std::fs::read_to_string(at_home(&world, "docker.log")).expect("docker was called");
    let removed = format!("image rm {host}/dev/order-service:0a1b {host}/prod/order-service:v1.7.0");
    assert_eq!(called.lines().last(), Some(removed.as_str()));
    let lock = world.json("image-lock.json");
    assert_eq!((&lock["release"], lock["images"].as_array().map(Vec::len)), (&"v1.7.0".into(), Some(2)));
    assert_eq!(lock["images"][1]["version"], "1.7.0");

    // What is in no commit must not be called after the release: nothing is built, asked or written.
    world.write("images/proxy/by-hand.conf", "listen 8081\n");
    world.write("images/proxy/proxy.conf", "listen 8082\n");
    let ran = refused(&world, &words("build-images-prod", &host, &["--rebuild"]), 3).await;
    page!(ran.page(&world), @r#"
    error[LF-GIT-DIRTY] exit 3
      images of the release could hold files that are in no commit: images/proxy/by-hand.conf, images/proxy/proxy.conf
      next: commit them, or remove them; what a build makes belongs into .gitignore

    nothing was changed
    exit 3
    "#);
    for image in ["order-service", "payment-gateway", "proxy"] {
        is_pushed(&world, &format!("dev/{image}"), "old");
    }
    let ran = world.run(&words("build-images-dev", &host, &["--all", "--dry-run"])).await.expect(0);
    assert!(ran.stderr.contains("(images/proxy/by-hand.conf, images/proxy/proxy.conf)"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_runs_at_the_root_of_the_repo_alone() {
    let world = world().await;
    let host = host(&world);
    git(&world, &["config", "core.worktree", "../.."]);
    let ran = refused(&world, &words("build-images-dev", &host, &["--all"]), 2).await;
    page!(ran.page(&world), @r#"
    error[LF-GIT-ROOT] exit 2
      this is not the root of the repo
      next: run it there: cd /tmp

    nothing was changed
    exit 2
    "#);
    git(&world, &["config", "--unset", "core.worktree"]);
    std::fs::rename(world.path(".git"), world.home.path().join(".git")).expect("moved");
    let ran = world.run(&words("build-images-dev", &host, &["--all"])).await.expect(2);
    assert_eq!(ran.codes(), ["LF-GIT-REPOSITORY"]);
}

/// Account and region of `.env` say where the registry is, and without them nobody does.
#[tokio::test(flavor = "multi_thread")]
async fn the_registry_follows_from_account_and_region() {
    let mut world = world().await;
    let (region, account) =
        (world.variables["AWS_REGION"].clone(), world.variables["AWS_ACCOUNT_ID"].clone());
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCOUNT_ID"] {
        world.unset(name);
    }
    let ran = world.run(&["build-images-dev"]).await.expect(2);
    page!(ran.page(&world), @r#"
    error[LF-CONFIG-MISSING] exit 2
      account is missing: the AWS account that the credentials must belong to
      next: give it by --account, or the variable AWS_ACCOUNT_ID, or environment.account in landfall.toml

    error[LF-CONFIG-MISSING] exit 2
      region is missing: the AWS region
      next: give it by --region, or the variable AWS_REGION or AWS_DEFAULT_REGION, or environment.aws_region in landfall.toml

    nothing was changed
    exit 2
    "#);
    // Its API is the sandbox's, which knows no such repository: so it is named.
    world.write(".env", &format!("AWS_REGION={region}\nAWS_ACCOUNT_ID={account}\n"));
    let ran = world.run(&["build-images-dev"]).await.expect(3);
    assert_eq!(ran.codes(), ["LF-REG-REPOSITORY-MISSING"]);
    let named =
        format!("the repository {account}.dkr.ecr.{region}.amazonaws.com/dev/order-service does not exist");
    assert!(ran.stderr.contains(&named), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_of_development_builds_nothing() {
    let mut world = world().await;
    has_docker(&mut world);
    let (host, head) = (host(&world), git(&world, &["rev-parse", "HEAD"]));
    is_pushed(&world, "dev/order-service", "old");
    let before = (world.files(), world.writes().len());
    let ran = world.run(&words("build-images-dev", &host, &["--dry-run"])).await.expect(0);
    assert!(world.changed_since(&before.0).is_empty() && world.writes().len() == before.1);
    let base = git(&world, &["rev-parse", "main"]);
    page!(world.tidy(&ran.stdout).replace(&head, "[commit]").replace(&base[..12], "[base]"), @r#"
    1 of 3 images changed since main was left at [base]
    TAG=[commit] docker build --tag ecr-registry.test/dev/order-service:[commit] --file [repo]/functions/order-service/Dockerfile [repo]/functions/order-service
    TAG=[commit] docker push ecr-registry.test/dev/order-service:[commit]
    1 image would be built, 0 there already
    "#);
    assert!(!at_home(&world, "docker.log").exists(), "docker is not called");
}

/// The whole way with Debian's buildah and a real registry.
#[tokio::test(flavor = "multi_thread")]
async fn buildah_builds_a_release_and_its_images_are_removed() {
    if !real::are_here() {
        return;
    }
    let mut world = world().await;
    let registry = real::registry().await;
    let settings = world.read("landfall.toml")
        + "build_arguments = [\"--isolation\", \"chroot\"]\npush_arguments = [\"--tls-verify=false\"]\n";
    world.write("landfall.toml", &settings);
    git(&world, &["commit", "-q", "-a", "-m", "build: with buildah"]);
    let storage = world.home.path().join("storage.conf");
    let place = |name: &str| world.home.path().join(name).display().to_string();
    let config = format!(
        "[storage]\ndriver = \"vfs\"\ngraphroot = \"{}\"\nrunroot = \"{}\"\n",
        place("graph"),
        place("run")
    );
    std::fs::write(&storage, config).expect("the configuration is written");
    world.set("CONTAINERS_STORAGE_CONF", &storage.display().to_string());
    world.set("STORAGE_DRIVER", "vfs");
    world.unset("AWS_ENDPOINT_URL_ECR");
    let address = registry.address.clone();
    let more = ["--builder", "buildah", "--plain-http", &address];
    let head = git(&world, &["rev-parse", "HEAD"]);
    let ran = world.run(&words("build-images-dev", &address, &more)).await.expect(0);
    assert!(ran.stdout.contains("1 built"), "{}", ran.stdout);
    real::digest(&format!("{address}/dev/order-service:{head}"), "").await;
    let again = world.run(&words("build-images-dev", &address, &more)).await.expect(0);
    assert_eq!(again.outcome(), "nothing-to-do", "{}", again.stdout);

    let more = [&more[..], &["--version", "2025.03"]].concat();
    let ran = world.run(&words("build-images-prod", &address, &more)).await.expect(0);
    assert!(ran.stdout.contains("3 built"), "{}", ran.stdout);
    assert!(ran.stdout.contains("4 images removed from this machine"), "{}", ran.stdout);
    let digest = real::digest(&format!("{address}/prod/order-service:2025.03"), "").await;
    let lock = world.json("image-lock.json");
    assert_eq!(
        (&lock["images"][0]["digest"], &lock["images"][0]["version"]),
        (&digest.into(), &"2025.3.0".into())
    );
}
