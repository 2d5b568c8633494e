//! `aws-credentials`: every login, every place that keys may go to; and stages that log in themselves.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::Duration;

use http::Method;
use landfall_sandbox::{Fault, Service, What, vault};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::bad_input::refused;
use crate::snapshot::page;
use crate::world::World;

/// A run whose standard output holds secrets, since it is made for that.
pub(crate) struct Direct {
    code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    fn direct(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_under-test"));
        let (first, rest) = words.split_first().expect("a stage");
        command
            .arg(first)
            .args(["--report", &self.direct_report()])
            .args(rest)
            .current_dir(self.repo.path())
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .env("HOME", self.home.path().join("home"))
            .env("TMPDIR", self.home.path().join("tmp"))
            .envs(&self.variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    fn direct_report(&self) -> String {
        self.home.path().join("reports/direct.json").display().to_string()
    }

    /// Runs it, and looks for secrets in what is not standard output.
    pub(crate) async fn run_direct(&self, words: &[&str]) -> Direct {
        let output = self.direct(words).output().await.expect("it starts");
        self.ended(output)
    }

    fn ended(&self, output: std::process::Output) -> Direct {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let report = std::fs::read_to_string(self.direct_report()).unwrap_or_default();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        for secret in self.sandbox.secret_values().iter().chain(&self.further_secrets) {
            for (name, sink) in [("standard error", &stderr), ("the report", &report)] {
                assert!(!sink.contains(secret.as_str()), "a secret is in {name}");
            }
        }
        let code = output.status.code().or_else(|| output.status.signal().map(|signal| 1000 + signal));
        Direct { code, stdout, stderr }
    }

    /// How many records the ledger has.
    fn records(&self) -> usize {
        self.files().keys().filter(|name| name.starts_with(".landfall/ledger/0")).count()
    }

    fn logs_in_at_aws(&mut self, audience: &str) -> String {
        let claims = json!({"iss": "https://gitlab.test", "aud": audience, "sub": "project_path:acme/shop"});
        let token = vault::id_token(&claims);
        self.further_secrets.push(token.clone());
        self.set("AWS_ID_TOKEN", &token);
        self.set("LANDFALL_VAULT_LOGIN", "web-identity");
        token
    }

    fn runs_on_github(&mut self) {
        let (address, token) = self.sandbox.actions_request();
        let token = token.to_owned();
        self.set("ACTIONS_ID_TOKEN_REQUEST_URL", &address);
        self.set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", &token);
    }
}

impl Direct {
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aws_itself_gives_keys_for_a_token_of_the_ci() {
    let mut world = World::small().await;
    let token = world.logs_in_at_aws("sts.amazonaws.com");
    for gone in ["HCV_URL", "VAULT_SECRET_ID", "VAULT_ROLE_ID", "VAULT_AWS_PATH", "HCV_LOGIN_PATH"] {
        world.unset(gone);
    }
    let ran = world.run(&["aws-credentials"]).await.expect(0);
    assert!(world.sandbox.journal().of(Service::Vault).is_empty());
    assert_eq!(world.sandbox.sts.calls(), ["AssumeRoleWithWebIdentity", "GetCallerIdentity"]);
    assert_eq!(ran.report()["items"][0]["details"]["login"], "JWT that the CI signed, at AWS");
    assert!(world.read("aws_auth.env").contains("AWS_SESSION_TOKEN="));
    let requests = world.sandbox.journal().of(Service::Sts);
    let carried = requests.iter().filter(|entry| entry.raw_headers().contains_key("authorization")).count();
    assert_eq!((requests.len(), carried), (2, 1), "the request with the token is not signed");

    world.remove("aws_auth.env");
    world.logs_in_at_aws("https://vault.test");
    let ran = refused(&world, &["aws-credentials"], 3).await;
    assert!(!ran.stderr.contains(&token));
    page!(ran.page(&world), @r#"
    error[LF-AWS-WEB-IDENTITY] exit 3
      AWS gave no keys of arn:aws:iam::111122223333:role/Deployer for the id token (InvalidIdentityToken): Incorrect token audience
      next: make an IAM OIDC provider for the token's issuer in the role's account, with its audience among the client ids; it says iss https://gitlab.test, aud https://vault.test, sub project_path:acme/shop

    nothing was changed
    exit 3
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn github_is_asked_for_a_token_at_both_doors() {
    let mut world = World::small().await;
    world.runs_on_github();
    world.unset("VAULT_SECRET_ID");
    world.unset("HCV_LOGIN_PATH");
    world.set("VAULT_AUTH_ROLE", "shop-on-github");
    world.run(&["aws-credentials", "--login", "jwt"]).await.expect(0);
    assert_eq!((world.sandbox.vault.logins(), world.sandbox.actions_oidc.tokens().len()), (1, 1));
    assert!(world.sandbox.vault.live_tokens().is_empty());
    world.run(&["aws-credentials", "--login", "web-identity"]).await.expect(0);
    assert_eq!((world.sandbox.vault.logins(), world.sandbox.actions_oidc.tokens().len()), (1, 2));
    let ran = world.run(&["aws-credentials", "--login", "jwt", "--audience", "somebody"]).await.expect(3);
    assert_eq!(ran.codes(), ["LF-VAULT-ID-TOKEN"]);

    world.set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "not-the-token-of-this-job");
    world.further_secrets.push("not-the-token-of-this-job".to_owned());
    let ran = world.run(&["aws-credentials", "--login", "web-identity", "--quiet"]).await.expect(3);
    assert_eq!(ran.codes(), ["LF-GITHUB-ID-TOKEN"]);
    assert!(ran.stderr.contains("The caller is not authorized.") && ran.stderr.contains("id-token: write"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_the_middle_leaves_no_token_alive() {
    let world = World::small().await;
    for (path, signal, code) in
        [("/login", Signal::INT, 130), ("/aws/sts/", Signal::TERM, 143), ("/aws/sts/", Signal::INT, 130)]
    {
        world.sandbox.journal().clear();
        let slow =
            Fault::new(What::DelayAnswer(Duration::from_millis(600))).on(Service::Vault).matching(path);
        world.sandbox.faults().add(slow);
        let mut running = world.start(&["aws-credentials"], None).await;
        running.until(|entry| entry.path().contains(path)).await;
        kill_process(Pid::from_raw(running.pid()).expect("a process id"), signal).expect("sent");
        running.end().await.expect(code);
        assert!(world.sandbox.vault.live_tokens().is_empty(), "{path}");
        assert!(world.made().is_empty(), "{path}");
        world.sandbox.faults().clear();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_for_a_program_are_on_standard_output_alone() {
    let world = World::small().await;
    let ran = world.run(&["aws-credentials", "--to", "process", "--quiet"]).await.expect(0);
    let keys: Value = serde_json::from_str(&ran.stdout).expect("JSON and nothing else");
    assert_eq!(keys["Version"], 1);
    assert!(
        world.sandbox.issued.secrets().contains(&keys["SecretAccessKey"].as_str().expect("a key").to_owned())
    );
    assert!(world.made().is_empty(), "nothing is stored");
    let ran = world.run(&["aws-credentials", "--to", "process", "--output", "json"]).await.expect(2);
    assert!(!ran.stdout.contains("AccessKeyId") && ran.stderr.contains("--report"), "{}", ran.stderr);
}

/// The command line of a real AWS CLI, where there is one.
pub(crate) fn aws_cli() -> Option<&'static str> {
    let found = std::process::Command::new("aws").arg("--version").output();
    let is_there = found.is_ok_and(|output| output.status.success());
    assert!(is_there || std::env::var_os("LANDFALL_REAL_SERVERS").is_none(), "the AWS CLI is to be there");
    is_there.then_some("aws")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_cli_takes_keys_from_the_process_of_a_profile() {
    let Some(aws) = aws_cli() else { return };
    let world = World::small().await;
    let program = env!("CARGO_BIN_EXE_under-test");
    let profile =
        format!("[profile deploy]\ncredential_process = {program} aws-credentials --to process --quiet\n");
    let config = world.home.path().join("home/aws-config");
    std::fs::write(&config, profile).expect("written");
    let output = Command::new(aws)
        .args(["sts", "get-caller-identity", "--profile", "deploy", "--query", "Arn", "--output", "text"])
        .args(["--endpoint-url", &world.sandbox.url(Service::Sts)])
        .current_dir(world.repo.path())
        .env("AWS_CONFIG_FILE", &config)
        .envs(&world.variables)
        .output()
        .await
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains(":assumed-role/Deployer/"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_takes_keys_from_the_process_of_a_profile() {
    let mut world = World::small().await;
    let program = env!("CARGO_BIN_EXE_under-test");
    let profile =
        format!("[profile deploy]\ncredential_process = {program} aws-credentials --to process --quiet\n");
    std::fs::create_dir_all(world.home.path().join("home/.aws")).expect("a folder");
    std::fs::write(world.home.path().join("home/.aws/config"), profile).expect("written");
    world.set("AWS_PROFILE", "deploy");
    world.run(&["list-buckets", "--credentials", "profile"]).await.expect(0);
    assert_eq!(world.sandbox.vault.logins(), 1);
}

/// A job that failed must not leave the keys of an earlier run to the jobs behind it.
#[tokio::test(flavor = "multi_thread")]
async fn the_file_of_an_earlier_run_does_not_outlive_one_that_fails() {
    let mut world = World::small().await;
    world.run(&["aws-credentials"]).await.expect(0);
    world.run(&["aws-credentials", "--dry-run"]).await.expect(0);
    assert!(world.path("aws_auth.env").exists(), "a dry run changes nothing");
    world.sandbox.vault.configure(|vault| vault.sealed = true);
    world.run(&["aws-credentials"]).await.expect(5);
    assert!(!world.path("aws_auth.env").exists());

    world.sandbox.vault.configure(|vault| vault.sealed = false);
    world.run(&["aws-credentials"]).await.expect(0);
    world.unset("VAULT_AWS_PATH");
    world.run(&["aws-credentials"]).await.expect(2);
    assert!(!world.path("aws_auth.env").exists(), "what is wrong with the configuration comes later");
}

#[tokio::test(flavor = "multi_thread")]
async fn github_masks_what_the_next_steps_get() {
    let mut world = World::small().await;
    let file = world.home.path().join("home/github-env");
    std::fs::write(&file, "OTHER=1\n").expect("written");
    world.set("GITHUB_ENV", &file.display().to_string());
    let ran = world.run_direct(&["aws-credentials", "--to", "github"]).await.expect(0);
    let given = std::fs::read_to_string(&file).expect("read");
    let values: Vec<&str> = given.lines().filter_map(|line| Some(line.split_once('=')?.1)).collect();
    let masks: Vec<&str> = ran.stdout.lines().filter_map(|line| line.strip_prefix("::add-mask::")).collect();
    assert_eq!((values.len(), &masks[..]), (5, &values[1..4]));
    assert_eq!(ran.stdout.lines().take(3).filter(|line| line.starts_with("::add-mask::")).count(), 3);
    std::fs::remove_file(&file).expect("removed");
    world.unset("GITHUB_ENV");
    let ran = refused(&world, &["aws-credentials", "--to", "github"], 2).await;
    assert_eq!(ran.codes(), ["LF-CONFIG-MISSING"]);
    assert_eq!(world.sandbox.vault.logins(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn gitlabs_variables_are_set_and_taken_away() {
    let mut world = World::small().await;
    let ran = world.run(&["aws-credentials", "--to", "gitlab", "--quiet"]).await.expect(2);
    page!(ran.page(&world), @r#"
    error[LF-CONFIG-MISSING] exit 2
      gitlab is missing: with --to gitlab: its API, or its address
      next: give it by --gitlab, or the variable CI_API_V4_URL or CI_SERVER_URL

    error[LF-CONFIG-MISSING] exit 2
      gitlab-token is missing: with --to gitlab: a token of scope api; a job's own token cannot set variables
      next: give it by the variable GITLAB_TOKEN

    error[LF-CONFIG-MISSING] exit 2
      gitlab-project is missing: with --to gitlab: the project whose variables are set
      next: give it by --gitlab-project, or the variable GITLAB_PROJECT_ID

    nothing was changed
    exit 2
    "#);
    let token = world.sandbox.gitlab_token().to_owned();
    world.set("CI_SERVER_URL", &world.sandbox.url(Service::GitLab));
    world.set("GITLAB_TOKEN", &token);
    world.set("GITLAB_PROJECT_ID", "574");
    let words = ["aws-credentials", "--to", "gitlab"];
    let fault = Fault::new(What::status(403).body(r#"{"message":"403 Forbidden"}"#)).on(Service::GitLab);
    world.sandbox.faults().add(fault.method(Method::POST).nth(3));
    let ran = world.run(&words).await.expect(6);
    let outcomes: Vec<String> = ran.items().into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, ["fetched", "created", "created", "failed", "not-tried"]);
    world.sandbox.faults().clear();
    let ran = world.run(&words).await.expect(0);
    assert!(ran.stdout.contains("variables of the project 574 at GitLab for stg_eu00"), "{}", ran.stdout);
    let there = world.sandbox.gitlab.variables("projects/574", "stg_eu00");
    assert_eq!(there.len(), 4);
    assert!(there["AWS_SECRET_ACCESS_KEY"].hidden);
    assert!(world.made().is_empty(), "no file beside");
    let logins = world.sandbox.vault.logins();
    let recorded = world.records();
    world.run(&["aws-credentials", "--to", "gitlab", "--clean"]).await.expect(0);
    assert_eq!(world.records(), recorded + 8, "four intents and how they ended");
    assert!(world.sandbox.gitlab.variables("projects/574", "stg_eu00").is_empty());
    assert_eq!(world.sandbox.vault.logins(), logins, "cleaning needs no login");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_whose_keys_end_in_the_middle_goes_on_with_one_login_more() {
    let mut world = World::deployable().await;
    world.unset("AWS_ACCESS_KEY_ID");
    world.unset("AWS_SECRET_ACCESS_KEY");
    world.unset("AWS_SESSION_TOKEN");
    let logins = world.sandbox.vault.logins();
    let slow =
        Fault::new(What::DelayAnswer(Duration::from_millis(800))).on(Service::Lambda).method(Method::PUT);
    world.sandbox.faults().add(slow.nth(1));
    let words = ["deploy-lambda", "--credentials", "vault", "--jobs", "1"];
    let mut running = world.start(&words, None).await;
    running.until(|entry| entry.service == Service::Lambda && entry.method == Method::PUT).await;
    world.sandbox.issued.expire_all();
    let ran = running.end().await.expect(0);
    assert_eq!(world.sandbox.vault.logins(), logins + 2, "one at the beginning, one in the middle");
    assert!(ran.stderr.contains("AWS credentials renewed until"), "{}", ran.stderr);
    for project in world.projects() {
        assert_eq!(world.running()[project.lambda], project.image().digest());
    }
    assert!(world.sandbox.vault.live_tokens().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_whose_keys_end_and_cannot_be_renewed_says_why() {
    for (sealed, class) in [(true, "sealed"), (false, "secret ID")] {
        let mut world = World::deployable().await;
        for gone in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
            world.unset(gone);
        }
        let role_id = world.variables["VAULT_ROLE_ID"].clone();
        let once = "22222222-3333-4444-5555-666666666666";
        world.sandbox.vault.add_secret_id(&role_id, once, vault::SecretUses::Times(1));
        world.set("VAULT_SECRET_ID", once);
        world.further_secrets.push(once.to_owned());
        let slow = Fault::new(What::DelayAnswer(Duration::from_millis(800))).on(Service::Lambda);
        world.sandbox.faults().add(slow.nth(1));
        let before = world.running();
        let mut running = world.start(&["deploy-lambda", "--credentials", "vault"], None).await;
        running.until(|entry| entry.service == Service::Lambda).await;
        world.sandbox.issued.expire_all();
        world.sandbox.vault.configure(|vault| vault.sealed = sealed);
        let ran = running.end().await.expect(if sealed { 5 } else { 3 });
        assert!(ran.stderr.contains("could not be renewed") && ran.stderr.contains(class), "{}", ran.stderr);
        assert!(ran.stderr.contains("LF-AWS-EXPIRED"), "{}", ran.stderr);
        assert!(world.sandbox.vault.logins() <= 2, "{}", world.sandbox.vault.logins());
        assert_eq!(world.running(), before, "nothing was changed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_written_anew_is_read_again() {
    let mut world = World::deployable().await;
    for gone in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        world.unset(gone);
    }
    world.run(&["aws-credentials"]).await.expect(0);
    let slow =
        Fault::new(What::DelayAnswer(Duration::from_millis(2500))).on(Service::Lambda).method(Method::PUT);
    world.sandbox.faults().add(slow.nth(1));
    let mut running = world.start(&["deploy-lambda", "--jobs", "1"], None).await;
    running.until(|entry| entry.service == Service::Lambda && entry.method == Method::PUT).await;
    world.sandbox.issued.expire_all();
    world.run(&["aws-credentials"]).await.expect(0);
    running.end().await.expect(0);
    for project in world.projects() {
        assert_eq!(world.running()[project.lambda], project.image().digest());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrapped_secret_id_is_for_stages_that_end_in_time() {
    let mut world = World::small().await;
    let role_id = world.variables["VAULT_ROLE_ID"].clone();
    let wrapping = world.sandbox.vault.wrap_secret_id(&role_id);
    world.further_secrets.push(wrapping.clone());
    world.unset("VAULT_SECRET_ID");
    world.set("VAULT_WRAPPED_SECRET_ID", &wrapping);
    let ran = world.run(&["list-buckets", "--credentials", "vault"]).await.expect(0);
    assert!(ran.stderr.contains("are not renewed: a wrapped secret id logs in once"), "{}", ran.stderr);
    assert_eq!(world.sandbox.vault.logins(), 1);
    let ran = refused(&world, &["list-buckets", "--credentials", "somewhere"], 2).await;
    assert_eq!(ran.codes(), ["LF-CONFIG"]);
}
