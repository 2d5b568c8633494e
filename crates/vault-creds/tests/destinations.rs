//! Where keys are put: GitLab's variables on the sandbox, GitHub's file, and the form of credential_process.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use landfall_artifacts::{Class, Explain as _};
use landfall_aws::AwsKeys;
use landfall_run::{EffectOutcome, MemoryJournal, RetryPolicy, Run};
use landfall_sandbox::{Fault, Sandbox, SandboxOptions, Service, What, gitlab};
use landfall_secret::Secret;
use landfall_transport::{Http, HttpConfig};
use landfall_vault_creds::{Change, Destination, DestinationError, GitLabVariables, Owner, Put};
use time::macros::datetime;

fn keys() -> AwsKeys {
    AwsKeys::new("ASIAEXAMPLE", Secret::new("canary/secret+key="), Some(Secret::new("canary-session-token")))
        .expiring(Some(datetime!(2026-11-20 13:00:00 UTC)))
}

fn run() -> Run {
    let quick = RetryPolicy { base: Duration::from_millis(1), attempts: 3, ..RetryPolicy::default() };
    Run::builder().retry_policy(quick).build()
}

fn http() -> Http {
    Http::new(HttpConfig::default()).expect("a client")
}

fn variables(sandbox: &Sandbox, owner: Owner) -> GitLabVariables {
    GitLabVariables {
        api: format!("{}/api/v4", sandbox.url(Service::GitLab)),
        owner,
        scope: "stg_eu00".to_owned(),
        protected: true,
        token: Secret::new(sandbox.gitlab_token()),
    }
}

fn project() -> Owner {
    Owner::Project("574".to_owned())
}

async fn put(to: &Destination) -> Result<Put, DestinationError> {
    to.put(&keys(), &mut Vec::new(), &http(), &run()).await
}

fn outcomes(changes: &[Change]) -> Vec<&'static str> {
    changes.iter().map(|change| change.outcome).collect()
}

fn theirs() -> gitlab::Variable {
    gitlab::Variable {
        value: "AKIATHEIRS".to_owned(),
        masked: false,
        hidden: false,
        protected: false,
        raw: true,
        description: None,
    }
}

async fn sandbox() -> Sandbox {
    Sandbox::start(SandboxOptions::default()).await.expect("a sandbox")
}

#[tokio::test]
async fn gitlabs_variables_are_made_hidden_and_then_updated() {
    let sandbox = sandbox().await;
    for (owner, place) in [
        (project(), "projects/574"),
        (Owner::Project("acme/shop".to_owned()), "projects/574"),
        (Owner::Group("acme".to_owned()), "groups/acme"),
    ] {
        let is_new = sandbox.gitlab.variables(place, "stg_eu00").is_empty();
        let to = Destination::GitLab(variables(&sandbox, owner));
        let changes = put(&to).await.expect("they are set").changes;
        assert_eq!(outcomes(&changes), [if is_new { "created" } else { "updated" }; 4]);
        let there = sandbox.gitlab.variables(place, "stg_eu00");
        for (name, variable) in &there {
            let is_secret = name != "AWS_CREDENTIAL_EXPIRATION";
            assert_eq!((variable.masked, variable.hidden), (is_secret, is_secret), "{name}");
            assert!(variable.raw && variable.protected, "{name}: {variable:?}");
        }
        assert_eq!(there["AWS_SECRET_ACCESS_KEY"].value, "canary/secret+key=");
        assert_eq!(there["AWS_CREDENTIAL_EXPIRATION"].value, "2026-11-20T13:00:00Z");
    }
    assert!(sandbox.gitlab.variables("projects/574", "prod_eu00").is_empty());
    for entry in sandbox.journal().of(Service::GitLab) {
        assert!(!entry.path().contains("canary"), "no value stands in an address: {}", entry.path());
    }
}

