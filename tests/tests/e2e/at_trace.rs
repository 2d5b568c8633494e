//! Every stage once as a dry run, once as it is meant, and once with what it needs failing, with logs at their most detailed: the harness
//! looks through everything that they leave. Where services fail, they repeat every secret that the stage has of its
//! variables in their answers.

use std::collections::BTreeSet;
use std::pin::Pin;

use landfall_commands::stages;
use landfall_sandbox::{Fault, RELEASE_BUCKET, Service, What};
use serde_json::json;

use crate::scan::secret_variables_of;
use crate::world::World;
use crate::{image_flow, images};

/// A world in which a stage has all that it needs.
type Prepared = Pin<Box<dyn Future<Output = World>>>;

/// A stage, the rest of its words, and its world.
struct Row {
    stage: &'static str,
    words: &'static [&'static str],
    world: fn() -> Prepared,
    breaks: Breaks,
}

/// What fails.
#[derive(Clone, Copy)]
enum Breaks {
    /// Every service refuses everything.
    Services,
    /// A file that the stage reads is not what it should be.
    File(&'static str),
    /// The remote refuses pushes.
    Push,
    /// What is asked for cannot be.
    Words(&'static [&'static str]),
}

fn row(stage: &'static str, words: &'static [&'static str], breaks: Breaks, world: fn() -> Prepared) -> Row {
    Row { stage, words, world, breaks }
}

macro_rules! world {
    ($made:expr) => {
        || Box::pin(async { $made.await })
    };
    ($made:expr, $change:expr) => {
        || {
            Box::pin(async {
                let mut world: World = $made.await;
                let change: fn(&mut World) = $change;
                change(&mut world);
                world
            })
        }
    };
    ($made:expr, $change:expr, before $($words:expr),+) => {
        || {
            Box::pin(async {
                let mut world: World = $made.await;
                let change: fn(&mut World) = $change;
                change(&mut world);
                world.run_all(&[$(&$words),+]).await;
                world
            })
        }
    };
}

fn rows() -> Vec<Row> {
    use Breaks::{File, Push, Services, Words};
    vec![
        row("semantic-versioning", &[], Push, world!(World::in_git())),
        row(
            "sync-project-versions",
            &[],
            Words(&["--branch", "-x"]),
            world!(World::in_git(), |_| {}, before["semantic-versioning"]),
        ),
        row("generate-versions", &[], File("landfall.toml"), world!(World::small())),
        row(
            "changed-images",
            &["--base", "HEAD"],
            Words(&["--base", "nowhere"]),
            world!(image_flow::world()),
        ),
        row("build-docker-images", &[], File("versions.json"), world!(images::world())),
        row("build-images-dev", &["--registry", "{ecr}"], Services, world!(flow())),
        row("build-images-prod", &["--registry", "{ecr}", "--version", "v1.7.0"], Services, world!(flow())),
        row("aws-credentials", &[], Services, world!(World::small())),
        row("prepare-docker-config", &[], Services, world!(World::small(), World::has_aws_keys)),
        row("retag-push-ecr", &[], Services, world!(World::copyable())),
        row("generate-mappings", &[], File("versions.json"), world!(World::with_versions())),
        row("deploy-lambda", &[], Services, world!(World::deployable())),
        row("rollback-lambda", &[], Services, world!(World::deployable(), |_| {}, before["deploy-lambda"])),
        row(
            "update-version-dashboard",
            &[],
            File("versions.json"),
            world!(World::deployable(), |_| {}, before["deploy-lambda"]),
        ),
        row("create-jira-tickets", &[], Services, world!(World::with_versions())),
        row(
            "transition-jira-tickets",
            &["deploy-pp"],
            Services,
            world!(World::with_versions(), |_| {}, before["create-jira-tickets"]),
        ),
        row(
            "comment-jira-tickets",
            &["staging"],
            Services,
            world!(World::with_versions(), |_| {}, before["create-jira-tickets"]),
        ),
        row(
            "update-jira-instructions",
            &[],
            Services,
            world!(World::with_versions(), |_| {}, before["create-jira-tickets"]),
        ),
        row("promote-artifacts", &["--preset", "to-rc"], Services, world!(World::copyable())),
        row(
            "package-artifacts",
            &["--release", "v1.0.0"],
            Words(&["--release", "/"]),
            world!(World::small(), |world| world.has_built()),
        ),
        row(
            "publish-artifacts",
            &["--bucket", RELEASE_BUCKET],
            Services,
            world!(World::small(), |world| {
                world.has_aws_keys();
                world.has_built();
            }, before ["package-artifacts", "--release", "v1.0.0"]),
        ),
        row(
            "merge-configs",
            &["configs", "merged"],
            File("configs/app.json"),
            world!(World::small(), |world| world.write("configs/app.json", "{\"a\": 1}\n")),
        ),
        row("s3-sync", &["--delete"], Services, world!(World::small(), World::has_configuration)),
        row("list-buckets", &[], Services, world!(World::small(), World::has_configuration)),
        row(
            "smoke-test",
            &["--command", "env; git --version", "--within", "1s"],
            Words(&["--command", "env >&2; exit 1"]),
            world!(World::small()),
        ),
        row(
            "gate",
            &["freeze", "--reason", "fair"],
            Words(&["--until", "2020-01-01T00:00:00Z"]),
            world!(World::small()),
        ),
        row(
            "cleanup-images",
            &["--keep-last", "1", "--keep-days", "0", "--never-deployed", "prod_eu00"],
            Services,
            world!(images::with_rubbish()),
        ),
    ]
}

/// A repo of images on a registry that has them all.
async fn flow() -> World {
    let mut world = image_flow::world().await;
    image_flow::has_docker(&mut world);
    let head = world.git(&["rev-parse", "HEAD"]);
    for image in ["order-service", "payment-gateway", "proxy"] {
        image_flow::is_pushed(&world, &format!("dev/{image}"), &head);
        image_flow::is_pushed(&world, &format!("prod/{image}"), "v1.7.0");
    }
    world
}

impl Row {
    /// A new world, whose variables hold every secret that any stage takes, and the stage's words in it.
    async fn begin(&self) -> (World, Vec<String>) {
        let mut world = (self.world)().await;
        world.set("LANDFALL_LOG_FORMAT", "json");
        for name in ["NPM_TOKEN", "GITLAB_TOKEN", "ARTIFACTORY_TOKEN_OF_OTHERS"] {
            let random: String = std::iter::repeat_with(fastrand::alphanumeric).take(40).collect();
            world.set(name, &random);
        }
        let host = world.sandbox.host(Service::EcrRegistry);
        let words = std::iter::once(&self.stage).chain(self.words);
        let words = words.map(|word| word.replace("{ecr}", &host)).collect();
        (world, words)
    }

    async fn go(&self) {
        for more in [&["--dry-run"][..], &[]] {
            let (world, mut words) = self.begin().await;
            words.extend(more.iter().map(|word| (*word).to_owned()));
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            world.run(&words).await.expect(0);
        }
        let (mut world, mut words) = self.begin().await;
        self.breaks.what(self.stage, &mut world, &mut words);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ran = world.run(&words).await;
        assert!(ran.code.is_some_and(|code| code > 0), "`{}` does not fail: {:?}", ran.words, ran.code);
        assert!(!ran.stderr.is_empty(), "`{}` says nothing", ran.words);
    }
}

impl Breaks {
    fn what(self, stage: &str, world: &mut World, words: &mut Vec<String>) {
        match self {
            Self::Services => {
                // The canaries of variables have their names.
                let known = secret_variables_of(stage);
                let secrets =
                    world.canaries().into_iter().filter(|canary| known.contains(&canary.name.as_str()));
                let said = secrets.map(|canary| canary.value).collect::<Vec<_>>().join(" ");
                assert!(!said.is_empty(), "{stage} has a secret");
                let body =
                    json!({"errors": [said], "errorMessages": [said], "message": said, "__type": said});
                world.sandbox.faults().add(Fault::new(What::status(403).body(body.to_string())).every());
            }
            Self::File(name) => world.write(name, "{\"version\": 1, \"version\": }"),
            Self::Push => world.hook("pre-receive", "env >&2; exit 1"),
            Self::Words(more) => words.extend(more.iter().map(|word| (*word).to_owned())),
        }
    }
}

#[test]
fn no_stage_is_left_out() {
    let covered: BTreeSet<&str> = rows().iter().map(|row| row.stage).collect();
    let all: BTreeSet<&str> = stages().iter().map(|stage| stage.name).collect();
    assert_eq!(covered, all, "each stage has a row here");
}

/// Those that change files and git.
#[tokio::test(flavor = "multi_thread")]
async fn stages_without_services() {
    for row in rows().iter().filter(|row| !matches!(row.breaks, Breaks::Services)) {
        row.go().await;
    }
}

/// Those that speak to services.
#[tokio::test(flavor = "multi_thread")]
async fn stages_with_services() {
    for row in rows().iter().filter(|row| matches!(row.breaks, Breaks::Services)) {
        row.go().await;
    }
}
