use std::time::Duration;

use landfall_artifacts::{
    Actor, Digest, EffectResult, EventKind, ImageLock, LedgerItem, Mode, OutcomeKind, Settings,
};
use landfall_ledger::gate::{Content, Identity, Subject};
use landfall_ledger::{Context, Draft, Ledger};
use landfall_notify::News;
use landfall_run::{Clock, Run};
use tempfile::TempDir;
use time::OffsetDateTime;

use super::{Act, Approve, Config, Person, run};
use crate::{Finished, Outcome, Output, Places, Refusal, Target};

const SETTINGS: &str = r#"
[approvers]
qa-lead = ["ada", "grace"]
manager = ["joan"]
[environment.qa]
[environment.uat]
after = ["qa"]
approvals = ["qa-lead"]
[environment.prod]
kind = "production"
after = ["uat"]
approvals = ["qa-lead", "manager"]
"#;

struct World {
    folder: TempDir,
    ledger: Ledger,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let actor = Actor { name: "dev".into(), source: "test".into() };
        let ledger =
            Ledger::open(folder.path().join("ledger"), Context::new(actor, "0.0.0"), Clock::system());
        Self { ledger: ledger.await.expect("a ledger"), folder }
    }

    fn config(&self, environment: &str, act: Act) -> Config {
        let file = |name: &str| self.folder.path().join(name);
        Config {
            target: Target {
                environment: environment.parse().ok(),
                release: "v1.0.0".parse().ok(),
                ..Target::default()
            },
            places: Places {
                functions: file("functions"),
                versions: file("versions.json"),
                mappings: file("lambda-ecr-mappings.json"),
                lock: file("image-lock.json"),
            },
            settings: Settings::parse(SETTINGS.as_bytes(), "landfall.toml", &[]).expect("valid"),
            act,
        }
    }

    async fn add(&self, kind: EventKind, environment: &str, outcome: Option<EffectResult>) {
        let item = LedgerItem {
            project: "orders".parse().ok(),
            digest: Some(Digest::of(b"1")),
            ..LedgerItem::new("Orders")
        };
        let draft = Draft {
            release: "v1.0.0".parse().ok(),
            environment: environment.parse().ok(),
            outcome,
            items: if kind == EventKind::Deployment { vec![item] } else { Vec::new() },
            ..Draft::new(kind)
        };
        self.ledger.append(draft).await.expect("recorded");
    }

    async fn act(&self, environment: &str, act: Act, by: &str) -> Outcome {
        let person = Person {
            actor: Actor { name: by.to_owned(), source: "test".to_owned() },
            identity: Identity::Verified,
            comment: None,
        };
        let config = self.config(environment, act);
        run(&config, &[person], &self.ledger, &Output::Real, &Run::builder().build()).await
    }

    async fn check(&self, environment: &str) -> Finished {
        self.act(environment, Act::Check, "anybody").await.expect("looked")
    }

    async fn records(&self) -> u64 {
        self.ledger.verify(None).await.expect("whole").records
    }
}

fn approve() -> Act {
    Act::Approve(Approve::default())
}

fn codes(outcome: Outcome) -> Vec<String> {
    let Refusal(problems) = outcome.expect_err("refused");
    problems.into_iter().map(|problem| problem.code).collect()
}

