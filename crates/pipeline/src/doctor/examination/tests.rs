use landfall_artifacts::{Class, Problem};
use proptest::prelude::*;

use super::{Examination, Seen, Verdict};
use crate::doctor::{Evidence, TREES, tree};

fn problem(code: &str, what: &str) -> Problem {
    Problem::new(code, Class::Refused, what)
}

fn good() -> Seen {
    Seen::Looked { at: "seen".to_owned(), problems: Vec::new() }
}

fn bad(code: &str, what: &str) -> Seen {
    Seen::Looked { at: "seen".to_owned(), problems: vec![problem(code, what)] }
}

/// Each check with one word for how it went, and the failure it found.
fn walked(stage: &str, mut see: impl FnMut(Evidence) -> Seen) -> Vec<String> {
    let mut examination = Examination::new(tree(stage));
    while let Some(next) = examination.next() {
        let seen = see(next);
        examination.saw(next, seen);
    }
    examination
        .findings()
        .into_iter()
        .map(|finding| match finding.verdict {
            Verdict::Good { .. } => format!("{} good", finding.check.id),
            Verdict::Failed { found, .. } => {
                let names: Vec<&str> =
                    found.iter().map(|named| named.failure.map_or("?", |failure| failure.id)).collect();
                format!("{} failed: {}", finding.check.id, names.join(", "))
            }
            Verdict::NotReached { after } => format!("{} after {after}", finding.check.id),
            Verdict::Skipped { .. } => format!("{} skipped", finding.check.id),
        })
        .collect()
}

#[test]
fn one_login_answers_several_checks() {
    let walked = walked("aws-credentials", |evidence| match evidence {
        Evidence::Session => {
            bad("LF-VAULT-DENIED", "Vault denied the request for AWS keys at aws/sts/deployer")
        }
        _ => good(),
    });
    insta::assert_snapshot!(walked.join("\n"), @r"
    settings good
    login-settings good
    vault good
    wrapping good
    login good
    policy failed: vault-policy-denies
    role after policy
    sts after role
    account after sts
    ");
}

#[test]
fn what_a_failed_check_hides_is_not_looked_at() {
    let mut asked = Vec::new();
    let walked = walked("deploy-lambda", |evidence| {
        asked.push(evidence);
        match evidence {
            Evidence::Keys => bad("LF-AWS-KEYS", "there are no AWS credentials"),
            Evidence::Environment => Seen::Skipped { why: "offline".to_owned() },
            _ => good(),
        }
    });
    insta::assert_snapshot!(walked.join("\n"), @r"
    settings good
    environment-free skipped
    release good
    plan good
    keys failed: aws-keys-missing
    account after keys
    plan-fits after account
    images after plan-fits
    functions after plan-fits
    fit after functions
    approvals after plan-fits
    stage after images
    settled after functions
    ");
    assert!(!asked.contains(&Evidence::DryRun) && !asked.contains(&Evidence::Identity));
}

#[test]
fn several_things_at_once_are_all_told_and_what_nobody_knows_is_the_stages() {
    let found = vec![
        problem("LF-LAMBDA-MISSING", "function A does not exist"),
        problem("LF-ECR-TAG-MISSING", "tag b"),
        problem("LF-LAMBDA-ARCHITECTURE", "function C runs on arm64"),
        problem("LF-STRANGE", "nobody knows"),
    ];
    let walked = walked("deploy-lambda", |evidence| match evidence {
        Evidence::DryRun => Seen::Looked { at: "seen".to_owned(), problems: found.clone() },
        _ => good(),
    });
    insta::assert_snapshot!(walked.join("\n"), @r"
    settings good
    environment-free good
    release good
    plan good
    keys good
    account good
    plan-fits good
    images failed: image-not-in-ecr
    functions failed: function-missing
    fit failed: architecture-differs
    approvals good
    stage failed: ?
    settled after functions
    ");
}

proptest! {
    /// For any tree and any outcome of its looks: it ends, no look is taken twice, none that only failed checks lead to, every problem is told
    /// once, and nothing is called good behind a check that failed.
    #[test]
    fn every_walk_ends_and_tells_everything(which in 0..TREES.len(), outcomes in prop::collection::vec(0..4_u8, 20)) {
        let (stage, tree) = TREES[which];
        let codes = ["LF-FILE-MISSING", "LF-AWS-DENIED", "LF-VAULT-SEALED"];
        let mut examination = Examination::new(tree);
        let mut taken = Vec::new();
        let mut problems = 0;
        while let Some(next) = examination.next() {
            prop_assert!(!taken.contains(&next), "{stage}: {next:?} twice");
            let outcome = outcomes[taken.len() % outcomes.len()];
            let seen = match outcome {
                0 | 1 => good(),
                2 => Seen::Skipped { why: "offline".to_owned() },
                _ => bad(codes[taken.len() % codes.len()], "versions.json"),
            };
            problems += usize::from(outcome == 3);
            taken.push(next);
            examination.saw(next, seen);
        }
        let findings = examination.findings();
        prop_assert_eq!(findings.len(), tree.len());
        let mut told = 0;
        let mut closed = Vec::new();
        for finding in &findings {
            let blocked = finding.check.after.iter().any(|id| closed.contains(id));
            match &finding.verdict {
                Verdict::Failed { found, .. } => {
                    told += found.len();
                    closed.push(finding.check.id);
                }
                Verdict::NotReached { after } => {
                    prop_assert!(closed.contains(after));
                    closed.push(finding.check.id);
                }
                Verdict::Good { .. } | Verdict::Skipped { .. } => prop_assert!(!blocked),
            }
        }
        prop_assert_eq!(told, problems);
    }
}
