//! Expressions of GitHub Actions, and texts that are none.

use landfall_artifacts::EnvironmentName;

/// A text of which GitHub reads nothing as an expression: `${{` is put together when it runs, from `$` and a text of two braces.
pub(super) fn literal(text: &str) -> String {
    text.replace("${{", "$${{ '{{' }}")
}

/// Whether `TARGET_DEPLOY_ENVIRONMENTS` names an environment: with the beginning, the end, a comma or a space around it. GitHub's
/// `contains` takes upper and lower case for the same; the job that looks at the names does not.
pub(super) fn names(environment: &EnvironmentName) -> String {
    let list = "format(',{0},', inputs.TARGET_DEPLOY_ENVIRONMENTS)";
    let ways = [(',', ','), (',', ' '), (' ', ','), (' ', ' ')];
    let one = |(before, after): (char, char)| format!("contains({list}, '{before}{environment}{after}')");
    format!("({})", ways.map(one).join(" || "))
}

/// What a job is called where GitHub only takes letters, digits, `_` and `-`.
pub(super) fn id(name: &str) -> String {
    name.replace('.', "-")
}

#[cfg(test)]
mod tests {
    use super::{literal, names};

    #[test]
    fn a_text_is_no_expression() {
        assert_eq!(literal("a ${{ secrets.X }} $${{"), "a $${{ '{{' }} secrets.X }} $$${{ '{{' }}");
        assert_eq!(literal("$ {{ }}"), "$ {{ }}");
        assert!(names(&"prod_eu00".parse().expect("a name")).contains("',prod_eu00,'"));
    }
}
