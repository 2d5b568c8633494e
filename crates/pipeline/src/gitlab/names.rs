//! The names that existing repos include and extend.

use landfall_artifacts::{PartName, Settings};

use crate::definitions::definition;

/// The folder of the templates.
pub(super) const TEMPLATES: &str = "aws/lambda/build-deploy/templates";

/// The variables of all files.
pub(super) const VARIABLES: &str = "common/vars.gitlab-ci.yml";

/// Where versions are made.
pub(super) const VERSIONING: &str = "nx.semantic.versioning.gitlab-ci.yml";

/// The rules of all pipelines, as hidden jobs to extend.
pub(super) const RULES: &str = "rules";

/// The files of templates with the templates in them.
pub(super) const FILES: [(&str, &[&str]); 13] = [
    ("aws-credentials", &[".aws-credentials-template"]),
    ("prepare-docker-config", &[".prepare-docker-config-template"]),
    ("retag-push-ecr", &[".retag-push-ecr-template"]),
    ("deploy-lambda", &[".deploy-lambda-template"]),
    ("generate-mappings", &[".generate-mappings-template"]),
    ("update-version-dashboard", &[".update-version-dashboard-template"]),
    ("create-jira-tickets", &[".create-jira-tickets-template"]),
    (
        "transition-jira-tickets",
        &[
            ".transition-jira-tickets-deploy-pp-template",
            ".transition-jira-tickets-pp-testing-template",
            ".transition-jira-tickets-deploying-template",
            ".transition-jira-tickets-resolved-template",
            ".transition-jira-tickets-closed-template",
        ],
    ),
    (
        "comment-jira-tickets",
        &[".comment-jira-tickets-staging-template", ".comment-jira-tickets-production-template"],
    ),
    ("update-jira-instructions", &[".update_jira_instructions_eu", ".update_jira_instructions_na"]),
    ("promote-artifacts", &[".promote-artifacts-template"]),
    ("promote-to-rc", &[".promote-to-rc-template"]),
    ("promote-to-release", &[".promote-to-release-template"]),
];

/// The file of a template that existing repos know.
pub(super) fn file_of_template(template: &str) -> Option<String> {
    FILES.iter().find(|(_, templates)| templates.contains(&template)).map(|(file, _)| template_path(file))
}

/// The path of a file of templates.
pub(super) fn template_path(file: &str) -> String {
    format!("{TEMPLATES}/{file}.gitlab-ci.yml")
}

/// The file of a pipeline.
pub(super) fn file_of_pipeline(name: &PartName) -> String {
    match name.as_str() {
        "staging" => "aws/lambda/build-deploy/staging-deploy.gitlab-ci.yml".to_owned(),
        "staging-on-demand" => "aws/lambda/build-deploy/staging-on-demand-deploy.gitlab-ci.yml".to_owned(),
        "production" => "aws/lambda/build-deploy/prod-deploy.gitlab-ci.yml".to_owned(),
        "s3-config" => "aws/s3-deploy.yml".to_owned(),
        other => format!("landfall/{other}.gitlab-ci.yml"),
    }
}

/// What the jobs do that extend a template: that of the built-in job which has it.
pub(super) fn job_of_template(template: &str) -> Option<landfall_artifacts::JobSettings> {
    if template == ".promote-artifacts-template" {
        // It goes by SOURCE_BUCKET, TARGET_BUCKET and PROMOTION_TYPE, and so without a preset.
        let mut job = job_of_template(".promote-to-rc-template")?;
        job.arguments = Some(vec!["--strict".to_owned()]);
        job.keeps = Some(vec!["promotion-log-*.json".to_owned(), "versions.json".to_owned()]);
        return Some(job);
    }
    let none = Settings::default();
    ["staging", "staging-on-demand", "production"].into_iter().find_map(|pipeline| {
        let definition = definition(&none, &pipeline.parse().ok()?)?;
        let is_it = |name: &String| {
            *name == template
                || name.strip_suffix("{region}").is_some_and(|start| template.starts_with(start))
        };
        definition.jobs.into_values().find(|job| job.template.as_ref().is_some_and(is_it))
    })
}

#[cfg(test)]
mod tests {
    use super::{FILES, file_of_template, job_of_template};

    #[test]
    fn every_template_has_a_job_of_which_it_is() {
        for template in FILES.iter().flat_map(|(_, templates)| *templates) {
            assert!(job_of_template(template).is_some_and(|job| job.stage.is_some()), "{template}");
            assert!(file_of_template(template).is_some());
        }
        assert_eq!(file_of_template(".other"), None);
    }
}