#[tokio::test]
async fn servers_that_cannot_hide_mask() {
    for change in [
        (|config: &mut gitlab::GitLabConfig| config.hides = false) as fn(&mut gitlab::GitLabConfig),
        |config| config.refuses_hidden = true,
    ] {
        let sandbox = sandbox().await;
        sandbox.gitlab.configure(change);
        let to = Destination::GitLab(variables(&sandbox, project()));
        for outcome in ["created", "updated"] {
            assert_eq!(outcomes(&put(&to).await.expect("set").changes), [outcome; 4]);
        }
        let there = sandbox.gitlab.variables("projects/574", "stg_eu00");
        assert!(there["AWS_SESSION_TOKEN"].masked && !there["AWS_SESSION_TOKEN"].hidden);
    }
}

#[tokio::test]
async fn what_somebody_else_set_is_neither_overwritten_nor_removed() {
    let sandbox = sandbox().await;
    let theirs = theirs();
    sandbox.gitlab.put("projects/574", "AWS_SESSION_TOKEN", "stg_eu00", theirs.clone());
    let ours = variables(&sandbox, project());
    let error = put(&Destination::GitLab(ours.clone())).await.expect_err("theirs");
    assert_eq!((error.code(), error.class()), ("LF-GITLAB-NOT-OURS", Class::Refused));
    assert!(matches!(ours.clean(&http(), &run()).await, Err(DestinationError::NotOurs { .. })));
    let there = sandbox.gitlab.variables("projects/574", "stg_eu00");
    assert_eq!(there.into_iter().collect::<Vec<_>>(), [("AWS_SESSION_TOKEN".to_owned(), theirs)]);
}

/// A GitLab before 16.2 keeps no description: what stands there may be somebody else's, and what is made could not be known again.
#[tokio::test]
async fn where_nothing_can_be_marked_nothing_is_set_or_removed() {
    let sandbox = sandbox().await;
    sandbox.gitlab.configure(|config| {
        config.hides = false;
        config.lacks = vec!["description"];
    });
    let ours = variables(&sandbox, project());
    let changes = put(&Destination::GitLab(ours.clone())).await.expect("tried").changes;
    assert_eq!(outcomes(&changes), ["failed", "not-tried", "not-tried", "not-tried"]);
    let problem = changes[0].problem.as_ref().expect("a problem");
    assert_eq!((problem.code.as_str(), problem.class), ("LF-GITLAB-NOT-AS-ASKED", Class::Refused));
    assert!(problem.remedy.as_ref().is_some_and(|text| text.contains("16.2")), "{problem:?}");
    assert!(
        sandbox.gitlab.variables("projects/574", "stg_eu00").is_empty(),
        "what was just made is gone again"
    );

    let theirs = theirs();
    sandbox.gitlab.put("projects/574", "AWS_SESSION_TOKEN", "stg_eu00", theirs.clone());
    let error = put(&Destination::GitLab(ours.clone())).await.expect_err("perhaps theirs");
    assert_eq!((error.code(), error.class()), ("LF-GITLAB-TOO-OLD", Class::Refused));
    assert!(matches!(ours.clean(&http(), &run()).await, Err(DestinationError::Untold { .. })));
    let there = sandbox.gitlab.variables("projects/574", "stg_eu00");
    assert_eq!(there.into_iter().collect::<Vec<_>>(), [("AWS_SESSION_TOKEN".to_owned(), theirs)]);
}

/// What everybody can read and nobody could remove is told by its name: it does not pass for a removal that failed.
#[tokio::test]
async fn a_visible_key_that_cannot_be_removed_is_told() {
    let sandbox = sandbox().await;
    sandbox.gitlab.configure(|config| {
        config.hides = false;
        config.lacks = vec!["description"];
    });
    let refused = Fault::new(What::status(403)).on(Service::GitLab).method(http::Method::DELETE);
    sandbox.faults().add(refused.nth(1));
    let changes = put(&Destination::GitLab(variables(&sandbox, project()))).await.expect("tried").changes;
    assert_eq!(outcomes(&changes), ["unknown", "not-tried", "not-tried", "not-tried"]);
    let problem = changes[0].problem.as_ref().expect("a problem");
    assert_eq!((problem.code.as_str(), problem.class), ("LF-GITLAB-LEFT", Class::Unknown));
    assert!(problem.told().contains("AWS_ACCESS_KEY_ID, and it stands there"), "{problem:?}");
}

