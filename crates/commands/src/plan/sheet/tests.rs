//! Pages as a release manager sees them.

use landfall_artifacts::PipelinePlan;
use serde_json::{Value, json};

use super::sheet;
use crate::ledger::table::{Paint, WIDTH};
use crate::plan::{markdown, page};

fn item(name: &str, outcome: &str, details: &Value) -> Value {
    json!({"name": name, "environment": null, "outcome": outcome, "changed": false, "durationMs": 0, "bytes": 0, "details": details})
}

fn job(name: &str, environment: Option<&str>, stages: &[&str], more: Value) -> Value {
    let mut job = json!({
        "name": name, "environment": environment, "stages": stages, "state": "foretold", "manual": false, "mayFail": false, "why": "",
        "items": [], "problems": [], "warnings": [], "summary": "",
    });
    for (key, value) in more.as_object().cloned().unwrap_or_default() {
        job[key] = value;
    }
    job
}

fn function(name: &str, number: u8, outcome: &str) -> Value {
    let digest = |byte: u8| format!("sha256:{}", format!("{byte:02x}").repeat(32));
    let details = json!({"from": digest(number), "fromVersion": "1.4.1", "digest": digest(number + 100), "version": "1.4.2"});
    item(name, outcome, &details)
}

fn planned(environments: &[&str], jobs: &[Value], problems: &[Value], keys: &[Value]) -> PipelinePlan {
    let text = json!({
        "formatVersion": 1,
        "pipeline": "production",
        "release": "r-6b1f0c2d9e77",
        "environments": environments,
        "by": {"name": "grace", "source": "GITLAB_USER_LOGIN"},
        "plannedAt": "2025-11-19T15:22:00Z",
        "verdict": if problems.is_empty() { "may-start" } else { "in-the-way" },
        "inTheWay": problems,
        "jobs": jobs,
        "keys": keys,
    });
    PipelinePlan::parse(text.to_string().as_bytes(), "plan").unwrap_or_else(|errors| panic!("{errors}"))
}

fn production() -> PipelinePlan {
    let approval = json!({
        "code": "LF-GATE-APPROVAL", "class": "refused", "what": "no approval of manager for release r-6b1f0c2d9e77 to prod_eu00",
        "cause": [], "remedy": "one of grace, linus approves it: gate approve --environment prod_eu00",
    });
    let functions =
        [function("OrderServiceFunction", 1, "planned"), function("PaymentGatewayFunction", 2, "unchanged")];
    let of = |name: &str| format!("{name}-prod-eu");
    let jobs = [
        job(
            "validate-targets",
            None,
            &[],
            json!({"summary": "production: prod_eu00, prod_na03; 2 projects"}),
        ),
        job(
            &of("copy-images"),
            Some("prod_eu00"),
            &["retag-push-ecr"],
            json!({"items": [
                item("a", "planned", &json!({"bytesToSend": 5_242_880})), item("b", "unchanged", &json!({"bytesToSend": 0})),
            ]}),
        ),
        job(
            &of("deploy-lambda"),
            Some("prod_eu00"),
            &["deploy-lambda"],
            json!({"items": functions, "problems": [approval]}),
        ),
        job(
            &of("transition-deploying"),
            Some("prod_eu00"),
            &["transition-jira-tickets"],
            json!({"items": [
                item("REL-7", "planned", &json!({"from": "Pre-Prod Testing", "to": "Deploying"})),
            ]}),
        ),
        job(
            &of("comment"),
            Some("prod_eu00"),
            &["comment-jira-tickets"],
            json!({"items": [item("REL-7", "planned", &json!({}))]}),
        ),
        job("deploy-lambda-prod-na", Some("prod_na03"), &["deploy-lambda"], json!({"items": functions})),
        job(
            "transition-deploying-prod-na",
            Some("prod_na03"),
            &["transition-jira-tickets"],
            json!({"warnings": ["it may fail: LF-JIRA-NO-TICKET there is no ticket of release r-6b1f0c2d9e77 for region na"], "state": "not-foretold", "mayFail": true}),
        ),
        job(
            "integration",
            Some("prod_na03"),
            &[],
            json!({"state": "not-foretold", "why": "the repo's own: yarn test"}),
        ),
        job(
            "promote-to-release-artifacts",
            None,
            &["promote-artifacts"],
            json!({"summary": "2 of 2 images would be promoted from docker-rc to docker-release; 0 there already, 0 refused"}),
        ),
    ];
    let keys = [json!({
        "environment": "prod_eu00", "job": "aws-credentials-prod-eu", "lifeSeconds": 3600, "expectedSeconds": 540, "runs": 6,
        "unknown": [], "atHandUntil": "2025-11-19T16:02:00Z",
    })];
    let way = [json!({"environment": "prod_eu00", "jobs": ["deploy-lambda-prod-eu"], "problem": approval})];
    planned(&["prod_eu00", "prod_na03"], &jobs, &way, &keys)
}