#[tokio::test]
async fn a_release_goes_through_three_environments() {
    let world = World::new().await;
    world.add(EventKind::Deployment, "qa", None).await;
    let waiting = world.check("uat").await;
    assert_eq!(waiting.verdict().0, OutcomeKind::Blocked);
    let waits = |decision| {
        let subject = Subject::new(
            "v1.0.0".parse().expect("a release"),
            "uat".parse().expect("an environment"),
            vec![Content { project: "orders".parse().ok(), version: None, digest: Digest::of(b"1") }],
        );
        let missing = vec!["approval of qa-lead".to_owned()];
        Some(News::Waits { missing, plan: subject.plan, decision })
    };
    assert_eq!(waiting.news, waits(None));
    insta::assert_snapshot!(waiting.lines.join("\n") + "\n" + &waiting.summary, @r"
    release v1.0.0 to uat: 1 contents, plan sha256:1f76cab88bfdd65a9e7ca031fa797d9a3055682b96a6a3e83a0f9c85e6f46d0d
    missing: no qa-lead has approved it
    release v1.0.0 may not come to uat: 1 thing is missing
    ");
    let approved = world.act("uat", approve(), "Ada").await.expect("approved");
    insta::assert_snapshot!(approved.lines.join("\n") + "\n" + &approved.summary, @r"
    approval by Ada as qa-lead: ledger record 2
    1 recorded, release v1.0.0 to uat, plan sha256:1f76cab88bfd
    ");
    let open = world.check("uat").await;
    assert_eq!((open.verdict().0, open.news), (OutcomeKind::NothingToDo, None));
    assert_eq!(open.summary, "release v1.0.0 may come to uat");
    // Nobody let it come in time: it lacks the same, and waits anew.
    let late = Clock::fixed(OffsetDateTime::now_utc() + Duration::from_secs(80 * 3600));
    let (config, late) = (world.config("uat", Act::Check), Run::builder().clock(late).build());
    let lapsed = run(&config, &[], &world.ledger, &Output::Real, &late).await.expect("looked");
    assert_eq!(lapsed.news, waits(Some(2)));
    // The same again is recorded once.
    let records = world.records().await;
    let again = world.act("uat", approve(), "ada").await.expect("stands");
    assert_eq!(
        (world.records().await, again.items.first().map(|item| item.outcome)),
        (records, Some("unchanged"))
    );
    world.add(EventKind::Deployment, "uat", None).await;
    world.act("prod", approve(), "ada").await.expect("approved");
    assert!(world.check("prod").await.summary.ends_with("1 thing is missing"));
    world.act("prod", approve(), "joan").await.expect("approved");
    assert_eq!(world.check("prod").await.summary, "release v1.0.0 may come to prod");
    let reject = Act::Reject { reason: "smoke".to_owned() };
    let rejected = world.act("prod", reject.clone(), "joan").await.expect("rejected");
    assert_eq!(rejected.news, Some(News::Died { reason: "smoke".to_owned() }));
    assert_eq!(world.act("prod", reject, "joan").await.expect("it stands").news, None, "it dies once");
    let dead = world.check("prod").await;
    assert_eq!(dead.news, None, "nobody can approve it");
    assert!(dead.problems.is_empty() && dead.all_problems().iter().any(|one| one.code == "LF-GATE-DEAD"));
    assert_eq!(codes(world.act("prod", approve(), "ada").await), ["LF-GATE-DEAD"]);
}

#[tokio::test]
async fn not_everybody_may_decide() {
    let world = World::new().await;
    world.add(EventKind::Deployment, "qa", None).await;
    let records = world.records().await;
    assert_eq!(codes(world.act("uat", approve(), "dev").await), ["LF-GATE-AUTHOR"]);
    assert_eq!(codes(world.act("uat", approve(), "joan").await), ["LF-GATE-SPEAKER"]);
    assert_eq!(codes(world.act("uat", approve(), "ada\u{202e}").await), ["LF-GATE-SPEAKER"]);
    assert_eq!(codes(world.act("qa", approve(), "ada").await), ["LF-GATE-ROLE"]);
    let plan = Some(Digest::of(b"another plan"));
    let other = Act::Approve(Approve { plan, ..Approve::default() });
    assert_eq!(codes(world.act("uat", other, "ada").await), ["LF-GATE-PLAN"]);
    let long = Act::Approve(Approve { expires: Some(Duration::from_secs(90 * 3600)), ..Approve::default() });
    assert_eq!(codes(world.act("uat", long, "ada").await), ["LF-GATE-EXPIRES"]);
    for act in [
        Act::Reject { reason: "no".to_owned() },
        Act::Freeze { everywhere: true, from: None, until: None, reason: "no".to_owned() },
        Act::Unfreeze { everywhere: false, sequence: None, reason: None },
        Act::Approve(Approve { break_glass: true, reason: Some("no".to_owned()), ..Approve::default() }),
    ] {
        assert_eq!(codes(world.act("uat", act, "mallory").await), ["LF-GATE-SPEAKER"]);
    }
    let config = world.config("uat", approve());
    let nobody = run(&config, &[], &world.ledger, &Output::Real, &Run::builder().build()).await;
    assert!(codes(nobody).contains(&"LF-GATE-NOBODY".to_owned()));
    assert_eq!(world.records().await, records);
}

#[tokio::test]
async fn what_is_unknown_cannot_be_approved_and_a_lock_makes_it_known() {
    let world = World::new().await;
    assert_eq!(codes(world.act("uat", approve(), "ada").await), ["LF-GATE-UNKNOWN"]);
    let digest = Digest::of(b"1");
    let lock = format!(
        r#"{{"formatVersion":1,"release":"v1.0.0","platform":"linux/amd64","images":[{{"project":"orders","version":"1.0.0","lambda":"Orders",
        "source":"art.example.com/build/orders@{digest}","sourceIndex":null,"target":"123456789012.dkr.ecr.eu-west-2.amazonaws.com/app:Orders-1.0.0",
        "digest":"{digest}","mediaType":"application/vnd.oci.image.manifest.v1+json","sizeBytes":1}}]}}"#
    );
    let file = world.folder.path().join("image-lock.json");
    ImageLock::parse(lock.as_bytes(), "lock").expect("a lock");
    landfall_artifacts::write_atomic(&file, lock.as_bytes(), Mode::Shared).expect("written");
    world.act("uat", approve(), "ada").await.expect("approved");
    // Deployed as it was approved, the approval counts: what the ledger says of it has the same plan.
    world.add(EventKind::Deployment, "qa", None).await;
    std::fs::remove_file(&file).expect("removed");
    assert_eq!(world.check("uat").await.summary, "release v1.0.0 may come to uat");
}

