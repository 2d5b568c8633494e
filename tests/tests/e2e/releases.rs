//! Releases of archives: packaged, published, checked.

use std::collections::BTreeMap;

use landfall_cli::exit;
use landfall_sandbox::{RELEASE_BUCKET, Service};

use crate::bad_input::refused;
use crate::snapshot::page;
use crate::world::World;

const PACKAGE: [&str; 3] = ["package-artifacts", "--release", "v1.0.0"];
const PUBLISH: [&str; 3] = ["publish-artifacts", "--bucket", RELEASE_BUCKET];

impl World {
    /// What a build leaves: `dist` in the folder of each project.
    pub(crate) fn has_built(&self) {
        for project in self.projects() {
            let code = format!("exports.handler = async () => '{}';\n", project.project);
            self.write(&format!("functions/{}/dist/index.js", project.folder), &code);
        }
    }

    /// Key to SHA-256 of what is in the store.
    pub(crate) fn released(&self) -> BTreeMap<String, String> {
        let of = |key: String| {
            let object = self.sandbox.s3.object(RELEASE_BUCKET, &key)?;
            Some((key, object.sha256.unwrap_or_default()))
        };
        self.sandbox.s3.keys(RELEASE_BUCKET).into_iter().filter_map(of).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_goes_from_build_to_store_once() {
    let mut world = World::small().await;
    world.has_aws_keys();
    world.has_built();
    let ran = world.run(&PACKAGE).await.expect(0);
    assert_eq!(ran.items().len(), 2, "{:?}", ran.items());
    let manifest = world.json("dist/release/manifest.json");
    let ran = world.run(&PUBLISH).await.expect(0);
    assert_eq!(ran.outcome(), "done");
    let released = world.released();
    assert_eq!(released.len(), 3);
    for artifact in manifest["artifacts"].as_array().expect("archives") {
        let key = artifact["key"].as_str().expect("a key");
        assert_eq!(released.get(key).map(String::as_str), artifact["sha256"].as_str(), "{key}");
    }
    // The same files again, on another machine as it were, are the same release.
    std::fs::remove_dir_all(world.path("dist")).expect("removed");
    world.run(&PACKAGE).await.expect(0);
    assert_eq!(world.run(&PUBLISH).await.expect(0).outcome(), "nothing-to-do");
    assert_eq!(world.run(&PACKAGE).await.expect(0).outcome(), "nothing-to-do");

    // Other files under the same version are not.
    world.write("functions/order-service/dist/index.js", "exports.handler = async () => 'other';\n");
    world.run(&PACKAGE).await.expect(0);
    let words = ["publish-artifacts", "--bucket", RELEASE_BUCKET];
    let ran = refused(&world, &words, i32::from(exit::INTEGRITY)).await;
    assert_eq!(ran.codes(), ["LF-S3-DIFFERS", "LF-S3-DIFFERS"]);
    assert_eq!(world.released(), released);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_of_packaging_and_publishing() {
    let mut world = World::small().await;
    let ran = refused(&world, &["package-artifacts"], 2).await;
    page!(ran.page(&world), @r"
    error[LF-CONFIG-MISSING] exit 2
      release is missing: the version that the archives are of, such as v1.4.0
      next: give it by --release, or the variable LANDFALL_RELEASE

    nothing was changed
    exit 2
    ");
    let ran = refused(&world, &["package-artifacts", "--release", "1.0"], 2).await;
    assert_eq!(ran.codes(), ["LF-PACKAGE-RELEASE"]);
    let ran = refused(&world, &PACKAGE, 2).await;
    page!(ran.page(&world), @r"
    error[LF-PACKAGE-NOTHING] exit 2
      there is no built folder to package
      next: build first, then name the folders by --built DIR, which holds one a service, or by --service NAME=DIR

    nothing was changed
    exit 2
    ");
    world.has_aws_keys();
    let ran = refused(&world, &["publish-artifacts"], 2).await;
    page!(ran.page(&world), @r"
    error[LF-CONFIG-MISSING] exit 2
      bucket is missing: the bucket of releases
      next: give it by --bucket, or the variable LANDFALL_RELEASE_BUCKET, or releases.bucket in landfall.toml

    nothing was changed
    exit 2
    ");
    assert_eq!(refused(&world, &PUBLISH, 2).await.codes(), ["LF-FILE-MISSING"]);
    world.has_built();
    world.run(&PACKAGE).await.expect(0);
    let ran = refused(&world, &["publish-artifacts", "--bucket", "no-such-bucket"], 3).await;
    assert!(ran.codes().iter().all(|code| *code == "LF-S3-BUCKET"), "{:?}", ran.codes());
}

/// What one run made is no service of the next, wherever it went.
#[tokio::test(flavor = "multi_thread")]
async fn packaging_twice_packages_the_same() {
    let world = World::small().await;
    for service in ["one", "two"] {
        world.write(&format!("dist/{service}/index.js"), service);
    }
    let more: [&[&str]; 5] = [
        &[],
        &["--built", "dist"],
        &["--out", "dist/archives"],
        &["--built", "./dist/", "--out", "dist/three"],
        &["--built", "dist", "--out", "functions/../dist/four"],
    ];
    for more in more {
        for _ in 0..2 {
            let ran = world.run(&[&PACKAGE[..], more].concat()).await.expect(0);
            let names: Vec<String> = ran.items().into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, ["one", "two"], "{more:?}");
        }
        for folder in ["release", "archives", "three", "four"] {
            let _ = std::fs::remove_dir_all(world.path("dist").join(folder));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_was_not_built_is_named() {
    let world = World::new().await;
    world.has_built();
    for folder in ["order-service", "payment-gateway"] {
        std::fs::remove_dir_all(world.path("functions").join(folder).join("dist")).expect("removed");
    }
    // No project of anybody's.
    world.write("functions/shared/README.md", "notes");
    let ran = refused(&world, &PACKAGE, i32::from(exit::INPUT)).await;
    page!(ran.page(&world), @r"
    error[LF-PACKAGE-UNBUILT] exit 2
      the project functions/order-service was not built: it has no folder dist
      the project functions/payment-gateway was not built: it has no folder dist
      next: build it, or leave such projects out by --skip-missing

    nothing was changed
    exit 2
    ");
    let ran = world.run(&[&PACKAGE[..], &["--skip-missing"]].concat()).await.expect(0);
    assert_eq!(ran.items().len(), 4);
    let warned =
        ran.stderr.lines().filter(|line| line.starts_with("warning") && line.contains("was not built"));
    assert_eq!(warned.count(), 2, "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_of_a_deployment() {
    let world = World::small().await;
    let registry = world.sandbox.url(Service::PlainRegistry);
    let settings = world.read("landfall.toml");
    let health = format!("[[smoke]]\nname = \"health\"\nhttp = \"{registry}/v2/\"\nread_only = true\n");
    world.write(
        "landfall.toml",
        &format!("{settings}\n{health}\n[[smoke]]\ncommand = \"test -z \\\"$VAULT_SECRET_ID\\\"\"\n"),
    );
    let ran = world.run(&["smoke-test", "--within", "2s"]).await.expect(0);
    assert_eq!(ran.report()["summary"], "2 of 2 checks passed");
    assert!(world.read(".landfall/ledger/00000000000000000001.json").contains("\"test\""));

    let ran = refused(&world, &["smoke-test", "--read-only"], i32::from(exit::REFUSED)).await;
    assert_eq!(ran.codes(), ["LF-SMOKE-READ-ONLY"]);
    let ran = refused(&world, &["smoke-test", "--environment", "prod_eu00"], i32::from(exit::REFUSED)).await;
    assert_eq!(ran.codes(), ["LF-SMOKE-READ-ONLY"]);

    // As flags: an address is only read, a command has to be called so.
    let prod = ["smoke-test", "--environment", "prod_eu00"];
    world.run(&[&prod[..], &["--http", &format!("{registry}/v2/")]].concat()).await.expect(0);
    world.run(&[&prod[..], &["--check", "command = \"true\", read_only = true"]].concat()).await.expect(0);
    let words = [&prod[..], &["--command", "true"]].concat();
    let ran = refused(&world, &words, i32::from(exit::REFUSED)).await;
    page!(ran.page(&world), @r"
    error[LF-SMOKE-READ-ONLY] exit 3
      the check `command sh -c true` may change something, and only reading is allowed
      next: mark it where it changes nothing: read_only = true in landfall.toml, --check '..., read_only = true' as a flag; or leave it out here by `environments`

    nothing was changed
    exit 3
    ");

    let words = ["smoke-test", "--command", "echo all is lost; exit 9", "--within", "1s", "--quiet"];
    let ran = world.run(&words).await.expect(i32::from(exit::REFUSED));
    page!(ran.page(&world), @r"
    error[LF-SMOKE-FAILED] exit 3
      the check `command sh -c echo all is lost; exit 9` failed: it ended with exit status: 9
      caused by: all is lost
      next: look at the deployment; where it only needs longer, raise --within

    nothing was changed
    exit 3
    ");
    assert_eq!(ran.outcome(), "blocked");
}

/// What commands are given by `--pass-env` is likely to be a secret.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_passed_on_to_commands_is_not_shown() {
    let mut world = World::small().await;
    world.set("SERVICE_TOKEN", "glpat-of-a-service-1234");
    world.further_secrets.push("glpat-of-a-service-1234".to_owned());
    let command = "echo \"it said: $SERVICE_TOKEN\"; exit 1";
    let words =
        ["smoke-test", "--pass-env", "SERVICE_TOKEN", "--command", command, "--within", "1s", "--quiet"];
    let ran = world.run(&words).await.expect(i32::from(exit::REFUSED));
    assert!(ran.stderr.contains("it said: <redacted>"), "{}", ran.stderr);
}
