//! `landfall plan`: what a run would do, and what stands in its way, without that anything is changed anywhere.

use std::collections::BTreeSet;

use landfall_artifacts::PipelinePlan;
use landfall_sandbox::Service;
use serde_json::Value;

use crate::harness::Ran;
use crate::snapshot::page;
use crate::world::World;

impl World {
    /// Two regions of staging and production, with images of their own to be copied to production.
    fn has_rows(&self, of_production: &str) {
        let ecr =
            format!("{}/{}", self.sandbox.host(Service::EcrRegistry), self.sandbox.options().ecr_repository);
        let row = |name: &str, kind: &str, suffix: &str, region: &str, more: &str| {
            format!(
                "[environment.{name}]\nkind = \"{kind}\"\nsuffix = \"{suffix}\"\nregion_key = \"{region}\"\n{more}\n"
            )
        };
        let production = format!("ecr = \"{ecr}\"\n{of_production}");
        let rows = [
            row("stg_eu00", "staging", "staging-eu", "eu", ""),
            row("prod_eu00", "production", "prod-eu", "eu", &production),
            row("prod_na03", "production", "prod-na", "na", &production),
        ];
        self.write("landfall.toml", &format!("{}[approvers]\nmanager = [\"grace\"]\n", rows.concat()));
    }

    /// A release that staging ran, promoted to candidates and has a ticket for; what production begins from.
    async fn staged(of_production: &str) -> Self {
        let mut world = Self::small().await;
        world.has_aws_keys();
        world.has_logins();
        world.has_versions();
        world.has_rows(of_production);
        world.run_all(&[&["promote-artifacts", "--preset", "to-rc"], &["create-jira-tickets"]]).await;
        let versions = world.read("versions.json");
        for name in ["versions.json", "jira-tickets.json", "promotion-log-to-rc.json"] {
            world.remove(name);
        }
        world.set("TARGET_VERSIONS_JSON", &versions);
        world.set("GITLAB_USER_LOGIN", "grace");
        world
    }

    /// Runs `landfall plan`: no file is made, no request changes anything, and nobody logs in to Vault.
    async fn plan(&self, words: &[&str], code: i32) -> Ran {
        let (files, writes) = (self.files(), self.writes().len());
        let vault = self.sandbox.journal().of(Service::Vault).len();
        let ran = self.run(&[&["plan"], words].concat()).await.expect(code);
        assert_eq!(self.changed_since(&files), BTreeSet::new(), "`{}` left files", ran.words);
        let asked: Vec<String> = self.writes().iter().skip(writes).map(ToString::to_string).collect();
        assert!(asked.is_empty(), "`{}` changed something: {asked:#?}", ran.words);
        assert_eq!(self.sandbox.journal().of(Service::Vault).len(), vault, "a login may use up a secret id");
        ran
    }

    /// The same as data.
    async fn planned(&self, words: &[&str], code: i32) -> PipelinePlan {
        let ran = self.plan(&[words, &["--output", "json"]].concat(), code).await;
        let value: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let schemas = landfall_artifacts::schemas();
        let (_, schema) = schemas.iter().find(|(name, _)| *name == "pipeline-plan").expect("a schema");
        jsonschema::validate(schema, &value).unwrap_or_else(|error| panic!("{error}"));
        PipelinePlan::parse(ran.stdout.as_bytes(), "plan")
            .unwrap_or_else(|errors| panic!("{errors}:\n{}", ran.stdout))
    }
}

fn codes(plan: &PipelinePlan) -> Vec<&str> {
    plan.in_the_way.iter().map(|one| one.problem.code.as_str()).collect()
}

