//! Gates: a release goes through three environments, whoever may lets it come, and a dead one stays where it is.

use landfall_artifacts::EventKind;

use crate::recorded;
use crate::world::World;

const SETTINGS: &str = r#"
[approvers]
qa-lead = ["ada"]
manager = ["grace"]
[environment.stg_eu00]
[environment.uat_eu00]
after = ["stg_eu00"]
approvals = ["qa-lead"]
[environment.prod_eu00]
kind = "production"
after = ["uat_eu00"]
approvals = ["manager"]
freeze = [{ from = 2020-01-01T00:00:00Z, until = 2020-01-02T00:00:00Z }]
"#;

impl World {
    async fn gated() -> Self {
        let mut world = Self::deployable().await;
        world.write("landfall.toml", SETTINGS);
        world.set("LANDFALL_RELEASE", "v1.4.0");
        world.set("GITLAB_USER_LOGIN", "dev");
        world
    }

    /// The functions run older images again: here all environments have the same functions.
    fn is_in(&mut self, environment: &str) {
        let repository = self.sandbox.options().ecr_repository.clone();
        for project in self.projects() {
            let tag = format!("{}-{}", project.lambda, project.running);
            let architecture = if project.architecture == "amd64" { "x86_64" } else { project.architecture };
            let address = format!("{}/{repository}:{tag}", self.sandbox.ecr_registry.host());
            self.sandbox.lambda.create_function(project.lambda, architecture, &address);
        }
        self.remove_if_there("deploy-report.json");
        self.set("CI_ENVIRONMENT_NAME", environment);
    }

    fn remove_if_there(&self, name: &str) {
        let _ = std::fs::remove_file(self.path(name));
    }

    async fn as_user(&mut self, name: &str, words: &[&str], code: i32) -> Vec<String> {
        self.set("GITLAB_USER_LOGIN", name);
        let ran = self.run(words).await.expect(code);
        self.set("GITLAB_USER_LOGIN", "dev");
        ran.codes().into_iter().map(str::to_owned).collect()
    }

