//! The page that a person at a red pipeline reads.

use landfall_artifacts::{Class, Problem};
use landfall_secret::Redactor;

/// Renders problems: for each its code, what was attempted and what came back, the chain of causes, what to do next; then what
/// was changed. The first line is stable and greppable. Known secrets are removed; foreign text was escaped by whoever made
/// the problem.
pub fn error_page(
    problems: &[Problem],
    exit_code: u8,
    changed: &[String],
    redactor: &Redactor,
    colour: bool,
) -> String {
    let (bold, red, dim, plain) =
        if colour { ("\u{1b}[1m", "\u{1b}[31m", "\u{1b}[2m", "\u{1b}[0m") } else { ("", "", "", "") };
    let clean = |text: &str| redactor.redact(text);
    let mut page = String::new();
    for alike in grouped(problems) {
        let Some(problem) = alike.first() else { continue };
        page.push_str(&format!("{red}{bold}error[{}]{plain} exit {exit_code}\n", problem.code));
        for line in alike.iter().flat_map(|problem| problem.what.lines()) {
            page.push_str(&format!("  {}\n", clean(line)));
        }
        for (depth, cause) in problem.cause.iter().enumerate() {
            let indent = "  ".repeat(depth.min(4));
            page.push_str(&format!("  {dim}{indent}caused by:{plain} {}\n", clean(cause).replace('\n', " ")));
        }
        if let Some(remedy) = &problem.remedy {
            page.push_str(&format!("  {bold}next:{plain} {}\n", clean(remedy)));
        }
        page.push('\n');
    }
    if changed.is_empty() && problems.iter().any(|problem| problem.class == Class::Unknown) {
        page.push_str("whether something was changed is not known\n");
    } else if changed.is_empty() {
        page.push_str("nothing was changed\n");
    } else {
        page.push_str(&format!("what was changed ({}):\n", changed.len()));
        for line in changed.iter().take(50) {
            page.push_str(&format!("  {}\n", clean(line)));
        }
        if changed.len() > 50 {
            page.push_str(&format!("  and {} more, listed in the report\n", changed.len() - 50));
        }
    }
    page
}

/// The same for machines: one JSON object a line and problem.
pub fn error_lines(problems: &[Problem], exit_code: u8, changed: &[String], redactor: &Redactor) -> String {
    let mut lines = String::new();
    for problem in problems {
        let line = serde_json::json!({
            "level": "error",
            "code": problem.code,
            "message": problem.what,
            "cause": problem.cause,
            "remedy": problem.remedy,
            "changed": changed,
            "exitCode": exit_code,
        });
        lines.push_str(&redactor.redact(&line.to_string()));
        lines.push('\n');
    }
    lines
}

/// Problems that differ in nothing but what they are about, together: one remedy is read once.
fn grouped(problems: &[Problem]) -> Vec<Vec<&Problem>> {
    let mut groups: Vec<Vec<&Problem>> = Vec::new();
    for problem in problems {
        let alike = |other: &&Problem| {
            (&other.code, &other.cause, &other.remedy) == (&problem.code, &problem.cause, &problem.remedy)
        };
        match groups.iter_mut().find(|group| group.first().is_some_and(alike)) {
            Some(group) => group.push(problem),
            None => groups.push(vec![problem]),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::{Class, Problem};
    use landfall_secret::{Redactor, Secret};

    use super::{error_lines, error_page};

    #[test]
    fn a_page_says_code_causes_changes_and_what_to_do() {
        let redactor = Redactor::new();
        redactor.learn(&Secret::new("s3cr3t-token"));
        let mut problem =
            Problem::new("LF-VAULT-LOGIN", Class::Refused, "Vault refused the role id and secret id")
                .with_remedy("check VAULT_ROLE_ID and VAULT_SECRET_ID");
        problem.cause = vec!["400: invalid role or secret ID".into(), "echoed s3cr3t-token".into()];
        let page =
            error_page(&[problem], 3, &["function Orders now runs sha256:ab".into()], &redactor, false);
        insta::assert_snapshot!(page, @r"
        error[LF-VAULT-LOGIN] exit 3
          Vault refused the role id and secret id
          caused by: 400: invalid role or secret ID
            caused by: echoed <redacted>
          next: check VAULT_ROLE_ID and VAULT_SECRET_ID

        what was changed (1):
          function Orders now runs sha256:ab
        ");
    }

    #[test]
    fn machines_get_a_line_a_problem_and_nobody_a_secret() {
        let redactor = Redactor::new();
        redactor.learn(&Secret::new("s3cr3t-token"));
        let problem = Problem::new("LF-X", Class::Unknown, "said s3cr3t-token");
        let lines = error_lines(std::slice::from_ref(&problem), 8, &[], &redactor);
        assert!(lines.contains(r#""code":"LF-X""#) && lines.ends_with("}\n") && !lines.contains("s3cr3t"));
        let page = error_page(&[problem], 8, &[], &redactor, false);
        assert!(page.ends_with("whether something was changed is not known\n"));
    }

    #[test]
    fn problems_of_one_kind_share_their_remedy() {
        let problem = |what: &str| Problem::new("LF-X", Class::Input, what).with_remedy("mend it");
        let other = Problem::new("LF-Y", Class::Input, "c");
        let page = error_page(&[problem("a"), other, problem("b")], 2, &[], &Redactor::new(), false);
        insta::assert_snapshot!(page, @r"
        error[LF-X] exit 2
          a
          b
          next: mend it

        error[LF-Y] exit 2
          c

        nothing was changed
        ");
    }
}