#[test]
fn a_page_to_decide_from() {
    insta::assert_snapshot!(page::text(&sheet(&production(), false), Paint::Plain), @r"
    production of release r-6b1f0c2d9e77 to prod_eu00, prod_na03
    asked by grace at 2025-11-19T15:22:00Z
    stands in the way: 1 thing; 2 jobs are not foretold

    in the way
      LF-GATE-APPROVAL prod_eu00, deploy-lambda-prod-eu
        no approval of manager for release r-6b1f0c2d9e77 to prod_eu00
        next: one of grace, linus approves it: gate approve --environment prod_eu00

    the run as a whole
      promotion     2 of 2 images would be promoted from docker-rc to
                    docker-release; 0 there already, 0 refused

    prod_eu00
      images        1 to copy (5.0 MiB), 1 there already
      functions     1 of 2 functions change, 1 unchanged
      FUNCTION              FROM                  TO
      OrderServiceFunction  1.4.1 (010101010101)  1.4.2 (656565656565)
      ticket        REL-7 from `Pre-Prod Testing` to `Deploying`; a comment
      credentials   live 1 h from aws-credentials-prod-eu on; the work with them
                    took 9 min (the median of 6 earlier runs); those of this plan
                    until 2025-11-19T16:02:00Z

    prod_na03
      functions     1 of 2 functions change, 1 unchanged
        the same as in prod_eu00
      ticket        not all of it is foretold: see the notes
      not foretold  1 job
        integration: the repo's own: yarn test
      to look at    1 note
        transition-deploying-prod-na: it may fail: LF-JIRA-NO-TICKET there is no
        ticket of release r-6b1f0c2d9e77 for region na
    ");
}

#[test]
fn the_same_for_a_ticket() {
    insta::assert_snapshot!(markdown::text(&sheet(&production(), false)), @r"
    ## Plan: production of release r-6b1f0c2d9e77 to prod\_eu00, prod\_na03

    asked by grace at 2025-11-19T15:22:00Z

    **stands in the way: 1 thing; 2 jobs are not foretold**

    ### In the way

    - **LF-GATE-APPROVAL prod\_eu00, deploy-lambda-prod-eu**: no approval of manager for release r-6b1f0c2d9e77 to prod\_eu00 *Next:* one of grace, linus approves it: gate approve --environment prod\_eu00

    ### the run as a whole

    - **promotion**: 2 of 2 images would be promoted from docker-rc to docker-release; 0 there already, 0 refused

    ### prod\_eu00

    - **images**: 1 to copy (5.0 MiB), 1 there already
    - **functions**: 1 of 2 functions change, 1 unchanged

    | function | from | to | |
    |---|---|---|---|
    | OrderServiceFunction | 1.4.1 (010101010101) | 1.4.2 (656565656565) | changes |

    - **ticket**: REL-7 from \`Pre-Prod Testing\` to \`Deploying\`; a comment
    - **credentials**: live 1 h from aws-credentials-prod-eu on; the work with them took 9 min (the median of 6 earlier runs); those of this plan until 2025-11-19T16:02:00Z

    ### prod\_na03

    - **functions**: 1 of 2 functions change, 1 unchanged
        - the same as in prod\_eu00
    - **ticket**: not all of it is foretold: see the notes
    - **not foretold**: 1 job
        - integration: the repo's own: yarn test
    - **to look at**: 1 note
        - transition-deploying-prod-na: it may fail: LF-JIRA-NO-TICKET there is no ticket of release r-6b1f0c2d9e77 for region na
    ");
}

#[test]
fn functions_of_what_is_built_first_are_named_with_their_versions() {
    let awaited = |name: &str, version: &str| item(name, "follows", &json!({"version": version}));
    let deploy = |items: &[Value]| {
        let why = "it needs lambda-ecr-mappings.json of retag-push-ecr-stg-eu, which is not foretold";
        let more = json!({"state": "follows", "why": why, "items": items});
        let jobs = [job("deploy-lambda-stg-eu", Some("stg_eu00"), &["deploy-lambda"], more)];
        page::text(&sheet(&planned(&["stg_eu00"], &jobs, &[], &[]), false), Paint::Plain)
    };
    let two = deploy(&[awaited("OrderServiceFunction", "1.5.0"), awaited("PaymentGatewayFunction", "2.0.0")]);
    insta::assert_snapshot!(two.split_once("\n\n").expect("a part").1, @r"
    stg_eu00
      functions     2 functions, with what the run makes first: it needs
                    lambda-ecr-mappings.json of retag-push-ecr-stg-eu, which is not
                    foretold
      FUNCTION                FROM  TO
      OrderServiceFunction    -     1.5.0  follows
      PaymentGatewayFunction  -     2.0.0  follows
    ");
    let one = deploy(&[function("OrderServiceFunction", 1, "planned")]);
    assert!(one.contains("  functions     1 of 1 function changes, 0 unchanged\n"), "{one}");
}

#[test]
fn two_hundred_functions_in_four_environments_stay_a_page() {
    let environments = ["dev1", "qa1", "prod_eu00", "prod_na03"];
    let functions: Vec<Value> = (0..200)
        .map(|n| function(&format!("Function{n:03}"), 7, if n < 150 { "planned" } else { "unchanged" }))
        .collect();
    let jobs: Vec<Value> = environments
        .iter()
        .map(|name| {
            job(&format!("deploy-{name}"), Some(name), &["deploy-lambda"], json!({"items": functions}))
        })
        .collect();
    let plan = planned(&environments, &jobs, &[], &[]);
    let page = page::text(&sheet(&plan, false), Paint::Plain);
    assert!(page.lines().count() < 70, "{page}");
    assert_eq!(page.matches("the same as in dev1").count(), 3);
    assert_eq!(page.matches("and 110 more; --full lists all").count(), 1);
    let full = page::text(&sheet(&plan, true), Paint::Plain);
    assert_eq!(full.matches("Function199").count(), 1);
}

#[test]
fn foreign_texts_break_out_of_nothing() {
    let odd = "x\u{1b}[31m|<script>`*\n::error::y".to_owned() + &"é".repeat(300);
    let items = json!({"items": [function("x", 1, "planned")], "warnings": ["x"]});
    let jobs = [
        job("deploy", Some("prod_eu00"), &["deploy-lambda"], items),
        job("own", Some("prod_eu00"), &[], json!({"state": "not-foretold", "why": "x"})),
    ];
    // No file has such texts, since readers refuse them; a plan that was never one may.
    let mut plan = planned(&["prod_eu00"], &jobs, &[], &[]);
    for job in &mut plan.jobs {
        job.why.clone_from(&odd);
        job.warnings.iter_mut().for_each(|warning| warning.clone_from(&odd));
        job.items.iter_mut().for_each(|item| item.name.clone_from(&odd));
    }
    let sheet = sheet(&plan, false);
    let (page, ticket) = (page::text(&sheet, Paint::Plain), markdown::text(&sheet));
    for text in [&page, &ticket] {
        assert!(
            !text.contains('\u{1b}') && !text.lines().any(|line| line.trim_start().starts_with("::")),
            "{text}"
        );
    }
    // One more where a backslash stands before what a CI system would take for a command.
    assert!(page.lines().all(|line| landfall_cli::columns(line) <= WIDTH + 1), "{page}");
    assert!(!ticket.contains("<script>") && ticket.contains("\\<script\\>"), "{ticket}");
}