/// The page without what differs from run to run.
fn seen(world: &World, ran: &Ran) -> String {
    let at = |line: &str| line.split(" at 20").next().map(str::to_owned).unwrap_or_default();
    world.tidy(&ran.stdout).lines().map(at).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn production_in_two_regions() {
    let world = World::staged("").await;
    let ran = world.plan(&["production", "--env", "prod_eu00,prod_na03"], 0).await;
    page!(seen(&world, &ran), @r"
    production of release r-cc47dc661071 to prod_eu00, prod_na03
    asked by grace
    may start; 4 jobs are not foretold

    the run as a whole
      promotion     2 of 2 images would be promoted from docker-rc to
                    docker-release; 0 there already, 0 refused

    prod_eu00
      images        2 to copy (1.0 MiB), 0 there already
      functions     2 of 2 functions change, 0 unchanged
      FUNCTION                FROM          TO
      OrderServiceFunction    5de0606b7369  1.4.2 (9d67c3f4a2c5)
      PaymentGatewayFunction  ff4dea9c4ae5  2.0.0 (0acef64165c5)
      ticket        REL-1 from `To Do` to `Deploying`; then to `Resolved`; then to
                    `Closed`; a comment
      credentials   live 1 h from aws-credentials-prod-eu on; how long the work with
                    them takes is not known: the ledger has no earlier run

    prod_na03
      images        2 to copy (1.0 MiB), 0 there already
      functions     2 of 2 functions change, 0 unchanged
        the same as in prod_eu00
      ticket        not all of it is foretold: see the notes
      credentials   live 1 h from aws-credentials-prod-na on; how long the work with
                    them takes is not known: the ledger has no earlier run
      to look at    1 note
        transition-deploying-prod-na and 3 more: it may fail: LF-JIRA-NO-TICKET no
        ticket of release r-cc47dc661071 in region na
    ");
    let plan = world.planned(&["production", "--env", "prod_na03 prod_eu00"], 0).await;
    let functions = |name: &str| {
        let job = plan.jobs.iter().find(|job| job.name == name).expect("the job");
        let change = |item: &&landfall_artifacts::ReportItem| item.outcome == "planned";
        job.items.iter().filter(change).map(|item| item.details["version"].clone()).collect::<Vec<Value>>()
    };
    assert_eq!(functions("deploy-lambda-prod-eu"), ["1.4.2", "2.0.0"]);
    assert_eq!(functions("deploy-lambda-prod-na"), ["1.4.2", "2.0.0"]);
    let one = world.planned(&["production", "--env", "prod_eu00"], 0).await;
    assert!(one.jobs.iter().all(|job| !job.name.ends_with("-na")), "{:?}", one.environments);

    let markdown = world.plan(&["production", "--env", "prod_eu00", "--markdown"], 0).await;
    assert!(markdown.stdout.starts_with("## Plan: production of release"), "{}", markdown.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn gates_say_what_is_missing_and_the_rest_is_shown_all_the_same() {
    let gates = "after = [\"stg_eu00\"]\napprovals = [\"manager\"]\nfreeze = [{ from = 2020-01-01T00:00:00Z, until = 2120-01-01T00:00:00Z, reason = \"audit\" }]\n";
    let world = World::staged(gates).await;
    let ran = world.plan(&["production", "--env", "prod_eu00"], 3).await;
    let page = seen(&world, &ran);
    let (in_the_way, rest) = page.split_once("\n\nthe run as a whole\n").expect("the rest");
    assert!(rest.contains("2 to copy (1.0 MiB)") && rest.contains("2 of 2 functions change"), "{page}");
    page!(in_the_way, @r"
    production of release r-cc47dc661071 to prod_eu00
    asked by grace
    stands in the way: 3 things

    in the way
      LF-GATE-BEFORE prod_eu00, deploy-lambda-prod-eu
        it was not deployed to stg_eu00 with orderService, paymentGateway
        next: deploy it to stg_eu00 first, record it by update-version-dashboard,
        and give both the same --ledger
      LF-GATE-APPROVAL prod_eu00, deploy-lambda-prod-eu
        no manager has approved it
        next: let grace run gate approve --role manager
      LF-GATE-FROZEN prod_eu00, deploy-lambda-prod-eu
        prod_eu00 is frozen until 2120-01-01 00:00 UTC: audit
        next: run again after 2120-01-01 00:00 UTC; in an emergency gate approve
        --break-glass --reason opens it, and is recorded
    ");
    let told = "error[LF-PLAN-IN-THE-WAY] exit 3\n  3 things stand in the way of production\n";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    let plan = world.planned(&["production", "--env", "prod_eu00"], 3).await;
    for code in ["LF-GATE-BEFORE", "LF-GATE-APPROVAL", "LF-GATE-FROZEN"] {
        assert!(codes(&plan).contains(&code), "{:?}", codes(&plan));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_over_or_missing() {
    let mut world = World::staged("").await;
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        world.unset(name);
    }
    let none = world.planned(&["production", "--env", "prod_eu00"], 2).await;
    assert!(codes(&none).contains(&"LF-AWS-KEYS"), "{:?}", codes(&none));
    let over = "AWS_ACCESS_KEY_ID=ASIAEXAMPLE\nAWS_SECRET_ACCESS_KEY=example\nAWS_SESSION_TOKEN=example\nAWS_CREDENTIAL_EXPIRATION=2020-01-01T00:00:00Z\n";
    world.write("eu.env", over);
    let expired = world.planned(&["production", "--env", "prod_eu00", "--keys", "prod_eu00=eu.env"], 3).await;
    assert_eq!(codes(&expired), ["LF-AWS-EXPIRED"]);
    assert!(expired.in_the_way[0].jobs.len() > 1, "it is told once: {:?}", expired.in_the_way);
    assert_eq!(expired.keys[0].at_hand_until.map(time::OffsetDateTime::year), Some(2020));

    // What the CI system alone knows is no obstacle on another machine.
    world.has_aws_keys();
    world.unset("VAULT_SECRET_ID");
    let plan = world.planned(&["production", "--env", "prod_eu00"], 0).await;
    let login = plan.jobs.iter().find(|job| job.name == "aws-credentials-prod-eu").expect("the login");
    assert!(login.warnings.iter().any(|note| note.contains("secret-id is missing")), "{:?}", login.warnings);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_meant_is_bad_input() {
    let world = World::staged("").await;
    for (words, code) in [
        (&["production", "--env", "prod_eu01"][..], "LF-TARGET-UNKNOWN"),
        (&["production", "--env", "prod_eu00,stg_eu00"], "LF-TARGET-MIXED"),
        (&["production", "--env", "stg_eu00"], "LF-TARGET-UNKNOWN"),
        (&["production"], "LF-TARGET-NONE"),
        (&["s3-config", "--env", "dev"], "LF-TARGET-UNKNOWN"),
        (&["produktion", "--env", "prod_eu00"], "LF-FILE-INVALID"),
        (&["production", "--env", "prod_eu00", "--keys", "x"], "LF-CONFIG"),
    ] {
        let ran = world.plan(words, 2).await;
        assert!(ran.codes().contains(&code), "{words:?}: {:?}", ran.codes());
    }
    assert!(world.sandbox.journal().of(Service::Lambda).is_empty(), "nobody was asked for a mistake");
}

#[tokio::test(flavor = "multi_thread")]
async fn staging_before_anything_is_built() {
    let mut world = World::in_git().await;
    world.has_aws_keys();
    world.run(&["semantic-versioning"]).await.expect(0);
    world.change("libs/money/index.js", "feat: money can be counted");
    world.remove("versions.json");
    let ran = world.plan(&["staging"], 0).await;
    page!(seen(&world, &ran), @r"
    staging of release r-a8a37bffb012 to stg_eu00
    asked by unknown
    may start; 2 jobs are not foretold

    the run as a whole
      versions      1 of 2 projects would be released
      builds        1 image would be built, 1 there already
      promotion     1 of 2 images would be promoted from docker-build to docker-rc;
                    0 there already, 1 refused
      not foretold  2 jobs
        build: the repo's own: npx nx run-many --target=build
        test: the repo's own: npx nx run-many --target=test
      to look at    2 notes
        promote-to-rc-build-artifacts: image-lock.json is not there: what is
        promoted is what the tags name now
        promote-to-rc-build-artifacts: docker-build comes first:
        shop/orderService:1.5.0 is not in docker-build

    stg_eu00
      images        1 to copy (1.0 MiB), 0 there already; a part of it follows
                    docker-build
      functions     2 functions, with what the run makes first: it needs
                    lambda-ecr-mappings.json of retag-push-ecr-stg-eu00, which is
                    not foretold: a part of it follows docker-build
      FUNCTION                FROM  TO
      OrderServiceFunction    -     1.5.0  follows
      PaymentGatewayFunction  -     2.0.0  follows
      ticket        a new one; then transition-deploy-pp-stg-eu00; then
                    update-jira-instructions-stg-eu00; then
                    transition-pp-testing-stg-eu00
      credentials   live 1 h from aws-credentials-stg-eu00 on; how long the work
                    with them takes is not known: the ledger has no earlier run
      to look at    1 note
        retag-push-ecr-stg-eu00: docker-build comes first:
        artifactory.test/docker-build/shop/orderService:1.5.0 is not there
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_with_deletions() {
    let mut world = World::small().await;
    world.has_configuration();
    std::fs::remove_dir_all(world.path("merged-files")).expect("the folder is there");
    world.write("configs/same.json", "{}");
    world.write("configs/changed.json", "{\n  \"a\": 2\n}\n");
    let ran = world.plan(&["s3-config", "--env", "stg_eu00"], 0).await;
    page!(seen(&world, &ran), @r"
    s3-config to stg_eu00
    asked by unknown
    may start

    stg_eu00
      configuration 1 upload (13 B), 2 deletes, 1 unchanged
        - old-1.json 4 B
        - old-2.json 4 B
        ~ changed.json 13 B
      credentials   live 1 h from aws_hcv_auth_stg on; how long the work with them
                    takes is not known: the ledger has no earlier run
    ");
    for number in 0..9 {
        let key = format!("web/extra-{number}.json");
        world.sandbox.s3.put_with(
            "app-native-config-stg",
            &key,
            "{}",
            &[("content-type", "application/json")],
        );
    }
    let plan = world.planned(&["s3-config", "--env", "stg_eu00"], 3).await;
    assert_eq!(codes(&plan), ["LF-SYNC-DELETES"]);
    let sync = plan.jobs.iter().find(|job| job.stages.contains(&"s3-sync".to_owned())).expect("the sync");
    let deletes = sync.items.iter().filter(|item| item.details.get("action") == Some(&Value::from("delete")));
    assert_eq!(deletes.count(), 11, "what is forbidden is shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_is_built_once_goes_through_three_environments() {
    let mut world = World::in_git().await;
    world.has_aws_keys();
    let settings = format!(
        "[environment.dev1]\n[environment.qa1]\nafter = [\"dev1\"]\n[environment.prod1]\nkind = \"production\"\nafter = [\"qa1\"]\n\
         approvals = [\"manager\"]\n[approvers]\nmanager = [\"grace\"]\n[releases]\nbucket = \"{}\"\n\
         [[smoke]]\nname = \"health\"\nhttp = \"https://api.example.com/health\"\nread_only = true\n",
        landfall_sandbox::RELEASE_BUCKET
    );
    world.write("landfall.toml", &settings);
    world.git(&["commit", "--quiet", "--all", "--message", "feat: archives"]);
    world.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    let ran = world.plan(&["immutable-release"], 0).await;
    page!(seen(&world, &ran), @r"
    immutable-release of release v2.0.0 to dev1, qa1, prod1
    asked by unknown
    may start; 2 jobs are not foretold

    the run as a whole
      versions      2 of 2 projects would be released
      archives      not foretold: it follows build-archives, which makes what it
                    works on
      publication   not foretold: it needs dist/release/ of package-artifacts, which
                    is not foretold: it follows build-archives, which makes what it
                    works on
      not foretold  1 job
        build-archives: the repo's own: npx nx run-many --target=build

    dev1
      functions     2 functions, with what the run makes first: it follows
                    publish-artifacts, which makes what it works on
      FUNCTION                FROM  TO
      OrderServiceFunction    -     2.0.0  follows
      PaymentGatewayFunction  -     2.0.0  follows
      checks        1 check
      credentials   live 1 h from aws-credentials-dev1 on; how long the work with
                    them takes is not known: the ledger has no earlier run

    qa1
      functions     2 functions, with what the run makes first: it follows
                    publish-artifacts, which makes what it works on
        the same as in dev1
      checks        1 check
      credentials   live 1 h from aws-credentials-qa1 on; how long the work with
                    them takes is not known: the ledger has no earlier run

    prod1
      functions     2 functions, with what the run makes first: it follows
                    publish-artifacts, which makes what it works on
        the same as in dev1
      checks        1 check
      by hand       approve-prod1: somebody has to start it
      credentials   live 1 h from aws-credentials-prod1 on; how long the work with
                    them takes is not known: the ledger has no earlier run
    ");
}