/// Between our look and our request somebody else makes the variable, and in one case the answer is lost besides.
#[tokio::test]
async fn what_somebody_else_makes_meanwhile_is_not_overwritten() {
    for lost in [false, true] {
        let sandbox = Arc::new(sandbox().await);
        let slow = || Fault::new(What::Delay(Duration::from_millis(400))).on(Service::GitLab);
        if lost {
            let cut = Fault::new(What::CutBefore).on(Service::GitLab);
            sandbox.faults().add(cut.method(http::Method::POST).nth(1));
            // The look after it, behind those at each of the four.
            sandbox.faults().add(slow().method(http::Method::GET).nth(5));
        } else {
            sandbox.faults().add(slow().method(http::Method::POST).nth(1));
        }
        let ours = variables(&sandbox, project());
        let setting = tokio::spawn(async move { put(&Destination::GitLab(ours)).await });
        let posted = |entry: &landfall_sandbox::Entry| entry.method == http::Method::POST;
        while !sandbox.journal().of(Service::GitLab).iter().any(posted) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        sandbox.gitlab.put("projects/574", "AWS_ACCESS_KEY_ID", "stg_eu00", theirs());
        let changes = setting.await.expect("no panic").expect("tried").changes;
        assert_eq!(outcomes(&changes), ["failed", "not-tried", "not-tried", "not-tried"]);
        assert_eq!(changes[0].problem.as_ref().expect("a problem").code, "LF-GITLAB-NOT-OURS");
        let there = sandbox.gitlab.variables("projects/574", "stg_eu00");
        assert_eq!(there.into_iter().collect::<Vec<_>>(), [("AWS_ACCESS_KEY_ID".to_owned(), theirs())]);
    }
}

