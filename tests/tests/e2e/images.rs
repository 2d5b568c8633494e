//! `build-docker-images`: with a builder of the test's own, and with buildah. `cleanup-images`.

use landfall_cli::exit;
use landfall_sandbox::images::{ImageIndex, function_image};
use landfall_sandbox::{BUILD_KEY, Service};

use crate::bad_input::refused;
use crate::real;
use crate::snapshot::page;
use crate::world::World;

/// A builder that notes how it was called, prints what it sees, and fails where the project's folder says so.
const BUILD: &str = r#"
echo "$*" >> calls
echo "TAG=$TAG PROJECT=$PROJECT token=$NPM_TOKEN vault=${VAULT_SECRET_ID:-none} extra=$EXTRA_ONE"
test ! -s "$DOCKER_CONFIG/config.json" || echo "$DOCKER_CONFIG" > logins
test ! -e "$1/broken" || { echo "cannot build $1" >&2; exit 4; }
"#;

pub(crate) async fn world() -> World {
    let mut world = World::small().await;
    world.has_versions();
    world.unset("BUILD_ARTIFACTORY_URL");
    world.set("NPM_TOKEN", "npm-canary-token");
    world.set("EXTRA_ONE", "extra-canary-4711");
    world.further_secrets.push("extra-canary-4711".to_owned());
    let settings = world.read("landfall.toml")
        + "\n[images]\nbuilder = \"command\"\nbuild = [\"sh\", \"build.sh\", \"{folder}\", \"{tag}\"]\nenvironment = [\"EXTRA_*\"]\n";
    world.write("landfall.toml", &settings);
    world.write("build.sh", BUILD);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn every_project_is_built_and_output_is_folded() {
    let mut world = world().await;
    let ran = world.run(&["build-docker-images"]).await.expect(0);
    assert_eq!(
        world.read("calls").lines().collect::<std::collections::BTreeSet<_>>(),
        ["functions/order-service 1.4.2", "functions/payment-gateway 2.0.0"].into()
    );
    assert!(!ran.stderr.contains("TAG="), "what went well is left out: {}", ran.stderr);
    assert!(ran.stdout.contains("2 built, 0 there already, 0 failed"), "{}", ran.stdout);

    world.set("GITLAB_CI", "true");
    let ran = world.run(&["build-docker-images"]).await.expect(0);
    let shown = ran.stderr.lines().find(|line| line.contains("TAG=1.4.2")).expect("in a section");
    assert_eq!(shown, "  | TAG=1.4.2 PROJECT=orderService token=<redacted> vault=none extra=<redacted>");
    assert!(ran.stderr.contains("[collapsed=true]"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_does_not_keep_the_others_from_being_built() {
    let world = world().await;
    world.write("functions/order-service/broken", "");
    let ran = world.run(&["build-docker-images", "--jobs", "1"]).await.expect(i32::from(exit::PARTIAL));
    page!(ran.page(&world), @r#"
    look what is there: 2
    build: 2
    output of build of orderService:
      | TAG=1.4.2 PROJECT=orderService token=<redacted> vault=none extra=<redacted>
      | cannot build functions/order-service
      orderService: the build of orderService:1.4.2 failed: it ended with 4
      paymentGateway: built in 0 s
    error[LF-BUILD-FAILED] exit 6
      the build of orderService:1.4.2 failed: it ended with 4
      next: read its output above, correct it, and run again: what is built is not built again

    what was changed (1):
      paymentGateway: built
    exit 6
    "#);
    world.write("functions/payment-gateway/broken", "");
    world.run(&["build-docker-images"]).await.expect(i32::from(exit::REFUSED));
}

/// A build that pushes by itself may have pushed before it failed, and a push too; a build that does not has changed nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_knows_whether_something_may_have_been_pushed() {
    let world = world().await;
    world.write("versions.json", r#"{"orderService": {"folder": "order-service", "version": "1.4.2"}}"#);
    world.write("functions/order-service/broken", "");
    let outcome = async || {
        world.run(&["build-docker-images"]).await.expect(i32::from(exit::REFUSED));
        let is_record =
            |(name, _): &(String, Vec<u8>)| name.starts_with(".landfall/ledger/") && name.ends_with(".json");
        let newest = world.files().into_iter().rfind(is_record).expect("a record").1;
        let newest: serde_json::Value = serde_json::from_slice(&newest).expect("JSON");
        newest["outcome"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(outcome().await, "unknown", "the build is not followed by a push");
    let settings = world.read("landfall.toml");
    world.write("landfall.toml", &(settings.clone() + "push = [\"true\"]\n"));
    assert_eq!(outcome().await, "failed", "the push was not begun");
    world.write("landfall.toml", &(settings.clone() + "push = [\"no-such-program\"]\n"));
    world.remove("functions/order-service/broken");
    assert_eq!(outcome().await, "failed", "the push could not be started");
    world.write("landfall.toml", &(settings + "push = [\"false\"]\n"));
    assert_eq!(outcome().await, "unknown", "the push was begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_builds_nothing_and_leaves_nothing() {
    let world = world().await;
    world.has_logins();
    let before = world.files();
    let ran = world.run(&["build-docker-images", "--dry-run"]).await.expect(0);
    assert!(ran.stdout.contains("TAG=1.4.2 sh build.sh functions/order-service 1.4.2"), "{}", ran.stdout);
    assert!(world.changed_since(&before).is_empty());
    world.run(&["build-docker-images"]).await.expect(0);
    let folder = world.read("logins");
    assert!(
        !world.path(folder.trim_end()).exists(),
        "the builder was shown the logins for as long as it ran"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_without_a_version_is_tagged_with_the_commit() {
    let mut world = world().await;
    world.write("versions.json", r#"{"orderService": {"folder": "order-service"}}"#);
    world.set("CI_COMMIT_SHA", "0a1b2c3d");
    world.run(&["build-docker-images"]).await.expect(0);
    world.unset("CI_COMMIT_SHA");
    world.run(&["build-docker-images"]).await.expect(0);
    assert_eq!(world.read("calls"), "functions/order-service 0a1b2c3d\nfunctions/order-service latest\n");
}

/// What is tagged for want of a version says nothing of what it holds.
#[tokio::test(flavor = "multi_thread")]
async fn latest_is_always_built() {
    let mut world = world().await;
    world.has_logins();
    world.set("BUILD_ARTIFACTORY_URL", &format!("{}/{BUILD_KEY}", world.sandbox.host(Service::Artifactory)));
    world.write("versions.json", r#"{"order-service": {"folder": "order-service"}}"#);
    let repository = world.sandbox.source_repository(BUILD_KEY, "order-service");
    let image = function_image("order-service", "1", "amd64", 1000);
    for tag in ["latest", "0a1b2c3d"] {
        world.sandbox.artifactory.put_image(&repository, tag, &image);
    }
    let ran = world.run(&["build-docker-images"]).await.expect(0);
    assert!(ran.stdout.contains("1 built, 0 there already"), "{}", ran.stdout);
    world.set("CI_COMMIT_SHA", "0a1b2c3d");
    assert_eq!(world.run(&["build-docker-images"]).await.expect(0).outcome(), "nothing-to-do");
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told() {
    let world = world().await;
    let ran = refused(&world, &["build-docker-images", "--builder", "docker"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-CONFIG-MISSING] exit 2
      where the images go is missing: this builder has to be told
      next: give it by --source, or the variable BUILD_ARTIFACTORY_URL

    nothing was changed
    exit 2
    "#);
    world.write("versions.json", "");
    let ran = refused(&world, &["build-docker-images", "--builder", "podman"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-CONFIG] exit 2
      --builder `podman` is neither nx, docker, buildah nor command

    nothing was changed
    exit 2
    "#);
    let ran = refused(&world, &["build-docker-images"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-FILE-EMPTY] exit 2
      versions.json is empty (zero bytes)
      next: the job which writes it was cut off or wrote nothing; run that job again

    nothing was changed
    exit 2
    "#);
    world.remove("versions.json");
    let ran = refused(&world, &["build-docker-images"], 2).await;
    assert_eq!(ran.codes(), ["LF-FILE-MISSING"]);
}

/// Debian's buildah, as a job without privileges runs it: no daemon, no overlay, no namespaces.
#[tokio::test(flavor = "multi_thread")]
async fn buildah_builds_and_pushes() {
    if !real::are_here() {
        return;
    }
    let mut world = world().await;
    let registry = real::registry().await;
    let settings = world.read("landfall.toml").split("\n[images]").next().expect("settings").to_owned()
        + "\n[images]\nbuild_arguments = [\"--isolation\", \"chroot\"]\npush_arguments = [\"--tls-verify=false\"]\n";
    world.write("landfall.toml", &settings);
    world.write(
        "versions.json",
        r#"{"order-service": {"folder": "order-service", "version": "1.4.2"}, "payment-gateway": {"folder": "payment-gateway", "version": "2.0.0"}}"#,
    );
    for folder in ["order-service", "payment-gateway"] {
        let text = "FROM scratch\nCOPY src/index.js /var/task/\nCMD [\"index.handler\"]\n";
        world.write(&format!("functions/{folder}/Dockerfile"), text);
    }
    world.set("STORAGE_DRIVER", "vfs");
    let storage = world.home.path().join("storage.conf");
    let place = |name: &str| world.home.path().join(name).display().to_string();
    let config = format!(
        "[storage]\ndriver = \"vfs\"\ngraphroot = \"{}\"\nrunroot = \"{}\"\n",
        place("graph"),
        place("run")
    );
    std::fs::write(&storage, config).expect("the configuration is written");
    let storage = storage.display().to_string();
    world.set("CONTAINERS_STORAGE_CONF", &storage);
    world.set("STORAGE_OPTIONS", "");
    world.set("BUILD_ARTIFACTORY_URL", &format!("{}/build", registry.address));
    world.set("IMAGE_NAMESPACE", "shop");
    let words = ["build-docker-images", "--builder", "buildah", "--plain-http", &registry.address];
    let ran = world.run(&words).await.expect(0);
    let digest = real::digest(&format!("{}/build/shop/order-service:1.4.2", registry.address), "").await;
    let items = ran.report()["items"].as_array().expect("items");
    assert_eq!(items[0]["details"]["digest"], digest);
    let again = world.run(&words).await.expect(0);
    assert_eq!(again.outcome(), "nothing-to-do", "{}", again.stdout);
    assert_eq!(world.run(&[&words[..], &["--rebuild"]].concat()).await.expect(0).outcome(), "done");
}

/// Releases were deployed; besides them lie images that nobody needs.
pub(crate) async fn with_rubbish() -> World {
    let world = World::deployable().await;
    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"]]).await;
    for (tag, seed) in [("rubbish", 7), ("Spare-1.0.0", 8), ("Spare-1.0.1", 9)] {
        rubbish(&world, tag, seed);
    }
    world
}

/// Puts an image into ECR that nobody deployed; its digest, which follows from the seed.
fn rubbish(world: &World, tag: &str, seed: u64) -> String {
    let layer = landfall_sandbox::images::Layer::filler("var/task/index.js", 100, seed);
    let format = landfall_sandbox::images::Format::Oci;
    let image = landfall_sandbox::images::Image::new(format, "amd64", vec![layer], &[]);
    world.sandbox.ecr_registry.put_image(&world.sandbox.options().ecr_repository, tag, &image);
    image.digest()
}

#[tokio::test(flavor = "multi_thread")]
async fn images_that_nothing_runs_are_deleted() {
    let world = with_rubbish().await;
    let words = ["cleanup-images", "--keep-last", "1", "--keep-days", "0", "--never-deployed", "prod_eu00"];
    let before = world.ecr_tags();
    let ran = world.run(&words).await.expect(0);
    assert_eq!((world.ecr_tags(), ran.outcome()), (before.clone(), "nothing-to-do"), "{}", ran.stdout);
    assert!(ran.stdout.contains("would be deleted"), "{}", ran.stdout);

    let running = world.running();
    world.run(&[&words[..], &["--yes"]].concat()).await.expect(0);
    let after = world.ecr_tags();
    let spare = after.keys().filter(|tag| tag.starts_with("Spare-")).count();
    assert_eq!((spare, before.len() - after.len()), (1, 1), "the newest of each name stays: {after:?}");
    for project in world.projects() {
        let runs = format!("{}-{}", project.lambda, project.running);
        assert!(
            after.contains_key(&project.tag()) && after.contains_key(&runs),
            "runs, and ran before: {after:?}"
        );
    }
    assert_eq!(world.running(), running);
    let again = world.run(&[&words[..], &["--yes"]].concat()).await.expect(0);
    assert_eq!(again.outcome(), "nothing-to-do");
    world.run(&["rollback-lambda"]).await.expect(0);
}

/// ECR deletes nothing that an index lists: with an index that goes its images go, with one that stays they stay.
#[tokio::test(flavor = "multi_thread")]
async fn images_of_an_index_share_its_fate() {
    let world = World::deployable().await;
    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"]]).await;
    let repository = &world.sandbox.options().ecr_repository;
    for version in ["1.0.0", "1.0.1"] {
        let image = function_image("multi", version, "amd64", 1000);
        let index = ImageIndex::new(vec![image], false);
        world.sandbox.ecr_registry.put_index(repository, &format!("multi-{version}"), &index);
    }
    let words =
        ["cleanup-images", "--keep-last", "1", "--keep-days", "0", "--yes", "--never-deployed", "prod_eu00"];
    let ran = world.run(&words).await.expect(0);
    assert!(!world.ecr_tags().contains_key("multi-1.0.0") && world.ecr_tags().contains_key("multi-1.0.1"));
    let report = ran.report();
    let items = report["items"].as_array().expect("items");
    let listed: Vec<_> =
        items.iter().filter(|item| item["details"]["why"] == "an index that stays lists it").collect();
    assert!(matches!(&listed[..], [one] if one["outcome"] == "kept"), "{report:#}");
    assert_eq!(world.run(&words).await.expect(0).outcome(), "nothing-to-do");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_not_deleted_by_name_either() {
    let world = with_rubbish().await;
    let cleanup = |images: &[&str]| -> Vec<String> {
        let named = images.iter().flat_map(|image| ["--image", *image]);
        let words = ["cleanup-images", "--yes", "--never-deployed", "prod_eu00"].into_iter().chain(named);
        words.map(str::to_owned).collect()
    };
    let refuses = async |images: &[&str], code: i32| {
        let words = cleanup(images);
        refused(&world, &words.iter().map(String::as_str).collect::<Vec<_>>(), code).await
    };
    let project = world.projects()[0];
    let runs = format!("{}-{}", project.lambda, project.running);
    let ran = refuses(&[&project.tag(), &runs], 3).await;
    page!(ran.page(&world), @r#"
    error[LF-CLEANUP-HELD] exit 3
      OrderServiceFunction-1.4.2 runs now (OrderServiceFunction)
      OrderServiceFunction-1.4.1 can be gone back to in stg_eu00 (OrderServiceFunction)
      next: deploy something else there first, or leave it

    nothing was changed
    exit 3
    "#);
    assert_eq!(refuses(&["no-such"], 2).await.codes(), ["LF-CLEANUP-MISSING"]);

    // The same image by another name: it would go too.
    let digest = rubbish(&world, "rubbish-too", 7);
    let ran = refuses(&["rubbish"], 3).await;
    page!(ran.page(&world).replace(&digest, "[digest]"), @r#"
    error[LF-CLEANUP-TAGS] exit 3
      rubbish is rubbish-too too, which would go with it
      next: name these too, or name the image by its digest: --image [digest]

    nothing was changed
    exit 3
    "#);
    let words = cleanup(&[&digest]);
    world.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).await.expect(0);
    assert!(!world.ecr_tags().keys().any(|tag| tag.starts_with("rubbish")));
}

/// Somebody made a function by hand, and nobody recorded it.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_lambda_knows_is_kept() {
    let world = with_rubbish().await;
    let repository = &world.sandbox.options().ecr_repository;
    let address = format!("{}/{repository}:rubbish", world.sandbox.host(Service::EcrRegistry));
    world.sandbox.lambda.create_function("ByHand", "x86_64", &address);
    // More functions than a page of the list has.
    for number in 0..60 {
        world.sandbox.lambda.create_zip_function(&format!("Archive{number:02}"), "x86_64");
    }
    // An alias leads to a version that `$LATEST` left behind; no alias leads to another.
    let spare = |version: &str| address.replace("rubbish", &format!("Spare-{version}"));
    for (name, version) in [("Aliased", "1.0.0"), ("Unaliased", "1.0.1")] {
        world.sandbox.lambda.create_function(name, "x86_64", &spare(version));
        world.sandbox.lambda.publish_as(name, "live");
        world.sandbox.lambda.put_image(name, &address);
    }
    world.sandbox.lambda.publish_as("Unaliased", "live");
    let words = ["cleanup-images", "--yes", "--never-deployed", "prod_eu00"];
    let named = ["--image", "rubbish", "--image", "Spare-1.0.0"];
    let ran = refused(&world, &[&words[..], &named].concat(), 3).await;
    page!(ran.page(&world), @r#"
    error[LF-CLEANUP-HELD] exit 3
      rubbish runs now (Unaliased)
      Spare-1.0.0 runs now (Aliased, alias live)
      next: deploy something else there first, or leave it

    nothing was changed
    exit 3
    "#);
    world.run(&[&words[..], &["--image", "Spare-1.0.1"]].concat()).await.expect(0);
    assert!(!world.ecr_tags().contains_key("Spare-1.0.1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_deleted_where_nobody_knows_what_runs() {
    let world = World::deployable().await;
    let ran = refused(&world, &["cleanup-images", "--yes"], 3).await;
    assert_eq!(ran.codes(), ["LF-CLEANUP-BLIND"], "nobody knows what runs");

    let world = with_rubbish().await;
    let ran = refused(&world, &["cleanup-images", "--yes"], 3).await;
    page!(ran.page(&world), @r#"
    error[LF-CLEANUP-BLIND] exit 3
      the ledger knows no deployment to prod_eu00: nobody can say what runs there
      next: give the ledger that update-version-dashboard records deployments in by --ledger; where nothing was ever deployed there, say so by --never-deployed prod_eu00

    nothing was changed
    exit 3
    "#);
    let ran = refused(&world, &["cleanup-images", "--never-deployed", "prod"], 2).await;
    assert_eq!(ran.codes(), ["LF-CONFIG"]);
    let ran = world.run(&["cleanup-images", "--never-deployed", "prod_eu00"]).await.expect(0);
    assert!(ran.stderr.contains("what runs in prod_eu00 is not looked for"), "{}", ran.stderr);

    // Of the functions that the ledger knows one was renamed, then all are elsewhere.
    world.sandbox.lambda.delete_function("OrderServiceFunction");
    let ran = world.run(&["cleanup-images", "--never-deployed", "prod_eu00"]).await.expect(0);
    assert!(ran.stderr.contains("1 functions that the ledger knows are not in"), "{}", ran.stderr);
    for project in world.projects() {
        world.sandbox.lambda.delete_function(project.lambda);
    }
    let ran = refused(&world, &["cleanup-images", "--yes", "--never-deployed", "prod_eu00"], 3).await;
    assert_eq!(ran.codes(), ["LF-CLEANUP-UNSEEN"]);
    world.run(&["cleanup-images", "--skip-verify", "--never-deployed", "prod_eu00"]).await.expect(0);
}
