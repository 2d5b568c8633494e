//! Credential helpers: what they are told, what is taken from them, and what is said of them.

use std::path::Path;

use landfall_artifacts::{Class, Explain as _, Problem};
use landfall_registry::{Error, HelperFault, Helpers, Login};
use landfall_run::{Run, Signal, Stop};
use landfall_secret::{Redactor, Secret};

use crate::server::run;

/// The folder of the helpers that these tests run.
pub(crate) const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/registry/helpers");

/// Helpers of [`FOLDER`] with further variables.
pub(crate) fn helpers(variables: &[(&str, &str)]) -> Helpers {
    let path = format!("{FOLDER}:/usr/bin:/bin");
    let all = [("PATH", path.as_str())].into_iter().chain(variables.iter().copied());
    Helpers::new(all.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

async fn asked(host: &str) -> Result<Option<Login>, Error> {
    helpers(&[]).get("fake", host, &run()).await
}

fn fault(asked: Result<Option<Login>, Error>) -> HelperFault {
    match asked {
        Err(Error::Helper { cause, .. }) => *cause,
        other => panic!("{other:?}"),
    }
}

fn page(error: &Error) -> String {
    let problem = Problem::of(error);
    let lines = [problem.what].into_iter().chain(problem.cause).chain(problem.remedy);
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_login_or_an_identity_token_is_taken_and_learned() {
    let run = run();
    let found = helpers(&[]).get("fake", "known.test", &run).await.expect("answered");
    assert_eq!(found, Some(Login::basic("helper", Secret::new("canary-of-helper"))));
    assert!(!format!("{found:?}").contains("canary"));
    assert_eq!(run.redactor().redact("a canary-of-helper"), "a <redacted>");
    let token = Login::IdentityToken(Secret::new("canary-of-helper"));
    assert_eq!(asked("token.test").await.expect("answered"), Some(token));
}

#[tokio::test]
async fn one_that_knows_nothing_has_no_login() {
    for host in ["unknown.test", "empty.test"] {
        assert_eq!(asked(host).await.expect("answered"), None, "{host}");
    }
}

#[tokio::test]
async fn what_it_starts_or_complains_is_in_nobodys_way() {
    for host in ["noisy.test", "held.test", "full.test"] {
        assert!(asked(host).await.expect("answered").is_some(), "{host}");
    }
}

#[tokio::test]
async fn what_is_no_login_is_refused() {
    for host in ["odd.test", "silent.test", "colon.test"] {
        assert!(matches!(fault(asked(host).await), HelperFault::Answer), "{host}");
    }
    assert!(matches!(fault(asked("long.test").await), HelperFault::TooLong(65_536)));
    assert!(
        matches!(fault(asked("killed.test").await), HelperFault::Failed { ended, .. } if ended.contains('9'))
    );
}

#[tokio::test]
async fn names_are_no_paths_and_programs_are_found_by_path_alone() {
    for name in ["", "../fake", "a/b", "fake;true", "fake get", "fäke", "-"] {
        let fault = fault(helpers(&[]).get(name, "known.test", &run()).await);
        let is_name = name == "-";
        assert!(matches!(fault, HelperFault::Name) != is_name, "{name}: {fault}");
    }
    for (path, name) in
        [(FOLDER, "absent"), (FOLDER, "plain"), ("tests/registry/helpers", "fake"), ("", "fake")]
    {
        let there = Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists();
        assert!(there, "the test is about a folder that is there");
        let helpers = Helpers::new([("PATH".to_owned(), path.to_owned())]);
        assert!(matches!(fault(helpers.get(name, "known.test", &run()).await), HelperFault::Missing { .. }));
    }
    assert!(matches!(
        fault(Helpers::default().get("fake", "known.test", &run()).await),
        HelperFault::Missing { .. }
    ));
}

#[tokio::test]
async fn a_helper_sees_its_own_variables_and_no_other() {
    let all = [
        ("HOME", "/home/runner"),
        ("GNUPGHOME", "/gnupg"),
        ("https_proxy", "http://proxy"),
        ("AWS_PROFILE", "deployer"),
        ("AWS_SECRET_ACCESS_KEY", "canary"),
        ("CLOUDSDK_CONFIG", "x"),
        ("DOCKER_AUTH_CONFIG", "canary"),
        ("VAULT_SECRET_ID", "canary"),
        ("CI_JOB_TOKEN", "canary"),
        ("LD_PRELOAD", "/tmp/x.so"),
    ];
    let seen = |login: Option<Login>| -> Vec<String> {
        let text = login.expect("a login").secret().expose().to_owned();
        let names = text.split(' ').filter_map(|pair| Some(pair.split_once('=')?.0.to_owned()));
        // A shell adds these of its own.
        names.filter(|name| !["PWD", "SHLVL", "_", "OLDPWD"].contains(&name.as_str())).collect()
    };
    let plain = helpers(&all).get("fake", "variables.test", &run()).await.expect("answered");
    assert!(
        matches!(&plain, Some(Login::Basic { user, .. }) if user == "/"),
        "it runs in no folder of the repo"
    );
    assert_eq!(seen(plain), ["GNUPGHOME", "HOME", "PATH", "https_proxy"]);
    let of_aws = helpers(&all).get("ecr-login", "x", &run()).await.expect("answered");
    let wanted = [
        "AWS_EC2_METADATA_DISABLED",
        "AWS_PROFILE",
        "AWS_SECRET_ACCESS_KEY",
        "GNUPGHOME",
        "HOME",
        "PATH",
        "https_proxy",
    ];
    assert_eq!(seen(of_aws), wanted);
    assert_eq!(format!("{:?}", helpers(&all)), "Helpers");
}

#[tokio::test]
async fn what_a_failed_helper_says_is_shown_without_secrets() {
    let redactor = Redactor::new();
    redactor.learn(&Secret::new("canary-known"));
    let run = Run::builder().redactor(redactor).build();
    let mut pages = String::new();
    for host in ["locked.test", "complains.test", "tells.test"] {
        let error = helpers(&[]).get("fake", host, &run).await.expect_err("it failed");
        assert_eq!((error.code(), error.class()), ("LF-REG-HELPER", Class::Refused));
        pages.push_str(&page(&error));
        pages.push('\n');
    }
    assert!(!pages.contains("canary"), "{pages}");
    insta::assert_snapshot!(pages, @r"
    the credential helper `fake` gave no login for locked.test
    it ended with exit status: 3: the key ring of <redacted> is locked
    run it by hand with `get` and locked.test on its standard input, and mend what it says
    the credential helper `fake` gave no login for complains.test
    it ended with exit status: 1: no bus for <redacted>
    run it by hand with `get` and complains.test on its standard input, and mend what it says
    the credential helper `fake` gave no login for tells.test
    it ended with exit status: 1: <redacted> is not taken
    run it by hand with `get` and tells.test on its standard input, and mend what it says
    ");
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_end_is_given_up() {
    let home = tempfile::tempdir().expect("a folder");
    let helpers = helpers(&[("HOME", home.path().to_str().expect("a path of letters"))]);
    let error = helpers.get("fake", "endless.test", &run()).await.expect_err("it does not end");
    assert_eq!(error.class(), Class::Transient);
    assert!(matches!(fault(Err(error)), HelperFault::Endless(limit) if limit.as_secs() == 30));
}

#[tokio::test]
async fn a_stop_ends_it() {
    let home = tempfile::tempdir().expect("a folder");
    let stop = Stop::new();
    let run = Run::builder().stop(stop.clone()).build();
    let helpers = helpers(&[("HOME", home.path().to_str().expect("a path of letters"))]);
    let pid = home.path().join("pid");
    let started = async {
        loop {
            match std::fs::read_to_string(&pid).ok().and_then(|text| text.trim().parse::<u32>().ok()) {
                Some(pid) => break pid,
                None => tokio::time::sleep(std::time::Duration::from_millis(1)).await,
            }
        }
    };
    let stopping = async {
        let pid = started.await;
        stop.request(Signal::Terminate);
        pid
    };
    let (answer, pid) = tokio::join!(helpers.get("fake", "endless.test", &run), stopping);
    assert_eq!(answer.expect_err("stopped").code(), "LF-STOPPED");
    let state = format!("/proc/{pid}/stat");
    // Gone, or dead and not yet waited for.
    while std::fs::read_to_string(&state).is_ok_and(|stat| !stat.contains(") Z ")) {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}
