//! One committed file of every format and version is read, written back to the same bytes, and fits its schema.

use std::path::{Path, PathBuf};

use landfall_artifacts::{
    AwsAuthEnv, ChangedImages, CopyPlanFile, DeployReport, DeploymentFile, DockerConfig, DotEnv, ImageLock,
    JiraTickets, LedgerCheckpoint, LedgerEvent, Mappings, Notification, PackageJson, PipelinePlan,
    ProjectJson, PromotionLog, QueuedNotification, ReleaseManifest, Report, RunReport, STAGES, Settings,
    Versions, schemas,
};
use serde_json::Value;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/v1").join(name)
}

fn schema(name: &str) -> Value {
    schemas().into_iter().find(|(n, _)| *n == name).expect("a schema").1
}

fn assert_fits(schema_name: &str, value: &Value) {
    let validator = jsonschema::validator_for(&schema(schema_name)).expect("a valid schema");
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{schema_name}: {errors:#?}");
}

fn assert_refused(schema_name: &str, value: &Value) {
    let validator = jsonschema::validator_for(&schema(schema_name)).expect("a valid schema");
    assert!(!validator.is_valid(value), "{schema_name} accepts {value}");
}

macro_rules! same_bytes {
    ($($type:ident $file:literal $schema:literal),+ $(,)?) => {
        #[test]
        fn samples_are_read_and_written_to_the_same_bytes() {
            $(
                let bytes = std::fs::read(sample($file)).expect("a sample");
                let read = $type::read(&sample($file)).expect($file);
                assert_eq!(String::from_utf8_lossy(&read.to_bytes()), String::from_utf8_lossy(&bytes), $file);
                let value: Value = serde_json::from_slice(&bytes).expect("JSON");
                assert_fits($schema, &value);
                assert_refused($schema, &Value::Array(Vec::new()));
                let folder = tempfile::tempdir().expect("a folder");
                let written = read.write(&folder.path().join($file)).expect("written");
                assert_eq!(written.size_bytes, bytes.len() as u64);
            )+
        }

        #[test]
        fn no_reader_panics_on_a_damaged_sample() {
            $(
                let bytes = std::fs::read(sample($file)).expect("a sample");
                for position in 0..bytes.len() {
                    let _ = $type::parse(&bytes[..position], "cut");
                    for byte in [b'"', b'0', 0xff] {
                        let mut damaged = bytes.clone();
                        damaged[position] = byte;
                        if let Ok(read) = $type::parse(&damaged, "damaged") {
                            let again = $type::parse(&read.to_bytes(), "again").expect("what is written is valid");
                            assert_eq!(again, read);
                        }
                    }
                }
            )+
        }
    };
}

same_bytes!(
    Versions "versions.json" "versions",
    Mappings "lambda-ecr-mappings.json" "lambda-ecr-mappings",
    PromotionLog "promotion-log.json" "promotion-log",
    CopyPlanFile "copy-plan.json" "copy-plan",
    ChangedImages "changed-images.json" "changed-images",
    ImageLock "image-lock.json" "image-lock",
    PipelinePlan "pipeline-plan.json" "pipeline-plan",
    JiraTickets "jira-tickets.json" "jira-tickets",
    ReleaseManifest "manifest.json" "release-manifest",
    DeployReport "deploy-report.json" "deploy-report",
    Report "report.json" "report",
    RunReport "run-report.json" "run-report",
    LedgerEvent "ledger-event.json" "ledger-event",
    LedgerCheckpoint "ledger-checkpoint.json" "ledger-checkpoint",
    Notification "notification.json" "notification",
    QueuedNotification "queued-notification.json" "queued-notification",
);

#[test]
fn samples_of_other_formats_are_read() {
    let json = |file: &str| {
        serde_json::from_slice::<Value>(&std::fs::read(sample(file)).expect("a sample")).expect("JSON")
    };

    let config = DockerConfig::read(&sample("docker-config.json")).expect("valid");
    assert_eq!(config.hosts().count(), 2);
    assert_fits("docker-config", &json("docker-config.json"));
    let folder = tempfile::tempdir().expect("a folder");
    config.write(&folder.path().join("c.json")).expect("written");
    assert_eq!(
        std::fs::read(folder.path().join("c.json")).expect("read"),
        std::fs::read(sample("docker-config.json")).expect("read")
    );

    let project = ProjectJson::read(&sample("project.json")).expect("valid");
    assert_eq!(project.implicit_dependencies, ["shared"]);
    assert_fits("project", &json("project.json"));
    let package = PackageJson::read(&sample("package.json")).expect("valid");
    assert_eq!(package.version.map(|v| v.to_string()).as_deref(), Some("1.4.2"));
    assert_fits("package", &json("package.json"));

    let deployment = DeploymentFile::read(&sample("deployment")).expect("valid");
    assert_eq!(deployment.lambda.as_str(), "OrderServiceFunction");

    let credentials = AwsAuthEnv::read(&sample("aws_auth.env")).expect("valid");
    credentials.write(&folder.path().join("a.env")).expect("written");
    assert_eq!(
        std::fs::read(folder.path().join("a.env")).expect("read"),
        std::fs::read(sample("aws_auth.env")).expect("read")
    );
    assert!(DotEnv::read(&sample("dot.env")).expect("valid").registry_host().is_some());

    // Read and written back by the crate that they belong to.
    for (schema, file) in [("sync-manifest", "sync-manifest.json"), ("s3-sync-record", "s3-sync-record.json")]
    {
        assert_fits(schema, &json(file));
        assert_refused(schema, &Value::Array(Vec::new()));
    }

    let settings = Settings::read(&sample("landfall.toml"), &[]).expect("valid");
    assert_eq!(settings.environments.len(), 2);
    let text = std::fs::read_to_string(sample("landfall.toml")).expect("a sample");
    let table: toml::Table = toml::from_str(&text).expect("TOML");
    assert_fits("landfall", &serde_json::to_value(table).expect("JSON"));
}

#[test]
fn schemas_refuse_what_readers_refuse() {
    let json = |file: &str| {
        serde_json::from_slice::<Value>(&std::fs::read(sample(file)).expect("a sample")).expect("JSON")
    };
    for (name, file, pointer, wrong) in [
        ("versions", "versions.json", "/orderService/folder", "../x"),
        ("versions", "versions.json", "/orderService/version", "v1.4.2"),
        ("copy-plan", "copy-plan.json", "/images/0/state", "gone"),
        ("copy-plan", "copy-plan.json", "/blobs/0/way", "carry"),
        ("changed-images", "changed-images.json", "/images/0/causes/0/how", "magic"),
        ("changed-images", "changed-images.json", "/base", "main"),
        ("image-lock", "image-lock.json", "/formatVersion", "1"),
        ("image-lock", "image-lock.json", "/images/0/digest", "sha256:ABC"),
        ("image-lock", "image-lock.json", "/images/0/environment", "a b"),
        ("release-manifest", "manifest.json", "/artifacts/0/sha256", "47DEQpj8HBSa"),
        ("release-manifest", "manifest.json", "/artifacts/0/key", "v1.0.0//x.zip"),
        ("report", "report.json", "/outcome", "fine"),
        ("report", "report.json", "/startedAt", "7"),
        ("run-report", "run-report.json", "/id", "latest"),
        ("run-report", "run-report.json", "/jobs/0/state", "fine"),
        ("ledger-event", "ledger-event.json", "/kind", "party"),
        ("notification", "notification.json", "/id", "1"),
        ("queued-notification", "queued-notification.json", "/target", "A B"),
        ("sync-manifest", "sync-manifest.json", "/formatVersion", "1"),
        ("sync-manifest", "sync-manifest.json", "/objects/features~1eu.json/sha256", "sha256:ca97"),
        ("sync-manifest", "sync-manifest.json", "/objects/features~1eu.json/headers", "x"),
        ("s3-sync-record", "s3-sync-record.json", "/address", "bucket/web"),
        ("s3-sync-record", "s3-sync-record.json", "/keptIn", "nowhere"),
        ("s3-sync-record", "s3-sync-record.json", "/changes/0/after/sha256", "ca97"),
        ("lambda-ecr-mappings", "lambda-ecr-mappings.json", "/OrderServiceFunction", "-x"),
        ("jira-tickets", "jira-tickets.json", "/tickets/0/key", "REL 24"),
    ] {
        let mut value = json(file);
        *value.pointer_mut(pointer).expect(pointer) = Value::from(wrong);
        if pointer == "/startedAt" {
            *value.pointer_mut(pointer).expect(pointer) = Value::from(7);
        }
        assert_refused(name, &value);
    }
    let mut without = json("image-lock.json");
    without.as_object_mut().expect("an object").remove("formatVersion");
    assert_refused("image-lock", &without);
}

#[test]
fn another_format_version_is_refused_by_name() {
    let text = std::fs::read_to_string(sample("report.json")).expect("a sample");
    let newer =
        text.replace("\"formatVersion\": 1", "\"formatVersion\": 2").replace("\"stage\"", "\"phase\"");
    let errors = Report::parse(newer.as_bytes(), "report.json").expect_err("refused").to_string();
    assert_eq!(
        errors,
        "report.json: found formatVersion 2, expected formatVersion 1: read it with the Landfall that wrote it"
    );
}

#[test]
fn the_table_of_stages_names_files_of_these_formats() {
    let known = [
        "landfall.toml",
        ".env",
        "functions/<folder>/project.json",
        "functions/<folder>/package.json",
        "functions/<folder>/CHANGELOG.md",
        "functions/<folder>/.deployment",
        "versions.json",
        "aws_auth.env",
        "docker-config.json",
        "lambda-ecr-mappings.json",
        "copy-plan.json",
        "graph.json",
        "changed-images.json",
        "configs/<path>",
        "merged-files/<path>",
        "image-lock.json",
        "functions/<folder>/dist",
        "<release>/manifest.json",
        "<release>/<service>.zip",
        "deploy-report.json",
        "rollback-report.json",
        "dashboard/index.html",
        "dashboard/pages/<page>",
        "jira-tickets.json",
        "promotion-log-<type>.json",
        "merged-files",
        "s3-sync-record.json",
        "<ledger>/<sequence>.json",
    ];
    for file in STAGES.iter().flat_map(|stage| stage.reads.iter().chain(stage.writes)) {
        assert!(known.contains(&file.file), "{}", file.file);
    }
}
