//! What a person sees, and that JSON says the same.

use landfall_artifacts::EventKind;
use landfall_ledger::Ledger;
use serde_json::Value;

use crate::made::Made;

fn blocking<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

#[test]
fn what_runs_where() {
    let made = Made::story();
    insta::assert_snapshot!(made.shown("show"), @r#"
    ENVIRONMENT  FUNCTIONS  LATEST     WHEN              BY   TESTED  RECORD
    prod_eu00            2  r1         2026-01-02 01:00  ada  -            7
    stg_eu00             2  r1 (back)  2026-02-03 06:00  ada  -           11
    "#);
    insta::assert_snapshot!(made.shown("show environment stg_eu00"), @r#"
    stg_eu00: what runs
    FUNCTION        VERSION  CONTENT       RELEASE  SINCE             BY   RECORD
    ordersFunction  1.4.2    8473fec4b3c5  r1       2026-02-03 06:00  ada      11
        by a rollback
    pricesFunction  2.0.0    d7e173454527  r2       2026-01-01 02:00  ada       3

    What came, newest first
    RECORD  WHEN              RELEASE    FUNCTIONS  BY   TESTED
        11  2026-02-03 06:00  r1 (back)          1  ada  -
        the deployment of r2 was rolled back
         9  2026-02-03 01:00  r2                 2  ada  failed
         3  2026-01-01 02:00  r1                 2  ada  passed
    "#);
    insta::assert_snapshot!(made.shown("show function orders"), @r#"
    orders: what it runs
    ENVIRONMENT  VERSION  CONTENT       RELEASE  SINCE             BY   RECORD
    prod_eu00    1.4.2    8473fec4b3c5  r1       2026-01-02 01:00  ada       7
    stg_eu00     1.4.2    8473fec4b3c5  r1       2026-02-03 06:00  ada      11
        by a rollback

    What came to it, newest first
    RECORD  WHEN              WHERE      VERSION       CONTENT       RELEASE  BY
        11  2026-02-03 06:00  stg_eu00   1.4.2 (back)  8473fec4b3c5  r1       ada
         9  2026-02-03 01:00  stg_eu00   1.5.0         3daac0aedd93  r2       ada
         7  2026-01-02 01:00  prod_eu00  1.4.2         8473fec4b3c5  r1       ada
         3  2026-01-01 02:00  stg_eu00   1.4.2         8473fec4b3c5  r1       ada
    "#);
    insta::assert_snapshot!(made.shown("show release r2"), @r"
    r2
    commit -; recorded from 2026-02-03 00:00 to 2026-02-03 03:00
    it died of a test, 2026-02-03 03:00 by ada, record 10

    CONTENT  VERSION  FUNCTION        DIGEST
    orders   1.5.0    ordersFunction  3daac0aedd93
    prices   2.0.0    pricesFunction  d7e173454527

    ENVIRONMENT  CAME              BY   FUNCTIONS  RUN NOW  GONE
    stg_eu00     2026-02-03 01:00  ada          2        1  -

    RECORD  WHEN              STEP            WHERE     BY   WHAT
         8  2026-02-03 00:00  change unknown  stg_eu00  ada  UpdateFunctionCode ord…
        no outcome is on record
         9  2026-02-03 01:00  deployment      stg_eu00  ada  orders 1.5.0, prices 2…
        10  2026-02-03 03:00  test failed     stg_eu00  ada  selenium
        the basket \u{202e}is empty\u{a}::error::after an order of two things
    ");
}

#[test]
fn what_happened() {
    let made = Made::story();
    insta::assert_snapshot!(made.shown("history"), @r#"
    RECORD  WHEN              KIND         WHERE      RELEASE  BY   WHAT
        11  2026-02-03 06:00  rollback     stg_eu00   r1       ada  orders 1.4.2
        10  2026-02-03 03:00  test failed  stg_eu00   r2       ada  selenium
         9  2026-02-03 01:00  deployment   stg_eu00   r2       ada  orders 1.5.0, p…
         7  2026-01-02 01:00  deployment   prod_eu00  r1       ada  orders 1.4.2, p…
         6  2026-01-02 00:00  approval     prod_eu00  r1       bo   as qa-lead
         5  2026-01-01 04:00  promotion    -          r1       ada  orders 1.4.2, p…
         4  2026-01-01 03:00  test         stg_eu00   r1       ada  3 of 3 checks p…
         3  2026-01-01 02:00  deployment   stg_eu00   r1       ada  orders 1.4.2, p…
    "#);
    insta::assert_snapshot!(made.shown("history --environment prod_eu00 --limit 1"), @r#"
    RECORD  WHEN              KIND        WHERE      RELEASE  BY   WHAT
         7  2026-01-02 01:00  deployment  prod_eu00  r1       ada  orders 1.4.2, pr…

    the newest 1 of 2 events; --limit shows more
    "#);
    insta::assert_snapshot!(made.shown("history --kind intent"), @r#"
    RECORD  WHEN              KIND    WHERE     RELEASE  BY   WHAT
         8  2026-02-03 00:00  intent  stg_eu00  r2       ada  UpdateFunctionCode or…
         1  2026-01-01 00:00  intent  -         -        ada  PushImage registry.ex…
    "#);
    insta::assert_snapshot!(made.shown("history --actor nobody"), @r#"
    nothing of that kind is on record
    "#);
    insta::assert_snapshot!(made.shown("graveyard"), @r#"
    RECORD  RELEASE  DIED IN   OF    WHEN              AGE  BY
        10  r2       stg_eu00  test  2026-02-03 03:00  3 h  ada
        selenium: the basket \u{202e}is empty\u{a}::error::after an order of two
        things
        had orders 1.5.0, prices 2.0.0
        had come to stg_eu00
        https://tests.example.com/runs/77

    1 release died
    "#);
    insta::assert_snapshot!(made.shown("graveyard --to 2026-01-31"), @r#"
    no release died
    "#);
    insta::assert_snapshot!(made.shown("locks"), @r#"
    ENVIRONMENT  FENCING  SINCE             EXPIRES           OWNER
    stg_eu00          12  2026-02-03 06:00  2026-02-03 06:30  deploy-lambda of ada
        over by time: whoever comes next may take it
        https://gitlab.example.com/acme/shop/-/jobs/9
    "#);
}

#[test]
fn a_deployment_from_its_commit_to_production() {
    insta::assert_snapshot!(Made::story().shown("trace orders --environment prod_eu00"), @r#"
    ordersFunction
    project  orders
    version  1.4.2
    commit   -
    tag      -
    content  sha256:8473fec4b3c5c93a5154e81fb0600bf2c541dbaeb9b7c1a6566e13123dae830c
    release  r1

    RECORD  WHEN              STEP        WHERE      BY   WHAT
         1  2026-01-01 00:00  build       -          ada  PushImage registry.exampl…
        https://gitlab.example.com/acme/shop/-/jobs/1
         3  2026-01-01 02:00  deployment  stg_eu00   ada  orders 1.4.2, prices 2.0.0
        https://gitlab.example.com/acme/shop/-/jobs/2
         4  2026-01-01 03:00  test        stg_eu00   ada  3 of 3 checks passed
         5  2026-01-01 04:00  promotion   -          ada  orders 1.4.2, prices 2.0.0
        to-rc: docker-build to docker-rc
         6  2026-01-02 00:00  approval    prod_eu00  bo   as qa-lead
         7  2026-01-02 01:00  deployment  prod_eu00  ada  orders 1.4.2, prices 2.0.0
        https://gitlab.example.com/acme/shop/-/jobs/3
        11  2026-02-03 06:00  rollback    stg_eu00   ada  orders 1.4.2
        the deployment of r2 was rolled back

    Gaps
      - its commit is not on record
      - no push of its tag is on record
      - no ticket of its release is on record
      - no test of its release in prod_eu00 is on record
    "#);
}

#[test]
fn the_figures_and_what_they_mean() {
    insta::assert_snapshot!(Made::story().shown("dora --to 2026-03-01"), @"
    prod_eu00
    MONTH    DEPLOYED  A DAY  LEAD TIME  FAILED  RATE  RESTORED  IN
    2026-01         1   0.03       23 h       0    0%         0   -
    2026-02         0   0.00          -       0     -         0   -
    all             1   0.02       23 h       0    0%         0   -

    stg_eu00
    MONTH    DEPLOYED  A DAY  LEAD TIME  FAILED  RATE  RESTORED   IN
    2026-01         1   0.03          -       0    0%         0    -
    2026-02         1   0.04        1 h       1  100%         1  3 h
    all             2   0.03        1 h       1   50%         1  3 h

    deployments
      A deployment is a release's coming to an environment, however many functions
      it has and in however many records it was written down: records of one release
      that follow each other there are one. Coming back after another release or a
      rollback is another deployment. A rollback is none. One whose outcome is not
      known is left out.
    frequency
      Deployments that were done, by the days of the month that have begun; of a
      span that cuts the month, by those that are in it, in part too.
    lead time
      The median of the seconds from the newest commit of what came, by its
      committer's clock, where the push of its tags or another record of the release
      tells its time (details.commitTime), else from the first record of the
      release, to its first deployment in the environment, in the month of that
      deployment. A release of which nothing is recorded before has none.
    change failure rate
      Of the deployments of the month, tried ones too, the part that failed: that
      did not come to be, or that was followed by a failed test of its release, its
      rejection there, or a rollback from it, before another release came. A
      rollback of what nobody recorded is of a deployment that was tried. A test
      that the infrastructure failed does not count.
    time to restore
      The median of the seconds from a failure to the next rollback, passed test of
      the release, or deployment that was done in the environment, in the month of
      that end. A failure that a rollback is the first word of began with its
      deployment. A deployment that failed and left everything as it was left
      nothing to restore.
    ");
}

#[test]
fn an_audit_as_table_and_as_values() {
    let made = Made::story();
    insta::assert_snapshot!(made.shown("audit --from 2026-02-03T01:00:00Z --to 2026-02-03T06:00:05Z"), @r#"
    RECORD  WHEN              KIND         WHO  WHERE     RELEASE  WHAT
         9  2026-02-03 01:00  deployment   ada  stg_eu00  r2       orders 1.5.0, pr…
        10  2026-02-03 03:00  test failed  ada  stg_eu00  r2       selenium
        why: the basket \u{202e}is empty\u{a}::error::after an order of two things
        11  2026-02-03 06:00  rollback     ada  stg_eu00  r1       orders 1.4.2
        why: the deployment of r2 was rolled back

    3 events; --csv has all their fields
    "#);
    let ended = made.run("audit --csv --from 2026-02-03T06:00:05Z");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ended.stdout);
    assert!(lines[0].starts_with("record,time,kind,who,"), "{}", lines[0]);
    assert!(lines[1].starts_with("12,2026-02-03T06:00:05Z,lock,ada,GITLAB_USER_LOGIN,"), "{}", lines[1]);
}

#[test]
fn every_view_answers_in_json_that_fits_its_schema() {
    let made = Made::story();
    let schema = landfall_commands::ledger::schemas();
    let (_, schema) = schema.iter().find(|(name, _)| *name == "ledger-view").expect("it is published");
    let validator = jsonschema::validator_for(schema).expect("a schema");
    for (words, name) in [
        ("show", "overview"),
        ("show release r1", "release"),
        ("show environment prod_eu00", "environment"),
        ("show function ordersFunction", "function"),
        ("history", "history"),
        ("graveyard", "graveyard"),
        ("trace orders", "trace"),
        ("dora", "dora"),
        ("audit", "audit"),
        ("locks", "locks"),
        ("verify", "verify"),
    ] {
        let ended = made.run(&format!("{words} --output json"));
        assert_eq!(ended.code, 0, "{words}: {}", ended.stderr);
        let value: Value = serde_json::from_str(&ended.stdout).expect("JSON");
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{words}: {errors:#?}");
        assert_eq!((&value["view"], &value["ledger"]["records"]), (&name.into(), &12.into()), "{words}");
    }
}

#[test]
fn a_suite_that_ran_elsewhere_is_recorded_and_kills() {
    let made = Made::story();
    let common = "record test --release r1 --suite cypress";
    let dry = made.run(&format!("{common} --passed --dry-run"));
    assert_eq!(
        (dry.code, dry.stdout.as_str()),
        (0, "cypress passed for r1 in stg_eu00: would be recorded\n")
    );
    assert_eq!(
        made.run(&format!("{common} --passed")).stdout,
        "cypress passed for r1 in stg_eu00: record 13\n"
    );
    let broken = made.run_with(&format!("{common} --infrastructure --reason"), &["no browser"]);
    assert_eq!(broken.stdout, "cypress could not be run for r1 in stg_eu00: record 14\n");
    let ended = made.run(&format!("{common} --failed --link https://tests.example.com/1 --reason slow"));
    assert_eq!(ended.stdout, "cypress failed for r1 in stg_eu00: record 15\n", "{}", ended.stderr);

    let events = blocking(Ledger::for_reading(made.ledger()).events()).expect("the chain holds");
    let told: Vec<_> = events
        .iter()
        .skip(12)
        .map(|event| (event.kind, event.outcome.map(landfall_artifacts::EffectResult::as_str)))
        .collect();
    assert_eq!(
        told,
        [
            (EventKind::Test, Some("done")),
            (EventKind::Test, Some("unknown")),
            (EventKind::Test, Some("failed"))
        ]
    );
    assert_eq!(events[13].details["infrastructure"], true);
    let dead: Value = serde_json::from_str(&made.run("graveyard --output json").stdout).expect("JSON");
    let deaths = dead["result"]["deaths"].as_array().expect("a list");
    let of = |death: &Value| (death["release"].clone(), death["record"].clone(), death["link"].clone());
    assert_eq!(of(&deaths[0]), ("r1".into(), 15.into(), "https://tests.example.com/1".into()));
    assert_eq!(deaths.len(), 2, "what the infrastructure broke killed nothing");
}