#[tokio::test]
async fn every_change_is_recorded_before_and_after_and_no_value() {
    let sandbox = sandbox().await;
    let ours = variables(&sandbox, project());
    let journal = Arc::new(MemoryJournal::default());
    let run = Run::builder().journal(Arc::<MemoryJournal>::clone(&journal)).build();
    let fault = Fault::new(What::status(403).body(r#"{"message":"403 Forbidden"}"#)).on(Service::GitLab);
    sandbox.faults().add(fault.method(http::Method::POST).nth(2));
    Destination::GitLab(ours.clone()).put(&keys(), &mut Vec::new(), &http(), &run).await.expect("tried");
    sandbox.faults().clear();
    ours.clean(&http(), &run).await.expect("cleaned");
    let records = journal.records();
    let told: Vec<_> = records.iter().map(|(effect, outcome)| (effect.action.as_str(), outcome)).collect();
    assert!(
        matches!(
            &told[..],
            [
                ("create variable", Some(EffectOutcome::Done)),
                ("create variable", Some(EffectOutcome::Failed(_))),
                ("remove variable", Some(EffectOutcome::Done)),
            ]
        ),
        "{told:?}"
    );
    assert_eq!(records[0].0.target, "AWS_ACCESS_KEY_ID of the project 574, scope stg_eu00");
    assert_eq!(records[0].0.environment.as_deref(), Some("stg_eu00"));
    assert!(!format!("{records:?}").contains("canary"), "{records:?}");
}

/// What a job of an unprotected branch made is not left to such branches once a protected one sets it.
#[tokio::test]
async fn what_becomes_protected_stays_so() {
    let sandbox = sandbox().await;
    for (protected, wanted) in [(false, false), (true, true), (false, true)] {
        let ours = GitLabVariables { protected, ..variables(&sandbox, project()) };
        put(&Destination::GitLab(ours)).await.expect("set");
        let there = sandbox.gitlab.variables("projects/574", "stg_eu00");
        assert!(there.values().all(|variable| variable.protected == wanted), "{there:?}");
    }
}

#[tokio::test]
async fn cleaning_takes_away_what_was_set_in_that_scope_alone() {
    let sandbox = sandbox().await;
    let ours = variables(&sandbox, project());
    let other = GitLabVariables { scope: "prod_eu00".to_owned(), ..ours.clone() };
    for to in [&ours, &other] {
        put(&Destination::GitLab(to.clone())).await.expect("set");
    }
    assert_eq!(outcomes(&ours.clean(&http(), &run()).await.expect("cleaned")), ["removed"; 4]);
    assert_eq!(outcomes(&ours.clean(&http(), &run()).await.expect("cleaned")), ["absent"; 4]);
    assert!(sandbox.gitlab.variables("projects/574", "stg_eu00").is_empty());
    assert_eq!(sandbox.gitlab.variables("projects/574", "prod_eu00").len(), 4);
}

#[tokio::test]
async fn a_failure_half_way_says_what_was_set_and_what_not() {
    let sandbox = sandbox().await;
    let to = Destination::GitLab(variables(&sandbox, project()));
    let fault = Fault::new(What::status(403).body(r#"{"message":"403 Forbidden"}"#)).on(Service::GitLab);
    sandbox.faults().add(fault.method(http::Method::POST).nth(2));
    let changes = put(&to).await.expect("one was set").changes;
    assert_eq!(outcomes(&changes), ["created", "failed", "not-tried", "not-tried"]);
    let problem = changes[1].problem.as_ref().expect("a problem");
    assert_eq!((problem.code.as_str(), problem.class), ("LF-GITLAB-DENIED", Class::Refused));
    sandbox.faults().clear();
    let changes = put(&to).await.expect("all are set").changes;
    assert_eq!(outcomes(&changes), ["updated", "created", "created", "created"]);
}

#[tokio::test]
async fn a_lost_answer_leaves_no_doubt() {
    for (nth, what) in
        [(1, What::LoseAnswer), (1, What::CutBefore), (3, What::LoseAnswer), (2, What::status(502))]
    {
        let sandbox = sandbox().await;
        sandbox.faults().add(Fault::new(what).on(Service::GitLab).method(http::Method::POST).nth(nth));
        let to = Destination::GitLab(variables(&sandbox, project()));
        let changes = put(&to).await.expect("looked at").changes;
        assert!(changes.iter().all(|change| change.problem.is_none()), "{changes:?}");
        assert_eq!(sandbox.gitlab.variables("projects/574", "stg_eu00").len(), 4);
    }
}

#[tokio::test]
async fn refusals_are_told_before_anything_is_set() {
    let sandbox = sandbox().await;
    let good = variables(&sandbox, project());
    let bad_token = GitLabVariables { token: Secret::new("glpat-canary-of-another"), ..good.clone() };
    let nowhere = GitLabVariables { owner: Owner::Project("9".to_owned()), ..good.clone() };
    for (to, code, remedy) in
        [(bad_token, "LF-GITLAB-DENIED", "scope api"), (nowhere, "LF-GITLAB-REFUSED", "GITLAB_PROJECT_ID")]
    {
        let error = put(&Destination::GitLab(to)).await.expect_err(code);
        assert_eq!((error.code(), error.class()), (code, Class::Refused));
        assert!(error.remedy().is_some_and(|text| text.contains(remedy)), "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    sandbox.gitlab.configure(|config| config.scoped_groups = false);
    let group = GitLabVariables { owner: Owner::Group("acme".to_owned()), ..good.clone() };
    let changes = put(&Destination::GitLab(group)).await.expect("tried").changes;
    let problem = changes[0].problem.as_ref().expect("a problem");
    assert!(problem.remedy.as_ref().is_some_and(|text| text.contains("Premium")), "{problem:?}");
    assert!(
        sandbox.gitlab.variables("groups/acme", "*").is_empty(),
        "what all environments would have is gone again"
    );
    let odd = GitLabVariables {
        api: String::new(),
        owner: Owner::Project("a/../b".to_owned()),
        scope: "a\nb".to_owned(),
        token: Secret::new(""),
        ..good
    };
    assert_eq!(Destination::GitLab(odd).problems().len(), 4, "all at once");
}

/// Notes what the file held whenever something was said.
struct Said {
    text: Arc<Mutex<Vec<u8>>>,
    file: std::path::PathBuf,
}

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        assert!(!std::fs::read_to_string(&self.file)?.contains("canary"), "masks come first");
        self.text.lock().expect("nobody panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn github_masks_before_it_gets_the_values() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("env");
    for before in ["", "OTHER=1\n", "OTHER=1"] {
        std::fs::write(&file, before).expect("written");
        let text = Arc::new(Mutex::new(Vec::new()));
        let mut said = Said { text: Arc::clone(&text), file: file.clone() };
        let to = Destination::GitHub(file.clone());
        to.put(&keys(), &mut said, &http(), &run()).await.expect("put");
        let said = String::from_utf8(text.lock().expect("nobody panics").clone()).expect("text");
        assert_eq!(
            said,
            "::add-mask::ASIAEXAMPLE\n::add-mask::canary/secret+key=\n::add-mask::canary-session-token\n"
        );
        let now = std::fs::read_to_string(&file).expect("read");
        let ours = "AWS_ACCESS_KEY_ID=ASIAEXAMPLE\nAWS_SECRET_ACCESS_KEY=canary/secret+key=\n\
                    AWS_SESSION_TOKEN=canary-session-token\nAWS_CREDENTIAL_EXPIRATION=2026-11-20T13:00:00Z\n";
        let line = if before.is_empty() { "" } else { "OTHER=1\n" };
        assert_eq!(now, format!("{line}{ours}"));
    }
    let absent = Destination::GitHub(folder.path().join("absent"));
    let problems = absent.problems();
    assert!(matches!(problems.as_slice(), [DestinationError::GitHubFile { .. }]), "{problems:?}");
}

#[tokio::test]
async fn a_value_of_two_lines_is_no_value() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("env");
    std::fs::write(&file, "").expect("written");
    let two = AwsKeys::new("ASIA", Secret::new("s"), Some(Secret::new("canary\nAWS_PROFILE=evil")));
    for to in [Destination::GitHub(file.clone()), Destination::Process] {
        let error = to.put(&two, &mut Vec::new(), &http(), &run()).await.expect_err("refused");
        assert_eq!((error.code(), error.class()), ("LF-CREDENTIALS-VALUE", Class::Refused));
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    assert_eq!(std::fs::read_to_string(&file).expect("read"), "");
    let for_ever = AwsKeys::new("AKIA", Secret::new("s"), None);
    let error = Destination::Process.put(&for_ever, &mut Vec::new(), &http(), &run()).await;
    assert_eq!(error.expect_err("a user's").code(), "LF-VAULT-USER-KEYS");
}

#[tokio::test]
async fn a_process_hands_over_one_line_of_json() {
    let handed = put(&Destination::Process).await.expect("handed").handed.expect("a text");
    let text = handed.expose();
    assert_eq!(text.matches('\n').count(), 1);
    let json: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let names: Vec<&str> = json.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(names, ["AccessKeyId", "Expiration", "SecretAccessKey", "SessionToken", "Version"]);
    assert_eq!((&json["Version"], &json["Expiration"]), (&1.into(), &"2026-11-20T13:00:00Z".into()));
    assert!(!format!("{handed:?}").contains("canary"));
}
