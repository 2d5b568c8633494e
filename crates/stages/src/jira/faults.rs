//! The four stages against a Jira that fails: every request once, in every way, and answers lost after their effect.
//!
//! Client and double share one runtime whose clock is paused, so that a minute of waiting costs nothing. Each stage runs as in a
//! fresh clone: no ledger, and no file of tickets.

use std::path::PathBuf;
use std::time::Duration;

use http::StatusCode;
use landfall_artifacts::{Class, Problem, TicketKey};
use landfall_jira::adf::Doc;
use landfall_jira::{Jira, JiraConfig, SearchPauses, Step};
use landfall_run::Run;
use landfall_sandbox::jira::{IssueView, Permissions, SearchLag, StatusCategory, Workflow, WriteLimit};
use landfall_sandbox::{Fault, Sandbox, SandboxOptions, Service, What};
use landfall_secret::{Credential, CredentialKind, Origin, Secret};
use landfall_transport::{Http, HttpConfig};
use tempfile::TempDir;

use super::{Common, comment, create, instructions, transition};
use crate::{Finished, Outcome, Output, Places, Refusal, Target};

const VERSIONS: &str = r#"{"orderService":{"version":"1.4.2","folder":"order-service"},"paymentGateway":{"version":"2.0.0","folder":"payment-gateway"}}"#;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Create,
    Move,
    Comment,
    Instruct,
}

const STAGES: [Stage; 4] = [Stage::Create, Stage::Move, Stage::Comment, Stage::Instruct];

struct World {
    /// The issue for claims, where there is one.
    claims: Option<TicketKey>,
    sandbox: Sandbox,
    http: Http,
    folder: TempDir,
}