    async fn is_refused(&self, words: &[&str], code: &str) {
        let (running, writes) = (self.running(), self.writes().len());
        let ran = self.run(words).await.expect(3);
        assert!(ran.codes().contains(&code), "`{}`: {:?}", ran.words, ran.codes());
        assert_eq!((self.running(), self.writes().len()), (running, writes), "`{}`", ran.words);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_comes_where_it_was_let_and_nowhere_else() {
    let mut world = World::gated().await;
    world.is_in("stg_eu00");
    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"]]).await;

    world.is_in("prod_eu00");
    world.is_refused(&["deploy-lambda"], "LF-GATE-BEFORE").await;
    world.is_in("uat_eu00");
    world.is_refused(&["deploy-lambda"], "LF-GATE-APPROVAL").await;
    world.is_refused(&["deploy-lambda", "--dry-run"], "LF-GATE-APPROVAL").await;
    world.is_refused(&["gate", "check"], "LF-GATE-APPROVAL").await;
    world.set("CI_ENVIRONMENT_NAME", "");
    let ran = world.run(&["deploy-lambda"]).await.expect(2);
    assert_eq!(ran.codes(), ["LF-CONFIG-MISSING"], "no environment is no way around its gates");
    world.set("CI_ENVIRONMENT_NAME", "uat_eu00");
    assert_eq!(world.as_user("dev", &["gate", "approve"], 3).await, ["LF-GATE-AUTHOR"]);
    assert_eq!(world.as_user("grace", &["gate", "approve"], 3).await, ["LF-GATE-SPEAKER"]);
    assert_eq!(world.as_user("ada\u{1b}[2J", &["gate", "approve"], 3).await, ["LF-GATE-SPEAKER"]);
    assert!(world.as_user("ada", &["gate", "approve", "--reason", "::error::\u{202e}x"], 0).await.is_empty());
    world.run_all(&[&["gate", "check"], &["deploy-lambda"], &["update-version-dashboard"]]).await;

    world.is_in("prod_eu00");
    assert!(world.as_user("grace", &["gate", "freeze", "--reason", "fair"], 0).await.is_empty());
    // Whoever starts a job may call themselves what they like: in production that opens nothing.
    for act in [
        &["gate", "approve"][..],
        &["gate", "approve", "--break-glass", "--reason", "fire"],
        &["gate", "unfreeze"],
    ] {
        assert_eq!(world.as_user("grace", act, 3).await, ["LF-GATE-UNVERIFIED"], "{act:?}");
    }
    world.write(
        "landfall.toml",
        &SETTINGS.replace("\"production\"", "\"production\"\nunverified_approvals = \"count\""),
    );
    assert!(world.as_user("grace", &["gate", "approve"], 0).await.is_empty());
    world.is_refused(&["deploy-lambda"], "LF-GATE-FROZEN").await;
    assert!(world.as_user("grace", &["gate", "unfreeze"], 0).await.is_empty());
    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"]]).await;
    let events = recorded::events(world.path(".landfall/ledger"));
    let decided = |kind: EventKind| events.iter().filter(|event| event.kind == kind).count();
    assert_eq!((decided(EventKind::Approval), decided(EventKind::Freeze)), (2, 2));
    let approval = events.iter().find(|event| event.kind == EventKind::Approval).expect("one");
    assert_eq!((approval.actor.name.as_str(), &approval.details["identity"]), ("ada", &"unverified".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_release_is_refused_by_every_stage_and_can_be_rolled_back() {
    for kill in ["test", "rejection"] {
        let mut world = World::gated().await;
        world.has_logins();
        world.is_in("stg_eu00");
        world.run_all(&[&["deploy-lambda"]]).await;
        let report = world.read("deploy-report.json");
        if kill == "test" {
            world.run(&["smoke-test", "--command", "exit 1", "--within", "1s"]).await.expect(3);
        } else {
            assert!(world.as_user("ada", &["gate", "reject", "--reason", "it is slow"], 0).await.is_empty());
        }
        world.is_in("stg_eu00");
        for words in [
            &["deploy-lambda"][..],
            &["deploy-lambda", "--dry-run"],
            &["retag-push-ecr"],
            &["promote-artifacts", "--preset", "to-rc"],
            &["create-jira-tickets"],
            &["gate", "check"],
        ] {
            world.is_refused(words, "LF-GATE-DEAD").await;
        }
        world.write("deploy-report.json", &report);
        world.run(&["rollback-lambda"]).await.expect(0);
    }
}

/// A server that speaks as GitHub does, for which `grace` approved run 42 of two repositories; its address.
async fn github() -> String {
    let reviews =
        r#"[{"state": "approved", "environments": [{"name": "prod_eu00"}], "user": {"login": "grace"}}]"#;
    let mut router = axum::Router::new();
    for repository in ["acme/shop", "mallory/shop"] {
        let path = format!("/repos/{repository}/actions/runs/42/approvals");
        router = router.route(&path, axum::routing::get(move || async move { reviews }));
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_approved_a_run_is_believed_of_the_repos_own_server_and_repository() {
    const SETTINGS: &str = "[approvers]\nmanager = [\"grace\"]\n[environment.stg_eu00]\n[environment.prod_eu00]\nkind = \"production\"\n\
                            approvals = [\"manager\"]\n";
    let mut world = World::gated().await;
    world.write("landfall.toml", SETTINGS);
    world.is_in("stg_eu00");
    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"]]).await;
    world.is_in("prod_eu00");
    let own = github().await;
    for (name, value) in [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_API_URL", &own),
        ("GITHUB_REPOSITORY", "mallory/shop"),
        ("GITHUB_RUN_ID", "42"),
        ("GITHUB_TOKEN", "canary-token"),
    ] {
        world.set(name, value);
    }
    let ran = world.run(&["gate", "approve"]).await.expect(3);
    assert_eq!(ran.codes(), ["LF-GATE-UNVERIFIED"], "a variable of the job names the server");
    assert!(ran.stderr.contains("github_api of [identity]"), "{}", ran.stderr);
    let pinned = format!("{SETTINGS}[identity]\ngithub_api = \"{own}\"\nrepository = \"acme/shop\"\n");
    world.write("landfall.toml", &pinned);
    let ran = world.run(&["gate", "approve"]).await.expect(3);
    assert_eq!(ran.codes(), ["LF-GATE-ELSEWHERE"], "its run is of another repository");
    world.set("GITHUB_REPOSITORY", "acme/shop");
    world.run(&["gate", "approve"]).await.expect(0);
    let events = recorded::events(world.path(".landfall/ledger"));
    let approval = events.iter().find(|event| event.kind == EventKind::Approval).expect("one");
    let told = (approval.actor.name.as_str(), approval.actor.source.as_str(), &approval.details["identity"]);
    assert_eq!(told, ("grace", "approvals of run 42 of acme/shop", &"verified".into()));
}
