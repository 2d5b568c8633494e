//! The search proves itself on planted secrets: every encoding in every place, through the same harness that all tests run on.

use landfall_sandbox::leaks::{Canary, Encoding, Finder};
use landfall_sandbox::{RELEASE_BUCKET, Service};
use landfall_secret::{Redactor, Secret};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::canaries::secret_variables;
use crate::world::World;

/// Where the stage `leaks` puts its text, and how the search names that place.
const SINKS: [(&str, &str); 9] = [
    ("stdout", "standard output: "),
    ("stderr", "standard error: "),
    ("panic", "standard error: "),
    ("report", "home/reports/"),
    ("file", "repo/left.txt: "),
    ("ledger", "repo/.landfall/ledger/left.jsonl: "),
    ("temporary-file", "home/tmp/left.txt: "),
    ("child-environment", "LEFT of sh: "),
    ("child-arguments", "arguments of sh: "),
];

impl World {
    /// A new secret of this world alone, with a character for each encoding to write in another way.
    fn canary(&mut self) -> String {
        let random: String = std::iter::repeat_with(fastrand::alphanumeric).take(30).collect();
        let canary = format!("k\"'&<% \\~${random}");
        self.further_secrets = vec![canary.clone()];
        canary
    }

    async fn leaks_of(&self, words: &[&str]) -> Vec<String> {
        self.start(words, None).await.end_with_leaks().await.1
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_encoding_is_found_in_every_place_that_a_stage_writes_to() {
    let mut world = World::small().await;
    assert!(world.leaks_of(&["leaks", "--to", "stdout"]).await.is_empty(), "nothing is planted yet");
    for encoding in Encoding::ALL {
        for (number, (sink, place)) in SINKS.into_iter().enumerate() {
            let spellings = encoding.spellings(&world.canary());
            let text = spellings.get(number % spellings.len()).expect("there is one");
            world.unset("LEAK");
            world.unset("LEAK_SHOWN");
            world.set(if sink == "report" { "LEAK_SHOWN" } else { "LEAK" }, text);
            let leaks = world.leaks_of(&["leaks", "--to", sink]).await;
            assert!(
                matches!(&leaks[..], [leak] if leak.starts_with(place) && leak.contains("a secret of the test")),
                "{encoding:?} in {sink}: {leaks:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_in_a_ticket_its_comments_and_a_bucket_is_found() {
    let mut world = World::small().await;
    world.has_versions();
    for encoding in Encoding::ALL {
        for spelling in encoding.spellings(&world.canary()) {
            world.sandbox.s3.put(RELEASE_BUCKET, "left", spelling);
            let leaks = world.leaks_of(&["generate-versions"]).await;
            assert_eq!(leaks.len(), 1, "{encoding:?}: {leaks:?}");
        }
    }
    let secret = "a-part-of-an-address-0123456789";
    world.further_secrets = vec![secret.to_owned()];
    world.set("CI_PIPELINE_URL", &format!("https://gitlab.example.com/-/pipelines/{secret}"));
    let leaks = world.leaks_of(&["create-jira-tickets"]).await;
    assert!(leaks.iter().any(|leak| leak.starts_with("ticket ")), "{leaks:?}");
    assert!(leaks.iter().any(|leak| leak.starts_with("the body of request ")), "{leaks:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_was_sent_is_found() {
    let mut world = World::small().await;
    for encoding in Encoding::ALL {
        for spelling in encoding.spellings(&world.canary()) {
            for (service, target) in [
                (Service::Jira, "/rest/api/3/issue/REL-1/comment"),
                (Service::S3, "/acme-releases/key"),
                (Service::Lambda, "/2015-03-31/functions/OrderServiceFunction/configuration"),
            ] {
                post(&world, service, target, "x-note: nothing", &spelling).await;
            }
            let leaks = world.leaks_of(&["leaks", "--to", "stdout"]).await;
            let of_bodies = leaks.iter().filter(|leak| leak.starts_with("the body of request"));
            assert_eq!((of_bodies.count(), leaks.len()), (3, 3), "{encoding:?}: {leaks:?}");
        }
    }
    let token = world.sandbox.env()["JIRA_TOKEN"].clone();
    for service in Service::ALL {
        let target = format!("/x?token={token}");
        post(&world, service, &target, &format!("authorization: Bearer {token}"), "").await;
        let leaks = world.leaks_of(&["leaks", "--to", "stdout"]).await;
        let wanted = if service == Service::Jira { 1 } else { 2 };
        assert_eq!(leaks.len(), wanted, "{service:?}: {leaks:?}");
    }
}

/// GitLab's variables are a place for keys: the value of the right variable, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_variable_of_gitlab_may_hold_its_own_key_alone() {
    let mut world = World::small().await;
    world.has_aws_keys();
    let key = world.variables["AWS_SECRET_ACCESS_KEY"].clone();
    let jira = world.variables["JIRA_TOKEN"].clone();
    let body = |name: &str, value: &str, more: &str| {
        serde_json::json!({"key": name, "value": value, "description": more}).to_string()
    };
    for (service, body, leaks) in [
        (Service::GitLab, body("AWS_SECRET_ACCESS_KEY", &key, ""), 0),
        (Service::GitLab, body("AWS_SECRET_ACCESS_KEY", &format!("key {key}"), ""), 1),
        (Service::GitLab, body("AWS_SECRET_ACCESS_KEY", "none", &key), 1),
        (Service::GitLab, body("NOTES", &key, ""), 1),
        (Service::GitLab, body("AWS_SECRET_ACCESS_KEY", &jira, ""), 1),
        (Service::Jira, body("AWS_SECRET_ACCESS_KEY", &key, ""), 1),
    ] {
        post(&world, service, "/api/v4/projects/574/variables", "x-note: nothing", &body).await;
        let found = world.leaks_of(&["leaks", "--to", "stdout"]).await;
        assert_eq!(found.len(), leaks, "{service:?}: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_for_secrets_may_hold_its_own_alone() {
    let mut world = World::small().await;
    for (name, leaks) in [("AWS_SECRET_ACCESS_KEY", 0), ("JIRA_TOKEN", 1), ("ARTIFACTORY_PASS", 1)] {
        world.has_aws_keys();
        let secret = world.variables.get(name).expect("it is set").clone();
        world.set("LEAK", &secret);
        let found = world.leaks_of(&["leaks", "--to", "secret-file"]).await;
        assert_eq!(found.len(), leaks, "{name}: {found:?}");
    }
}

/// The redactor and the search, which share nothing, held against each other: what the one has cleaned the other finds nothing in. How many
/// of an encoding's spellings the redactor knows stands here; the rest is nobody's habit.
#[test]
fn the_redactor_knows_all_eight_encodings() {
    let secret = "k\"9'&<% \\~$Zq7-Kd83hfPq02LmX";
    let finder = Finder::new([Canary::new("SECRET", secret)]);
    let redactor = Redactor::new();
    redactor.learn(&Secret::new(secret));
    for encoding in Encoding::ALL {
        let known = match encoding {
            Encoding::Plain => 1,
            // Not with every character as a number.
            Encoding::Json | Encoding::Percent | Encoding::Base64 | Encoding::Base64Url => 3,
            // Not with signs between the bytes.
            Encoding::Hex => 2,
            // Not with every sign as a number.
            Encoding::Html => 1,
            Encoding::Shell => 3,
        };
        for spelling in encoding.spellings(secret).iter().take(known) {
            for text in [spelling.clone(), format!("before {spelling} after")] {
                let clean = redactor.redact(&text);
                assert!(finder.find(clean.as_bytes()).is_empty(), "{encoding:?}: {text}: {clean}");
            }
        }
    }
}

/// Sends a request as it is.
async fn post(world: &World, service: Service, target: &str, header: &str, body: &str) {
    let host = world.sandbox.host(service);
    let mut stream = TcpStream::connect(&host).await.expect("it listens");
    let length = body.len();
    let text = format!(
        "POST {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n{header}\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes()).await.expect("it is sent");
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_secret_variable_is_looked_for() {
    let mut world = World::small().await;
    let names = secret_variables();
    for name in ["VAULT_SECRET_ID", "JIRA_TOKEN", "ARTIFACTORY_PASS", "AWS_SESSION_TOKEN", "GITLAB_TOKEN"] {
        assert!(names.contains(&name), "{name} is an option of some stage");
    }
    for name in names.into_iter().chain(["NPM_TOKEN", "SERVICE_PASSWORD"]) {
        let value = format!("canary-in-{name}");
        world.set(name, &value);
        let found = world.canaries().iter().any(|canary| canary.value == value);
        assert_eq!(found, name != "AWS_ACCESS_KEY_ID", "{name}");
    }
    world.set("DOCKER_AUTH_CONFIG", r#"{"auths": {"a.test": {"auth": "bWU6aHVzaC1odXNo"}}}"#);
    let of_docker: Vec<_> =
        world.canaries().into_iter().filter(|canary| canary.name == "DOCKER_AUTH_CONFIG").collect();
    assert!(matches!(&of_docker[..], [one] if one.value == "hush-hush"), "{of_docker:?}");
}