impl World {
    async fn new(http: &Http) -> Self {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.expect("the sandbox starts");
        let folder = TempDir::new().expect("a folder");
        let world = Self { claims: None, sandbox, http: http.clone(), folder };
        world.has(VERSIONS);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn has(&self, versions: &str) {
        std::fs::write(self.path("versions.json"), versions).expect("written");
    }

    fn jira(&self) -> Jira {
        let (env, url) = (self.sandbox.env(), self.sandbox.url(Service::Jira));
        let of = |name: &str| env.get(name).cloned().unwrap_or_default();
        let kind = CredentialKind::Basic { user: of("JIRA_USER"), password: Secret::new(of("JIRA_TOKEN")) };
        let credential = Credential::new(Origin::parse(&url).expect("an origin"), kind);
        let site = self.http.site("jira", &url, Some(credential)).expect("a site");
        let mut config = JiraConfig::new("REL", "Release");
        config.pauses = SearchPauses::default();
        config.claims.clone_from(&self.claims);
        Jira::new(site, config).expect("a client")
    }

    fn common(&self, environment: &str) -> Common {
        Common {
            target: Target {
                environment: environment.parse().ok(),
                region_key: "eu".parse().ok(),
                ..Target::default()
            },
            places: Places {
                functions: self.path("functions"),
                versions: self.path("versions.json"),
                mappings: self.path("lambda-ecr-mappings.json"),
                lock: self.path("image-lock.json"),
            },
            tickets: self.path("jira-tickets.json"),
            ticket: None,
            pipeline: Some("https://ci.example.com/1".into()),
            dashboard: None,
            branch: Some("main".into()),
            events: Vec::new(),
        }
    }

    /// Takes the newest issue for claims.
    fn claims_on_the_newest(&mut self) {
        self.claims = self.sandbox.jira.issues().last().and_then(|issue| issue.key.parse().ok());
    }

    /// Runs a stage as in a fresh clone.
    async fn run(&self, stage: Stage, environment: &str) -> Outcome {
        let ended = self.run_as(stage, environment, &Output::Real).await;
        // The file may be of the other of two runs: it is not handed on.
        let _ = std::fs::remove_file(self.path("jira-tickets.json"));
        ended
    }

    /// Runs a stage beside the file of tickets, where there is one.
    async fn run_as(&self, stage: Stage, environment: &str, output: &Output) -> Outcome {
        let (jira, run, common) = (self.jira(), Run::builder().build(), self.common(environment));
        match stage {
            Stage::Create => {
                let config = create::Config { common, commits: None, commits_at: None };
                create::run(&config, &jira, output, &run).await
            }
            Stage::Move => {
                let config = transition::Config { common, step: Step::PpTesting };
                transition::run(&config, &jira, output, &run).await
            }
            Stage::Comment => {
                let config = comment::Config { common, ledger_head: None };
                comment::run(&config, &jira, output, &run).await
            }
            Stage::Instruct => {
                let config =
                    instructions::Config { common, versions: None, environments: vec![], start_at: None };
                instructions::run(&config, &jira, output, &run).await
            }
        }
    }

    async fn all(&self) {
        for stage in STAGES {
            went_well(&self.run(stage, "stg_eu00").await, &format!("{stage:?}"));
        }
    }

    fn requests(&self) -> u64 {
        self.sandbox.journal().of(Service::Jira).len() as u64
    }

    /// Tickets that have the release's label: those that were given up have lost it.
    fn tickets(&self) -> Vec<IssueView> {
        let mut issues = self.sandbox.jira.issues();
        let is_claims = |key: &str| self.claims.as_ref().is_some_and(|claims| claims.as_str() == key);
        issues.retain(|issue| issue.labels.iter().any(|label| label.starts_with("rel-")));
        issues.retain(|issue| !is_claims(&issue.key));
        issues
    }

    /// What is wrong with what Jira has after everything was done.
    fn wrong(&self, most_issues: usize) -> Vec<String> {
        let tickets = self.tickets();
        let mut wrong = Vec::new();
        let issues = self.sandbox.jira.issues().len() - usize::from(self.claims.is_some());
        if issues > most_issues || tickets.len() != 1 {
            wrong.push(format!("{issues} issues, {} tickets", tickets.len()));
        }
        for ticket in &tickets {
            let text = ticket.fields.get("description").map(ToString::to_string).unwrap_or_default();
            let sections = text.matches("(kept by Landfall)").count();
            if (ticket.status.as_str(), ticket.comments.len(), sections) != ("Pre-Prod Testing", 1, 1) {
                wrong.push(format!(
                    "{}: {}, {} comments, {sections} sections",
                    ticket.key,
                    ticket.status,
                    ticket.comments.len()
                ));
            }
        }
        wrong
    }
}

fn problems(outcome: &Outcome) -> impl Iterator<Item = Problem> {
    let all = match outcome {
        Ok(finished) => finished.all_problems(),
        Err(Refusal(problems)) => problems.clone(),
    };
    all.into_iter()
}

#[track_caller]
fn went_well(outcome: &Outcome, what: &str) {
    let found: Vec<String> = problems(outcome).map(|problem| problem.told()).collect();
    assert_eq!(found, Vec::<String>::new(), "{what}");
}

fn http() -> Http {
    Http::new(HttpConfig::default()).expect("a client")
}

/// One request goes wrong; every stage is run again until it succeeds. Gives what is wrong in the end.
async fn judge(http: &Http, what: What, nth: u64) -> Vec<String> {
    let world = World::new(http).await;
    // What passes may be retried by CI; the others are for a person to look at, and then run again.
    let passes = !matches!(&what, What::Status { code, .. } if code.is_client_error() && *code != StatusCode::TOO_MANY_REQUESTS);
    let strikes = world.sandbox.faults().add(Fault::new(what).on(Service::Jira).nth(nth));
    let mut wrong = Vec::new();
    for stage in STAGES {
        let mut left = 3;
        loop {
            let found: Vec<Problem> = problems(&world.run(stage, "stg_eu00").await).collect();
            if found.is_empty() {
                break;
            }
            wrong.extend(
                found
                    .iter()
                    .filter(|problem| passes && !matches!(problem.class, Class::Transient | Class::Partial))
                    .map(|problem| format!("{stage:?} ended with {:?}: {}", problem.class, problem.told())),
            );
            left -= 1;
            if left == 0 {
                wrong.push(format!("{stage:?} does not come to an end: {}", found[0].told()));
                break;
            }
        }
    }
    assert_eq!(strikes.count(), 1, "request {nth} was not met");
    wrong.extend(world.wrong(1));
    world.sandbox.stop().await;
    wrong
}

async fn sweep(kinds: &[What]) {
    let http = http();
    let clean = World::new(&http).await;
    clean.all().await;
    assert_eq!(clean.wrong(1), Vec::<String>::new());
    let requests = clean.requests();
    assert!(requests >= 20, "{requests} requests");
    clean.sandbox.stop().await;
    let mut findings = Vec::new();
    for what in kinds {
        for nth in 1..=requests {
            let wrong = judge(&http, what.clone(), nth).await;
            if !wrong.is_empty() {
                findings.push(format!("{what:?} at request {nth}:\n  {}", wrong.join("\n  ")));
            }
        }
    }
    println!("{} kinds at {requests} requests: {} findings", kinds.len(), findings.len());
    assert!(findings.is_empty(), "{} findings\n{}", findings.len(), findings.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn every_call_fails_once() {
    let page =
        What::status(200).header("content-type", "text/html").body("<!doctype html><title>Sign in</title>");
    let json = r#"{"errorMessages":["no"],"errors":{}}"#;
    sweep(&[
        What::status(500),
        What::status(503).header("retry-after", "2"),
        What::status(429),
        What::status(429).header("retry-after", "3"),
        What::status(429).header("x-ratelimit-reset", "5"),
        What::CutBefore,
        page,
        What::status(401),
        What::status(403),
        What::status(404).body(json),
        What::status(409).body(json),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_answer_is_lost_once_after_its_effect() {
    sweep(&[
        What::LoseAnswer,
        What::FailAfter(StatusCode::BAD_GATEWAY),
        What::FailAfter(StatusCode::GATEWAY_TIMEOUT),
        What::StallAnswer,
        What::CutAfterBytes(3),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_index_that_is_a_minute_behind() {
    let lags = |world: &World| {
        world.sandbox.jira.configure(|config| config.search_lag = SearchLag::Time(Duration::from_secs(60)));
    };
    let http = http();
    let world = World::new(&http).await;
    lags(&world);
    world.all().await;
    assert_eq!(world.wrong(1), Vec::<String>::new());

    // The answer to the create is lost as well.
    let lost = World::new(&http).await;
    lags(&lost);
    let create = Fault::new(What::LoseAnswer).on(Service::Jira).method(http::Method::POST).matching("/issue");
    lost.sandbox.faults().add(create);
    lost.all().await;
    assert_eq!(lost.wrong(1), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn two_pipelines_at_once() {
    let http = http();
    for lag in [0, 5, 60] {
        let world = World::new(&http).await;
        world.sandbox.jira.configure(|config| config.search_lag = SearchLag::Time(Duration::from_secs(lag)));
        for stage in STAGES {
            let (one, other) = tokio::join!(world.run(stage, "stg_eu00"), world.run(stage, "stg_eu00"));
            for ended in [&one, &other] {
                went_well(ended, &format!("{stage:?} with a lag of {lag} s"));
            }
        }
        // The one that gave way is there, marked, and nothing finds it.
        assert_eq!(world.wrong(2), Vec::<String>::new(), "with a lag of {lag} s");
        let given_up =
            world.sandbox.jira.issues().into_iter().filter(|issue| issue.labels == ["landfall-duplicate"]);
        assert_eq!(given_up.count(), world.sandbox.jira.issues().len() - 1);
    }
}

/// With an issue for claims none is ever made in vain, also where the index shows nothing at all.
#[tokio::test(start_paused = true)]
async fn two_pipelines_at_once_with_claims() {
    let http = http();
    for lag in [0, 60, 1_000_000] {
        let mut world = World::new(&http).await;
        world.has(r#"{"claims":{"version":"1.0.0","folder":"claims"}}"#);
        went_well(&world.run(Stage::Create, "stg_eu00").await, "the issue for claims");
        world.claims_on_the_newest();
        world.has(VERSIONS);
        world.sandbox.jira.configure(|config| config.search_lag = SearchLag::Time(Duration::from_secs(lag)));
        for stage in STAGES {
            let (one, other) = tokio::join!(world.run(stage, "stg_eu00"), world.run(stage, "stg_eu00"));
            for ended in [&one, &other] {
                went_well(ended, &format!("{stage:?} with a lag of {lag} s"));
            }
        }
        assert_eq!(world.wrong(1), Vec::<String>::new(), "with a lag of {lag} s");
    }
}

/// A comment that Jira asks to wait with is waited for by the other, so that it is said once.
#[tokio::test(start_paused = true)]
async fn a_slow_pipeline_that_lives_is_waited_for() {
    let world = World::new(&http()).await;
    went_well(&world.run(Stage::Create, "stg_eu00").await, "Create");
    let slow = What::status(429).header("retry-after", "60");
    let comments = Fault::new(slow).on(Service::Jira).method(http::Method::POST).matching("/comment");
    world.sandbox.faults().add(comments);
    let (one, other) =
        tokio::join!(world.run(Stage::Comment, "stg_eu00"), world.run(Stage::Comment, "stg_eu00"));
    for ended in [&one, &other] {
        went_well(ended, "Comment");
    }
    assert_eq!(world.tickets()[0].comments.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_waits_for_no_ticket() {
    let world = World::new(&http()).await;
    for stage in [Stage::Move, Stage::Comment, Stage::Instruct] {
        let before = world.sandbox.jira.searches();
        let found: Vec<String> =
            problems(&world.run_as(stage, "stg_eu00", &Output::DryRun { foretell: None }).await)
                .map(|problem| problem.code)
                .collect();
        assert_eq!((found, world.sandbox.jira.searches() - before), (vec!["LF-JIRA-NO-TICKET".into()], 2));
    }
}

/// The file of tickets of this pipeline: it is of the whole release, a job deploys a part, and somebody has made a second ticket.
#[tokio::test(start_paused = true)]
async fn what_is_noted_is_used_and_its_duplicates_are_told() {
    let world = World::new(&http()).await;
    let run = async |stage| {
        let ended = world.run_as(stage, "stg_eu00", &Output::Real).await;
        ended.unwrap_or_else(|refusal| panic!("{refusal:?}"))
    };
    let made = run(Stage::Create).await;
    let noted = std::fs::read(world.path("jira-tickets.json")).expect("noted");
    world.has(r#"{"paymentGateway":{"version":"2.0.0","folder":"payment-gateway"}}"#);
    let before = world.sandbox.jira.searches();
    let moved = run(Stage::Move).await;
    assert_eq!((&moved.items[0].name, &moved.release), (&made.items[0].name, &made.release));
    assert_eq!(world.sandbox.jira.searches() - before, 2, "for its own ticket, and for duplicates");

    // A second one, of a run whose index was behind.
    world.has(VERSIONS);
    world.sandbox.jira.configure(|config| config.search_lag = SearchLag::Time(Duration::from_secs(600)));
    std::fs::remove_file(world.path("jira-tickets.json")).expect("there");
    run(Stage::Create).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    std::fs::write(world.path("jira-tickets.json"), noted).expect("written");
    let commented = run(Stage::Comment).await;
    assert_eq!(commented.warnings, ["REL-2 is a duplicate of REL-1: close it by hand"]);
}

/// Jira bounds a field: the table of many services leaves room for every step of the instructions.
#[tokio::test(start_paused = true)]
async fn instructions_fit_beside_any_number_of_services() {
    let http = http();
    for count in [45, 120, 1_500] {
        let world = World::new(&http).await;
        let of = |n: usize| format!(r#""service-number-{n}":{{"version":"1.4.{n}","folder":"number-{n}"}}"#);
        let projects: Vec<String> = (0..count).map(of).collect();
        world.has(&format!("{{{}}}", projects.join(",")));
        for stage in [Stage::Create, Stage::Instruct, Stage::Comment, Stage::Instruct] {
            went_well(&world.run(stage, "stg_eu00").await, &format!("{stage:?} of {count}"));
        }
        let description = world.tickets()[0].fields["description"].to_string();
        assert!(description.len() <= 28_700, "{count}: {}", description.len());
        for part in
            ["service-number-0\"", "And ", "Roll back", "Images are not built again", "End of the section"]
        {
            assert!(description.contains(part), "{count}: {part}");
        }
        assert!(!description.contains("longer than a Jira field"), "{count}: nothing of ours is cut");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_beyond_stays_there_and_that_is_said() {
    let world = World::new(&http()).await;
    went_well(&world.run(Stage::Create, "stg_eu00").await, "Create");
    world.sandbox.jira.configure(|config| {
        config.workflow = Workflow::release().with_status("Released", StatusCategory::Done).with_transition(
            "99",
            "Again",
            &[],
            "Pre-Prod Testing",
            false,
        );
    });
    world.sandbox.jira.move_by_hand(&world.tickets()[0].key, "Released");
    for output in [Output::DryRun { foretell: None }, Output::Real] {
        let ended = world.run_as(Stage::Move, "stg_eu00", &output).await.expect("left there");
        assert_eq!(ended.summary, "REL-1 is in `Released`, already beyond `Pre-Prod Testing`: left there");
    }
    assert_eq!(world.tickets()[0].status, "Released");
}

#[tokio::test(start_paused = true)]
async fn production_moves_the_ticket_of_staging_for_a_part_of_the_release() {
    let world = World::new(&http()).await;
    went_well(&world.run(Stage::Create, "stg_eu00").await, "Create");
    let whole = world.tickets()[0].clone();
    // Many releases later, a production pipeline deploys one of the projects.
    for number in 0..60 {
        world.has(&format!(r#"{{"other":{{"version":"1.0.{number}","folder":"other"}}}}"#));
        went_well(&world.run(Stage::Create, "stg_eu00").await, "Create");
    }
    world.has(r#"{"paymentGateway":{"version":"2.0.0","folder":"payment-gateway"}}"#);
    for stage in [Stage::Move, Stage::Comment] {
        let finished: Finished =
            world.run(stage, "prod_eu00").await.unwrap_or_else(|refusal| panic!("{refusal:?}"));
        assert_eq!(finished.items[0].name, whole.key);
        assert!(
            finished
                .release
                .is_some_and(|release| whole.fields["summary"].to_string().contains(release.as_str()))
        );
    }
    let ticket = world.sandbox.jira.issue(&whole.key).expect("there");
    assert_eq!((ticket.status.as_str(), ticket.comments.len()), ("Pre-Prod Testing", 1));
    assert!(ticket.comments[0].body.to_string().contains("Deployed to prod_eu00"));
}

#[tokio::test(start_paused = true)]
async fn a_ticket_says_what_was_released_before() {
    let world = World::new(&http()).await;
    went_well(&world.run(Stage::Create, "stg_eu00").await, "the first release");
    let first = world.tickets()[0].fields["description"].to_string();
    assert!(first.contains("–"), "nothing was before: {first}");
    world.has(&VERSIONS.replace("1.4.2", "1.5.0"));
    went_well(&world.run(Stage::Create, "stg_eu00").await, "the second release");
    let second = world.tickets()[1].fields["description"].to_string();
    let (before, now) = (second.find("1.4.2").expect("before"), second.find("1.5.0").expect("now"));
    assert!(before < now, "{second}");
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_seen_and_what_changes_underneath() {
    let world = World::new(&http()).await;
    went_well(&world.run(Stage::Create, "stg_eu00").await, "Create");
    // The workflow is another one by now, and somebody has moved the ticket.
    world.sandbox.jira.configure(|config| {
        config.workflow =
            Workflow::release().with_transition("99", "Straight", &[], "Pre-Prod Testing", false);
    });
    world.sandbox.jira.move_by_hand(&world.tickets()[0].key, "Deployed to Pre-Prod");
    went_well(&world.run(Stage::Move, "stg_eu00").await, "Move");
    assert_eq!(world.tickets()[0].status, "Pre-Prod Testing");

    let blind = Permissions { browse: false, ..Permissions::default() };
    world.sandbox.jira.configure(|config| config.permissions = blind);
    for stage in [Stage::Move, Stage::Comment, Stage::Instruct] {
        let found: Vec<String> =
            problems(&world.run(stage, "stg_eu00").await).map(|problem| problem.code).collect();
        assert_eq!(found, ["LF-JIRA-NO-TICKET"], "{stage:?}");
    }
    let blocked = Permissions { create: false, ..Permissions::default() };
    let other = World::new(&http()).await;
    other.sandbox.jira.configure(|config| config.permissions = blocked);
    let found: Vec<Class> =
        problems(&other.run(Stage::Create, "stg_eu00").await).map(|problem| problem.class).collect();
    assert_eq!((found.as_slice(), other.sandbox.jira.issues().len()), ([Class::Refused].as_slice(), 0));
}

#[tokio::test(start_paused = true)]
async fn limits_of_writes_are_kept_and_jira_down_is_a_passing_fault() {
    let http = http();
    let world = World::new(&http).await;
    world.sandbox.jira.configure(|config| config.write_limits = WriteLimit::documented());
    world.all().await;
    let refused = || {
        let all = world.sandbox.journal().of(Service::Jira);
        all.into_iter().filter(|entry| entry.status == Some(429)).count()
    };
    assert_eq!((refused(), world.wrong(1)), (0, Vec::new()));

    // What the stages wrote, each as a process of its own, is out of the windows by then.
    tokio::time::sleep(Duration::from_secs(30)).await;
    // A bot that says much: two writes for each comment, and never more than Jira takes.
    let (jira, run, ticket) =
        (world.jira(), Run::builder().build(), world.tickets()[0].key.parse().expect("a key"));
    for number in 0..80 {
        jira.comment_once(&run, &ticket, &format!("number {number}"), &Doc::default()).await.expect("added");
    }
    assert_eq!((world.tickets()[0].comments.len(), refused()), (81, 0));

    let down = World::new(&http).await;
    down.sandbox.faults().add(Fault::new(What::status(503)).on(Service::Jira).every());
    for stage in STAGES {
        let found: Vec<Class> =
            problems(&down.run(stage, "stg_eu00").await).map(|problem| problem.class).collect();
        assert_eq!(found, [Class::Transient], "{stage:?}");
    }
    down.sandbox.faults().clear();
    // From the first write on nothing is answered: what may have been written is said, and the fault passes.
    let write = Fault::new(What::FailAfter(StatusCode::BAD_GATEWAY))
        .on(Service::Jira)
        .method(http::Method::POST)
        .matching("/issue");
    down.sandbox.faults().add(write);
    down.sandbox.faults().add(Fault::new(What::status(503)).on(Service::Jira).nth(7).every());
    let ended = down.run(Stage::Create, "stg_eu00").await.unwrap_or_else(|refusal| panic!("{refusal:?}"));
    assert_eq!((ended.items[0].outcome, ended.verdict().1), ("unanswered", Some(Class::Transient)));
    down.sandbox.faults().clear();
    down.all().await;
    assert_eq!(down.wrong(1), Vec::<String>::new());
}
