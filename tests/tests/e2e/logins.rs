//! Where logins at registries come from: the order of sources, credential helpers, and what `--explain` shows of them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use landfall_sandbox::{BUILD_KEY, Service};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bad_input::refused;
use crate::harness::Ran;
use crate::snapshot::page;
use crate::world::World;

/// A world with versions and AWS keys and no login, and a folder for what is on the machine.
struct Place {
    world: World,
    machine: TempDir,
}

impl Place {
    async fn new() -> Self {
        let mut world = World::small().await;
        world.has_versions();
        world.has_aws_keys();
        world.unset("DOCKER_AUTH_CONFIG");
        let machine = TempDir::new().expect("a folder");
        world.set("HOME", &machine.path().display().to_string());
        Self { world, machine }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.machine.path().join(name)
    }

    /// Writes a file of the machine, which is not looked through for secrets.
    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    }

    /// Writes `docker-config.json` of the stage before.
    fn write_logins(&self, config: &Value) {
        self.world.write("docker-config.json", &config.to_string());
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(self.world.path("docker-config.json"), private).expect("the mode is set");
    }

    /// A credential helper that says what the script prints, and leaves a mark when it runs.
    fn has_helper(&mut self, name: &str, script: &str) {
        let file = format!("bin/docker-credential-{name}");
        let text = format!("#!/bin/sh\nhost=$(cat)\necho \"$host\" >>\"$HOME/asked\"\n{script}\n");
        let path = self.write(&file, &text);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("the mode is set");
        self.world.set("PATH", &format!("{}:/usr/bin:/bin", self.path("bin").display()));
    }

    fn asked(&self) -> String {
        std::fs::read_to_string(self.path("asked")).unwrap_or_default()
    }

    fn artifactory(&self) -> String {
        self.world.sandbox.host(Service::Artifactory)
    }

    /// `auths` with Artifactory's login, by this password or the right one.
    fn login(&mut self, password: Option<&str>) -> Value {
        let access = self.world.sandbox.artifactory_access();
        let password = password.unwrap_or(&access.password).to_owned();
        let auth = STANDARD.encode(format!("{}:{password}", access.user));
        self.world.further_secrets.push(password);
        json!({"auths": {self.artifactory(): {"auth": auth}}})
    }

    /// Without what differs from run to run.
    fn tidy(&self, text: &str) -> String {
        self.world.tidy(text).replace(&self.machine.path().display().to_string(), "[machine]")
    }

    /// The same, with columns two spaces apart: how wide they are depends on the machine's folders.
    fn narrow(&self, text: &str) -> String {
        let line = |line: &str| {
            let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
            let cells = rest.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
            format!("{indent}{}", cells.collect::<Vec<_>>().join("  "))
        };
        self.tidy(text).lines().map(line).collect::<Vec<_>>().join("\n")
    }

    async fn copies(&self, words: &[&str]) -> Ran {
        let words: Vec<&str> = ["retag-push-ecr"].into_iter().chain(words.iter().copied()).collect();
        let ran = self.world.run(&words).await.expect(0);
        assert!(ran.items().iter().all(|(_, outcome)| outcome == "copied"), "{:?}", ran.items());
        ran
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_auth_config_alone_is_enough() {
    let mut place = Place::new().await;
    let login = place.login(None).to_string();
    place.world.set("DOCKER_AUTH_CONFIG", &login);
    let ran = place.copies(&[]).await;
    let said = place.tidy(&ran.stderr);
    assert!(said.contains("docker-config.json is not there"), "{said}");
    assert!(
        said.contains(
            "login at artifactory.test: password, entry `auths/artifactory.test` of DOCKER_AUTH_CONFIG"
        ),
        "{said}"
    );
    assert!(said.contains("login at ecr-registry.test: ECR token"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_named_file_comes_before_that_of_the_stage_before_and_that_before_the_variable() {
    let mut place = Place::new().await;
    let (good, bad) = (place.login(None), place.login(Some("not-the-password")));
    place.write_logins(&bad);
    place.world.set("DOCKER_AUTH_CONFIG", &good.to_string());
    let ran = refused(&place.world, &["retag-push-ecr"], 3).await;
    assert_eq!(ran.codes(), ["LF-REG-AUTH", "LF-REG-AUTH"]);
    let named = place.write("named.json", &good.to_string());
    place.copies(&["--docker-config", &named]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_machines_own_logins_come_last() {
    let mut place = Place::new().await;
    let login = place.login(None).to_string();
    place.write(".docker/config.json", &login);
    place.copies(&[]).await;

    let mut place = Place::new().await;
    let mut login = place.login(None);
    place.write(".docker/config.json", "{");
    let ran = refused(&place.world, &["retag-push-ecr"], 2).await;
    assert_eq!(ran.codes(), ["LF-FILE-INVALID"], "it may be what decides");
    let ecr = format!("AWS:{}", place.world.sandbox.ecr_password());
    login["auths"][place.world.sandbox.host(Service::EcrRegistry)] = json!({"auth": STANDARD.encode(ecr)});
    let path = place.write("logins", &login.to_string());
    place.world.set("DOCKER_AUTH_CONFIG", &path);
    place.copies(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_helper_gives_the_login_and_sees_no_secret_of_the_run() {
    let mut place = Place::new().await;
    let access = place.world.sandbox.artifactory_access().clone();
    let answer = json!({"ServerURL": "", "Username": access.user, "Secret": access.password});
    place.has_helper("ours", &format!("env >>\"$HOME/seen\"\necho '{answer}'"));
    place.write_logins(&json!({"credHelpers": {place.artifactory(): "ours"}, "credsStore": "absent"}));
    let ran = place.copies(&[]).await;
    assert_eq!(place.tidy(&place.asked()), "artifactory.test\n", "asked once, and for its host alone");
    let said = place.tidy(&ran.stderr);
    assert!(said.contains("login at artifactory.test: helper `ours`"), "{said}");
    assert!(said.contains("docker-credential-absent is not installed"), "{said}");
    let seen = std::fs::read_to_string(place.path("seen")).expect("it ran");
    for name in
        ["AWS_SECRET_ACCESS_KEY", "VAULT_SECRET_ID", "JIRA_TOKEN", "ARTIFACTORY_PASS", "ECR_REGISTRY_URI"]
    {
        assert!(!seen.contains(name), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_helper_that_fails_is_told_from_one_that_is_not_there() {
    let mut place = Place::new().await;
    place.has_helper("ours", "echo 'the key ring is locked'; exit 1");
    place.write_logins(&json!({"credHelpers": {place.artifactory(): "ours"}}));
    let ran = refused(&place.world, &["retag-push-ecr"], 3).await;
    page!(ran.page(&place.world), @r#"
    error[LF-REG-HELPER] exit 3
      the credential helper `ours` gave no login for artifactory.test
      caused by: it ended with exit status: 1: the key ring is locked
      next: run it by hand with `get` and artifactory.test on its standard input, and mend what it says

    nothing was changed
    exit 3
    "#);
    place.write_logins(&json!({"credHelpers": {place.artifactory(): "absent"}}));
    let ran = refused(&place.world, &["retag-push-ecr"], 2).await;
    page!(ran.page(&place.world), @r#"
    error[LF-REG-HELPER] exit 2
      the credential helper `absent` gave no login for artifactory.test
      caused by: docker-credential-absent is in no folder of PATH
      next: install it, take its entry out, or give a login for artifactory.test in a source that comes before; prepare-docker-config --explain shows all sources

    nothing was changed
    exit 2
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_named_must_be_there() {
    let mut place = Place::new().await;
    let ran = refused(&place.world, &["retag-push-ecr", "--docker-config", "absent.json"], 2).await;
    assert_eq!(ran.codes(), ["LF-FILE-MISSING"]);
    let ran = refused(&place.world, &["retag-push-ecr", "--docker-config", "docker-config.json"], 2).await;
    assert_eq!(ran.codes(), ["LF-FILE-MISSING"]);
    let canary = STANDARD.encode("somebody:canary-password");
    place.world.further_secrets.push("canary-password".to_owned());
    place.world.set("DOCKER_AUTH_CONFIG", &canary);
    place.write_logins(&json!({"auths": 1}));
    let ran = refused(&place.world, &["retag-push-ecr"], 2).await;
    page!(ran.page(&place.world), @r#"
    error[LF-FILE-INVALID] exit 2
      docker-config.json: /auths at 1:10: found a number, expected an object
      DOCKER_AUTH_CONFIG: found neither JSON nor the path of a file that is there (not shown), expected Docker's config.json as text, or the path of such a file
      next: correct the places named; docs/formats describes each file and docs/schemas has its schema

    nothing was changed
    exit 2
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_of_ecr_that_is_over_is_fetched_anew() {
    let mut place = Place::new().await;
    let over = STANDARD.encode(json!({"payload": "canary-payload", "expiration": 1_700_000_000}).to_string());
    let mut config = place.login(None);
    let ecr = place.world.sandbox.host(Service::EcrRegistry);
    config["auths"][&ecr] = json!({"auth": STANDARD.encode(format!("AWS:{over}"))});
    place.world.further_secrets.push(over);
    place.write_logins(&config);
    let ran = place.copies(&[]).await;
    let said = place.tidy(&ran.stderr);
    assert!(said.contains("the login of docker-config.json for ecr-registry.test is over"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_host_that_is_named_gets_the_login_by_its_host_and_port() {
    let mut place = Place::new().await;
    let login = place.login(None);
    place.write_logins(&login);
    let host = place.artifactory();
    let other = host.replace("127.0.0.1", "localhost");
    assert_ne!(host, other, "another name of the same server is another origin");
    let realm = format!("http://{other}/artifactory/api/docker/{BUILD_KEY}/v2/token");
    place.world.sandbox.artifactory.configure(|quirks| quirks.realm = Some(realm));
    let settings = place.world.read("landfall.toml");
    for named in [other.split(':').next().expect("a host"), "localhost:1", "127.0.0.1"] {
        place.world.write(
            "landfall.toml",
            &format!("{settings}\n[registries.auth_hosts]\n\"{host}\" = \"{named}\"\n"),
        );
        let ran = refused(&place.world, &["retag-push-ecr"], 3).await;
        assert_eq!(ran.codes(), ["LF-HTTP-FOREIGN", "LF-HTTP-FOREIGN"], "{named}");
    }
    let settings = format!("{settings}\n[registries.auth_hosts]\n\"{host}\" = \"{other}\"\n");
    place.world.write("landfall.toml", &settings);
    place.copies(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prepare_docker_config_takes_a_file_and_puts_its_login_before_a_helper() {
    let mut place = Place::new().await;
    let ecr = place.world.sandbox.host(Service::EcrRegistry);
    let mut given = place.login(None);
    given["credHelpers"] = json!({ecr.as_str(): "absent", "other.test": "absent"});
    let path = place.write("logins.json", &given.to_string());
    place.world.set("DOCKER_AUTH_CONFIG", &path);
    place.world.run(&["prepare-docker-config"]).await.expect(0);
    let written = place.world.json("docker-config.json");
    assert_eq!(written["credHelpers"], json!({"other.test": "absent"}));
    assert!(written["auths"][&ecr]["auth"].is_string());
    place.world.unset("DOCKER_AUTH_CONFIG");
    place.copies(&[]).await;
}

/// The lines of the variable are no secrets: were they taken for such, every brace of the report would be one.
#[tokio::test(flavor = "multi_thread")]
async fn a_variable_of_many_lines_leaves_the_report_whole() {
    let mut place = Place::new().await;
    let login = format!("{:#}", place.login(None)).replace("  ", "   ");
    assert!(login.contains("\n      }\n"), "{login}");
    place.world.set("DOCKER_AUTH_CONFIG", &login);
    let ran = place.world.run(&["prepare-docker-config"]).await.expect(0);
    assert_eq!(ran.items().len(), 2, "the harness reads the report as JSON");
    place.copies(&[]).await;
}

/// Every place that logins may be in, each with a canary; none of them is asked, and no canary is shown.
#[tokio::test(flavor = "multi_thread")]
async fn explain_shows_all_places_and_no_value() {
    let mut place = Place::new().await;
    let (artifactory, ecr) = (place.artifactory(), place.world.sandbox.host(Service::EcrRegistry));
    let auth = |user: &str, canary: &str| STANDARD.encode(format!("{user}:{canary}"));
    let named = json!({"auths": {"named.test": {"auth": auth("one", "canary-in-the-named-file")}}});
    let named = place.write("named.json", &named.to_string());
    place.write_logins(&json!({
        "auths": {
            artifactory.as_str(): {"auth": auth("two", "canary-of-the-stage-before")},
            ecr.as_str(): {"auth": auth("AWS", "canary-of-ecr")},
        },
    }));
    let variable = json!({
        "auths": {format!("https://{artifactory}/v2/"): {"identitytoken": "canary-in-the-variable"}},
        "credHelpers": {"helped.test": "ours"},
    });
    let variable = place.write("variable.json", &variable.to_string());
    place.world.set("DOCKER_AUTH_CONFIG", &variable);
    let docker = json!({
        "auths": {"helped.test": {"username": "three", "password": "canary-of-docker"}},
        "credsStore": "ours",
    });
    place.write("docker/config.json", &docker.to_string());
    place.world.set("DOCKER_CONFIG", &place.path("docker").display().to_string());
    let podman = json!({"auths": {"podman.test/some/path": {"auth": auth("four", "canary-of-podman")}}});
    place.write("xdg/containers/auth.json", &podman.to_string());
    place.world.set("XDG_RUNTIME_DIR", &place.path("xdg").display().to_string());
    place.has_helper("ours", "echo '{\"Username\":\"five\",\"Secret\":\"canary-of-the-helper\"}'");
    place.world.set("AWS_SECRET_ACCESS_KEY", "canary-of-the-secret-access-key");
    place.world.set("AWS_SESSION_TOKEN", "canary-of-the-session-token");
    place.world.further_secrets.extend(
        [
            "canary-in-the-named-file",
            "canary-of-the-stage-before",
            "canary-of-ecr",
            "canary-in-the-variable",
            "canary-of-docker",
            "canary-of-podman",
            "canary-of-the-helper",
            "canary-of-the-secret-access-key",
            "canary-of-the-session-token",
        ]
        .map(str::to_owned),
    );
    let settings = place.world.read("landfall.toml");
    let settings = format!("{settings}\n[registries.auth_hosts]\n\"{artifactory}\" = \"tokens.test\"\n");
    place.world.write("landfall.toml", &settings);
    let words = ["prepare-docker-config", "--explain", "--docker-config", named.as_str()];
    let ran = refused(&place.world, &words, 0).await;
    page!(place.narrow(&ran.stdout), @r#"
    artifactory.test (source of images, tokens from tokens.test)
      -  --docker-config [machine]/named.json  no entry
      used  docker-config.json  password, entry `auths/artifactory.test`
      shadowed  DOCKER_AUTH_CONFIG (the file [machine]/variable.json)  identity token, entry `auths/https://artifactory.test/v2/`
      shadowed  DOCKER_CONFIG (the file [machine]/docker/config.json)  helper `ours`, entry `credsStore`
      -  XDG_RUNTIME_DIR (the file [machine]/xdg/containers/auth.json)  no entry
    ecr-registry.test (target)
      -  --docker-config [machine]/named.json  no entry
      used  docker-config.json  password, entry `auths/ecr-registry.test`
      -  DOCKER_AUTH_CONFIG (the file [machine]/variable.json)  no entry
      shadowed  DOCKER_CONFIG (the file [machine]/docker/config.json)  helper `ours`, entry `credsStore`
      -  XDG_RUNTIME_DIR (the file [machine]/xdg/containers/auth.json)  no entry
      shadowed  AWS credentials  ECR token, to be fetched
    helped.test
      -  --docker-config [machine]/named.json  no entry
      -  docker-config.json  no entry
      asked  DOCKER_AUTH_CONFIG (the file [machine]/variable.json)  helper `ours`, entry `credHelpers/helped.test`
      asked  DOCKER_CONFIG (the file [machine]/docker/config.json)  helper `ours`, entry `credsStore`
      otherwise  DOCKER_CONFIG (the file [machine]/docker/config.json)  password, entry `auths/helped.test`
      -  XDG_RUNTIME_DIR (the file [machine]/xdg/containers/auth.json)  no entry
    named.test
      used  --docker-config [machine]/named.json  password, entry `auths/named.test`
      -  docker-config.json  no entry
      -  DOCKER_AUTH_CONFIG (the file [machine]/variable.json)  no entry
      shadowed  DOCKER_CONFIG (the file [machine]/docker/config.json)  helper `ours`, entry `credsStore`
      -  XDG_RUNTIME_DIR (the file [machine]/xdg/containers/auth.json)  no entry
    podman.test
      -  --docker-config [machine]/named.json  no entry
      -  docker-config.json  no entry
      -  DOCKER_AUTH_CONFIG (the file [machine]/variable.json)  no entry
      asked  DOCKER_CONFIG (the file [machine]/docker/config.json)  helper `ours`, entry `credsStore`
      otherwise  XDG_RUNTIME_DIR (the file [machine]/xdg/containers/auth.json)  password, entry `auths/podman.test/some/path`
    5 of 5 hosts have a login; nothing was asked, fetched or written
    "#);
    assert!(!ran.stdout.contains("canary") && !ran.stderr.contains("canary"));
    assert_eq!(place.asked(), "", "no helper is started");
    assert!(place.world.sandbox.journal().entries().is_empty(), "nobody is asked");
    let names_and_outcomes = ran.items();
    let outcomes: Vec<&str> = names_and_outcomes.iter().map(|(_, outcome)| outcome.as_str()).collect();
    assert_eq!(outcomes, ["password", "password", "helper", "password", "helper"]);
    let items = serde_json::to_string_pretty(&ran.report()["items"][0]["details"]).expect("JSON");
    page!(place.tidy(&items), @r#"
    {
      "entry": "auths/artifactory.test",
      "role": "source of images",
      "source": "docker-config.json",
      "sources": [
        {
          "entry": null,
          "kind": "no-entry",
          "source": "--docker-config [machine]/named.json",
          "verdict": "none"
        },
        {
          "entry": "auths/artifactory.test",
          "kind": "password",
          "source": "docker-config.json",
          "verdict": "used"
        },
        {
          "entry": "auths/https://artifactory.test/v2/",
          "kind": "identity-token",
          "source": "DOCKER_AUTH_CONFIG (the file [machine]/variable.json)",
          "verdict": "shadowed"
        },
        {
          "entry": "credsStore",
          "kind": "helper",
          "source": "DOCKER_CONFIG (the file [machine]/docker/config.json)",
          "verdict": "shadowed"
        },
        {
          "entry": null,
          "kind": "no-entry",
          "source": "XDG_RUNTIME_DIR (the file [machine]/xdg/containers/auth.json)",
          "verdict": "none"
        }
      ],
      "tokenHost": "tokens.test"
    }
    "#);

    // Neither AWS credentials nor the addresses of a pipeline have to be there, and `--dry-run` changes nothing.
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"] {
        place.world.unset(name);
    }
    place.world.remove("docker-config.json");
    place.world.unset("BUILD_ARTIFACTORY_URL");
    place.world.unset("DOCKER_AUTH_CONFIG");
    place.world.unset("DOCKER_CONFIG");
    place.world.unset("XDG_RUNTIME_DIR");
    let ran = refused(&place.world, &["prepare-docker-config", "--explain", "--dry-run"], 0).await;
    page!(place.tidy(&ran.stdout), @r#"
    ecr-registry.test (target)
      -  docker-config.json     not there
      -  ~/.docker/config.json  not there
      -  AWS credentials        there are none
    0 of 1 hosts have a login; nothing was asked, fetched or written
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_shows_the_rest_where_a_place_cannot_be_read() {
    let mut place = Place::new().await;
    let login = place.login(None);
    place.write_logins(&login);
    place.world.set("DOCKER_AUTH_CONFIG", "{\"auths\":{\"a.test\":{\"auth\":7}}}");
    let ran = refused(&place.world, &["prepare-docker-config", "--explain"], 2).await;
    page!(place.tidy(&ran.stdout), @r#"
    artifactory.test (source of images)
      used      docker-config.json     password, entry `auths/artifactory.test`
      shadowed  DOCKER_AUTH_CONFIG     cannot be read
      -         ~/.docker/config.json  not there
    ecr-registry.test (target)
      -           docker-config.json     no entry
      in-the-way  DOCKER_AUTH_CONFIG     cannot be read
      -           ~/.docker/config.json  not there
      shadowed    AWS credentials        ECR token, to be fetched
    1 of 2 hosts have a login; nothing was asked, fetched or written
    "#);
    page!(ran.page(&place.world), @r#"
    error[LF-FILE-INVALID] exit 2
      DOCKER_AUTH_CONFIG: /auths/a.test/auth at 1:28: found a number, expected a text
      next: correct the places named; docs/formats describes each file and docs/schemas has its schema

    nothing was changed
    exit 2
    "#);
}
