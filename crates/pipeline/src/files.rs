//! Which files jobs leave and need of each other; for stages this follows from their table.

use landfall_artifacts::{Settings, Stage};

use crate::check::is_path;
use crate::model::Job;

/// Credentials and logins, which are kept for an hour and seen by nobody.
const SECRET: [&str; 2] = ["aws_auth.env", "docker-config.json"];

/// Whether a file has keys or passwords in it.
pub fn is_secret(file: &str) -> bool {
    SECRET.contains(&file)
}

/// The file or folder of the job's own place that stands for one of the table, where it is one that jobs hand on; `None` for what
/// stands in the repo, in the ledger, or is asked for by a flag.
fn handed_on(file: &str) -> Option<&str> {
    match file {
        "copy-plan.json" | "landfall.toml" | ".env" | "graph.json" => None,
        page if page.starts_with("dashboard/") => Some("dashboard/"),
        "merged-files/<path>" => Some("merged-files/"),
        "promotion-log-<type>.json" => Some("promotion-log-*.json"),
        "<release>/<service>.zip" | "<release>/manifest.json" => Some("dist/release/"),
        repo if repo.starts_with("functions/") || repo.starts_with("configs/") => None,
        ledger if ledger.starts_with("<ledger>") => None,
        other => Some(other),
    }
}

/// What a stage leaves for other jobs.
pub(crate) fn left_by(stage: &Stage) -> Vec<String> {
    let mut files: Vec<String> =
        stage.writes.iter().filter_map(|file| handed_on(file.file)).map(str::to_owned).collect();
    files.dedup();
    files
}

/// The folder of the bytes that a publication replaced: whoever keeps its record keeps them too, since neither goes back without the other.
/// One outside of the job's folder lasts by itself.
pub(crate) fn old_bytes(kept: &[String], settings: &Settings) -> Option<String> {
    let to = settings.sync.keep_old.as_deref()?;
    let is_folder = to != "versions" && !to.starts_with("s3://") && is_path(to);
    let folder = format!("{}/", to.trim_end_matches('/'));
    (is_folder && kept.iter().any(|file| file == "s3-sync-record.json") && !kept.contains(&folder))
        .then_some(folder)
}

/// What a stage cannot do without that other jobs make.
pub(crate) fn needed_by(stage: &Stage) -> Vec<String> {
    let always = stage.reads.iter().filter(|file| !file.optional);
    let mut files: Vec<String> = always.filter_map(|file| handed_on(file.file)).map(str::to_owned).collect();
    files.dedup();
    files
}

/// Whether a stage records in the ledger.
pub(crate) fn records(stage: &Stage) -> bool {
    stage.writes.iter().any(|file| file.file.starts_with("<ledger>"))
}

/// Whether what one job keeps is what another one takes: the same, or a folder and something in it.
pub(crate) fn covers(kept: &str, taken: &str) -> bool {
    let within = |folder: &str, file: &str| folder.ends_with('/') && file.starts_with(folder);
    kept == taken || within(kept, taken) || within(taken, kept)
}

/// Whether a job hands a file on, or a folder that it is in.
pub fn hands_on(job: &Job, file: &str) -> bool {
    job.keeps.iter().chain(&job.hands_over).any(|kept| covers(kept, file))
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::{STAGES, Settings, stage};

    use super::{covers, left_by, needed_by, old_bytes};

    #[test]
    fn files_follow_from_the_table_of_stages() {
        let shown: Vec<String> = STAGES
            .iter()
            .map(|stage| {
                format!("{}: {} -> {}", stage.name, needed_by(stage).join(" "), left_by(stage).join(" "))
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        semantic-versioning:  -> versions.json
        sync-project-versions:  -> 
        generate-versions:  -> versions.json
        build-docker-images: versions.json -> 
        changed-images:  -> changed-images.json
        build-images-dev:  -> lambda-ecr-mappings.json image-lock.json
        build-images-prod:  -> lambda-ecr-mappings.json image-lock.json
        aws-credentials:  -> aws_auth.env
        prepare-docker-config:  -> docker-config.json
        retag-push-ecr: versions.json -> lambda-ecr-mappings.json image-lock.json
        generate-mappings:  -> lambda-ecr-mappings.json versions.json image-lock.json
        deploy-lambda: lambda-ecr-mappings.json -> deploy-report.json
        rollback-lambda:  -> rollback-report.json
        update-version-dashboard: versions.json -> dashboard/
        create-jira-tickets: versions.json -> jira-tickets.json
        transition-jira-tickets: versions.json -> 
        comment-jira-tickets: versions.json -> 
        update-jira-instructions:  -> 
        promote-artifacts: versions.json -> promotion-log-*.json
        package-artifacts:  -> dist/release/
        publish-artifacts: dist/release/ -> 
        merge-configs:  -> merged-files/
        s3-sync:  -> s3-sync-record.json
        list-buckets:  -> 
        smoke-test:  -> 
        gate:  -> 
        cleanup-images:  ->
        ");
        assert!(stage("deploy-lambda").is_some_and(super::records));
    }

    #[test]
    fn old_bytes_are_kept_with_their_record() {
        let told = |keep_old: &str, kept: &[&str]| {
            let mut settings = Settings::default();
            settings.sync.keep_old = Some(keep_old.to_owned());
            let kept: Vec<String> = kept.iter().map(|file| (*file).to_owned()).collect();
            old_bytes(&kept, &settings)
        };
        let record = ["s3-sync-record.json"];
        assert_eq!(told("kept", &record).as_deref(), Some("kept/"));
        assert_eq!(told("old/kept/", &record).as_deref(), Some("old/kept/"));
        assert_eq!(told("kept", &["versions.json"]), None);
        assert_eq!(told("kept", &["s3-sync-record.json", "kept/"]), None, "it is kept already");
        for elsewhere in ["versions", "s3://acme-kept/web", "/var/kept", "../kept"] {
            assert_eq!(told(elsewhere, &record), None, "{elsewhere}");
        }
        assert_eq!(old_bytes(&["s3-sync-record.json".to_owned()], &Settings::default()), None);
    }

    #[test]
    fn a_folder_covers_what_is_in_it() {
        assert!(covers("dist/", "dist/release/") && covers("dist/release/", "dist/") && covers("a", "a"));
        assert!(!covers("dist", "dist/a") && !covers("a/", "ab/"));
    }
}
