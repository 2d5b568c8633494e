use landfall_artifacts::{Class, Problem};
use landfall_cli::error_page;
use landfall_secret::{Redactor, Secret};
use serde_json::{Value, json};

use super::{Told, of};

fn told(text: &str) -> Vec<Told> {
    of(text.as_bytes(), "job.log").expect("it tells something")
}

fn page() -> String {
    let mut sealed =
        Problem::new("LF-VAULT-SEALED", Class::Transient, "Vault at https://vault.test is sealed")
            .with_remedy("have it unsealed");
    sealed.cause.push("503".to_owned());
    let missing = |what: &str| Problem::new("LF-LAMBDA-MISSING", Class::Refused, what);
    error_page(&[sealed, missing("function A"), missing("function B")], 5, &[], &Redactor::new(), false)
}

#[test]
fn an_error_page_is_found_in_a_log_whatever_stands_before_its_lines() {
    let plain = told(&page());
    let [Told { problems, stage: None, .. }] = plain.as_slice() else { panic!("{plain:?}") };
    let codes: Vec<(&str, &str)> =
        problems.iter().map(|problem| (problem.code.as_str(), problem.what.as_str())).collect();
    assert_eq!(
        codes,
        [
            ("LF-VAULT-SEALED", "Vault at https://vault.test is sealed"),
            ("LF-LAMBDA-MISSING", "function A"),
            ("LF-LAMBDA-MISSING", "function B"),
        ]
    );
    assert_eq!(problems[0].cause, ["503"]);
    assert_eq!(problems[0].remedy.as_deref(), Some("have it unsealed"));
    let stamp = |line: &str| format!("2026-11-22T06:00:00.000Z 01O {line}\r\n");
    let stamped = page().lines().map(stamp).collect::<Vec<_>>().concat();
    assert_eq!(told(&format!("$ landfall stage x\n{stamped}ERROR: Job failed: exit code 5\n")), plain);
    let coloured = page().replace("error[", "\u{1b}[31;1merror[").replace("] exit", "] exit\u{1b}[0m");
    assert_eq!(told(&coloured), plain);
}

#[test]
fn lines_of_json_and_reports_are_read() {
    let line = r#"{"level":"error","code":"LF-JIRA-AUTH","message":"no","cause":["401"],"remedy":"renew","changed":[],"exitCode":3}"#;
    let of_line = told(&format!("something\n{line}\nelse\n"));
    assert_eq!(of_line[0].problems[0].told(), "no: 401");
    let run = r#"{"formatVersion":1,"id":"20261122-055148-3f2a","pipeline":"staging","state":"failed","exitCode":5,"environments":["stg_eu00"],
        "commit":"0123456789012345678901234567890123456789","branch":null,"inputs":{},"resumes":null,"startedAt":"2026-11-22T05:51:48Z","durationMs":1,"problems":[],
        "jobs":[{"name":"aws-credentials-staging-eu","ciStage":"deploy-staging","environment":"stg_eu00","stages":["aws-credentials"],
        "state":"failed","mayFail":false,"because":null,"exitCode":5,"tries":1,"startedAt":null,"durationMs":1,"parts":[],
        "problems":[{"code":"LF-VAULT-SEALED","class":"transient","what":"sealed"}]}]}"#;
    let of_run = told(run);
    let [only] = of_run.as_slice() else { panic!("{of_run:?}") };
    assert_eq!(
        (only.job.as_deref(), only.stage.as_deref()),
        (Some("aws-credentials-staging-eu"), Some("aws-credentials"))
    );
}

/// A report of a deployment: each function with the code before and after, its outcome and its reason.
fn deployment(functions: &[(&str, [&str; 2], &str, Option<&str>)]) -> String {
    let state = |code: &str| json!({"codeSha256": code, "image": null, "version": null, "alias": null, "revisionId": format!("{code}-1")});
    let function = |(name, [before, after], outcome, reason): &(&str, [&str; 2], &str, Option<&str>)| {
        json!({"name": name, "environment": "stg_eu00", "before": state(before), "after": state(after), "outcome": outcome,
            "reason": reason, "seconds": 1.0, "calls": {}})
    };
    let functions: Vec<Value> = functions.iter().map(function).collect();
    json!({"formatVersion": 1, "release": "v1.0.0", "environment": "stg_eu00", "functions": functions})
        .to_string()
}

#[test]
fn a_deployment_that_failed_is_told_also_where_all_of_it_was_rolled_back() {
    let problems = |text: &str| {
        let told = told(text);
        let [Told { stage: Some(stage), problems, .. }] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(stage, "deploy-lambda");
        problems.iter().map(|problem| format!("{} {}", problem.code, problem.what)).collect::<Vec<_>>()
    };
    let back = ["a", "a"];
    let failed = deployment(&[("A", back, "failed", Some("InternalError"))]);
    assert_eq!(problems(&failed), ["LF-LAMBDA-FAILED the update of A failed (InternalError)"]);
    let one_failed = deployment(&[
        ("A", back, "rolled-back", Some("LF-LAMBDA-UNSETTLED")),
        ("B", back, "rolled-back", None),
        ("C", back, "unchanged", None),
    ]);
    assert_eq!(
        problems(&one_failed),
        ["LF-LAMBDA-UNSETTLED the update of A failed (LF-LAMBDA-UNSETTLED), and it was rolled back"]
    );
    let by_a_check = deployment(&[("A", back, "rolled-back", None), ("B", back, "rolled-back", None)]);
    assert_eq!(
        problems(&by_a_check),
        [
            "LF-DOCTOR-ROLLED-BACK the deployment was rolled back: A, B went well and run again what ran before"
        ]
    );
    // A rollback of its own leaves a report of the same shape, and went well.
    let of_rollback = deployment(&[("A", ["b", "a"], "rolled-back", None)]);
    assert_eq!(of(of_rollback.as_bytes(), "x").expect_err("nothing failed").0[0].code, "LF-DOCTOR-FROM");
}

#[test]
fn a_secret_on_the_cut_leaves_nothing_of_itself() {
    let redactor = Redactor::new();
    redactor.learn(&Secret::new("hunter2-and-more-of-it"));
    for before in 570..=605 {
        let text = format!("{}hunter2-and-more-of-it", "x".repeat(before));
        let mut problem = Problem::new("LF-X", Class::Refused, text.clone()).with_remedy(text.clone());
        problem.cause.push(text);
        let told = Told { job: None, stage: None, environment: None, problems: vec![problem] };
        let shown = format!("{:?}", told.safe(&redactor));
        assert!(!shown.contains("hun"), "cut {before} characters before it: {shown}");
    }
}

#[test]
fn what_tells_nothing_is_refused() {
    for text in ["", "all is well", "{\"a\": 1}", "error[LF-X", "error[lf-x] exit 2\n  a", "[]"] {
        let refused = of(text.as_bytes(), "job.log").expect_err("nothing is told");
        assert_eq!(refused.0[0].code, "LF-DOCTOR-FROM", "{text}");
    }
    assert_eq!(of(b"{\"stage\": 1}", "report.json").expect_err("no report").0[0].code, "LF-FILE-INVALID");
    let hostile = "error[LF-X] exit 2\n  \u{1b}]0;title\u{7} \u{202e}reversed\n";
    let shown = told(hostile).remove(0).safe(&Redactor::new()).problems[0].what.clone();
    assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{shown:?}");
}