#[tokio::test]
async fn freezes_are_made_and_ended() {
    let world = World::new().await;
    world.add(EventKind::Deployment, "qa", None).await;
    world.act("uat", approve(), "ada").await.expect("approved");
    let freeze = |everywhere| Act::Freeze { everywhere, from: None, until: None, reason: "fair".to_owned() };
    world.act("uat", freeze(false), "joan").await.expect("frozen");
    world.act("uat", freeze(true), "joan").await.expect("frozen");
    assert!(world.check("uat").await.summary.ends_with("2 things are missing"));
    let glass =
        Act::Approve(Approve { break_glass: true, reason: Some("fire".to_owned()), ..Approve::default() });
    world.act("uat", glass, "joan").await.expect("broken");
    let open = world.check("uat").await;
    assert_eq!((open.summary.as_str(), open.warnings.len()), ("release v1.0.0 may come to uat", 1));
    let unfreeze = |everywhere, sequence| Act::Unfreeze { everywhere, sequence, reason: None };
    let ended = world.act("uat", unfreeze(false, None), "joan").await.expect("ended");
    assert_eq!(ended.items.len(), 1);
    insta::assert_snapshot!(ended.warnings.join("\n"), @"freeze 4 of all environments by joan holds in uat too; gate unfreeze --everywhere ends it");
    // From one environment nothing of all is ended, nor of another, nor what is no freeze or ended already.
    for (environment, everywhere, sequence) in
        [("uat", false, 4), ("uat", false, 3), ("uat", false, 1), ("prod", false, 3), ("uat", true, 3)]
    {
        let refused = world.act(environment, unfreeze(everywhere, Some(sequence)), "joan").await;
        let Refusal(problems) = refused.expect_err("refused");
        assert_eq!((problems.len(), problems[0].code.as_str()), (1, "LF-GATE-FREEZE"), "{sequence}");
        assert_eq!(
            problems[0].remedy.as_deref(),
            Some("name one that stands: 4 of all environments by joan, with --everywhere")
        );
    }
    let all = world.act("prod", unfreeze(true, Some(4)), "joan").await.expect("ended");
    assert_eq!(all.items.len(), 1);
    let refused = world.act("uat", unfreeze(false, Some(4)), "joan").await.expect_err("refused");
    assert_eq!(
        refused.0[0].remedy.as_deref(),
        Some("nothing that people froze stands there: leave --freeze out")
    );
    let nothing = world.act("uat", unfreeze(true, None), "joan").await.expect("nothing");
    assert_eq!((nothing.summary.as_str(), nothing.warnings.len()), ("nothing to record", 0));
}
