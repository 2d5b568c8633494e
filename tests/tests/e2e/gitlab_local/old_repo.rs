//! A repo as it was before: it includes old files by their names and says the rest in old variables. `landfall init` is told what it cannot see,
//! and everything else stays.

use std::path::Path;
use std::process::Output;

use landfall_sandbox::{RC_KEY, RELEASE_KEY, Service};

use super::change;
use super::runner::Start;
use super::scene::Scene;
use crate::real;

fn fixture() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/old-repo"))
}

/// Hosts of the fixture, with the environment and the service that they are.
const HOSTS: [(&str, &str, Service); 4] = [
    ("vault.stg.shop.example", "stg_eu00", Service::Vault),
    ("vault.prod.shop.example", "prod_eu00", Service::Vault),
    ("ecr.stg.shop.example", "stg_eu00", Service::EcrRegistry),
    ("ecr.prod.shop.example", "prod_eu00", Service::EcrRegistry),
];

/// The fixture in the place of the sample, with the sandboxes' hosts in the place of its own.
async fn scene() -> Scene {
    let scene = Scene::of(&["stg_eu00", "prod_eu00"]).await;
    for entry in std::fs::read_dir(scene.world.repo.path()).expect("the repo").flatten() {
        if entry.file_name() != ".git" {
            let path = entry.path();
            if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
                .expect("removed");
        }
    }
    for (name, bytes) in crate::world::files_below(fixture()) {
        let mut text = String::from_utf8(bytes).expect("UTF-8");
        for (host, environment, service) in HOSTS {
            text = text.replace(host, &scene.sandbox(environment).host(service));
        }
        scene.world.write(&name, &text);
    }
    scene.world.write(".gitignore", "/.gitlab-ci-local/\n");
    scene.commit("chore: as it is");
    scene.world.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    scene.point_everywhere();
    scene
}

fn init(scene: &Scene, further: &[&str]) -> Output {
    let sandbox = &scene.world.sandbox;
    let role = |environment: &str| {
        format!("environment.{environment}.vault.role_arn={}", scene.sandbox(environment).role_arn())
    };
    std::process::Command::new(env!("CARGO_BIN_EXE_under-test"))
        .args(["init", "--yes", "--image", "landfall", "--image-namespace", "shop"])
        .args(["--artifactory-url", &sandbox.url(Service::Artifactory)])
        .args(["--artifactory-user", &sandbox.artifactory_access().user])
        .args(["--jira-url", &sandbox.url(Service::Jira)])
        .args(["--vault-aws-path", "aws/sts/deployer"])
        .args(["--set", &role("stg_eu00"), "--set", &role("prod_eu00")])
        .args(further)
        .current_dir(scene.world.repo.path())
        .output()
        .expect("it starts")
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_repo_changes_its_includes_and_delivers_as_before() {
    if !real::are_here() {
        return;
    }
    let scene = scene().await;
    let before = scene.world.files();
    let output = init(&scene, &["--dry-run"]);
    assert!(output.status.success(), "{}", told(&output));
    assert!(scene.world.changed_since(&before).is_empty(), "a dry run writes nothing");

    let old = scene.world.read(".gitlab-ci.yml");
    let output = init(&scene, &[]);
    assert!(output.status.success(), "{}", told(&output));
    let warned = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(warned.contains("AWS_CREDENTIAL_SCRIPT_PATH in .gitlab-ci.yml, line 28 is unused"), "{warned}");
    let changed = scene.world.read(".gitlab-ci.yml");
    let includes = "include:\n  - local: '/aws/lambda/build-deploy/staging-deploy.gitlab-ci.yml'\n  - local: '/aws/lambda/build-deploy/prod-deploy.gitlab-ci.yml'\n  - local: '/nx.semantic.versioning.gitlab-ci.yml'\n  - local: '/ci/checks.gitlab-ci.yml'\n";
    let rest = |text: &str| text.split_once("\nstages:").expect("stages").1.to_owned();
    assert!(changed.contains(includes), "{changed}");
    assert_eq!(rest(&changed), rest(&old));
    let before = scene.world.files();
    let output = init(&scene, &[]);
    assert!(output.status.success() && told(&output).contains("nothing to do"), "{}", told(&output));
    assert!(scene.world.changed_since(&before).is_empty(), "a second run changes nothing");

    scene.commit("chore: move to landfall");
    scene.world.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    change(&scene);
    let played = scene.play(&Start::push()).await;
    played.all_passed();
    for job in
        ["build", "shop-checks", "semantic-versioning", "docker-build", "promote-to-rc-build-artifacts"]
    {
        assert!(played.ran(job), "{job} did not run: {:?}", played.jobs);
    }
    assert_eq!(scene.running("stg_eu00"), scene.released());
    assert_eq!(scene.running("prod_eu00"), scene.before());
    assert_eq!(scene.tickets(), ["Pre-Prod Testing"]);
    assert_eq!(scene.promoted(RC_KEY), ["orderService", "paymentGateway"]);

    let versions = played.artifact("semantic-versioning", "versions.json");
    let played = scene.play(&Start::web("prod_eu00", &versions)).await;
    played.all_passed();
    assert_eq!(scene.running("prod_eu00"), scene.released());
    assert_eq!(scene.tickets(), ["Closed"]);
    assert_eq!(scene.promoted(RELEASE_KEY), ["orderService", "paymentGateway"]);
}
