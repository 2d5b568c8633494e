//! A server that answers from a script, and the check of all requests against the published schemas.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jsonschema::{Draft, Validator};
use landfall_artifacts::ProjectVersion;
use landfall_jira::{Jira, JiraConfig, Known, ReleaseTicket, SearchPauses, ServiceRow, Wanted, label};
use landfall_run::{EffectOutcome, MemoryJournal, RetryPolicy, Run};
use landfall_secret::{Credential, CredentialKind, Origin, Secret};
use landfall_transport::{Http, HttpConfig};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

pub(crate) const TOKEN: &str = "jira-api-token-for-tests";

/// A site, its client, and a run whose journal can be looked at.
pub(crate) struct Site {
    pub(crate) server: MockServer,
    pub(crate) jira: Jira,
    pub(crate) run: Run,
    journal: Arc<MemoryJournal>,
}

impl Site {
    /// A site that answers every request by `answer`, which may keep state.
    pub(crate) async fn new(
        answer: impl Fn(&str, &str, &Request) -> ResponseTemplate + Send + Sync + 'static,
    ) -> Self {
        Self::with(JiraConfig::new("REL", "Release"), answer).await
    }

    pub(crate) async fn with(
        mut config: JiraConfig,
        answer: impl Fn(&str, &str, &Request) -> ResponseTemplate + Send + Sync + 'static,
    ) -> Self {
        let server = MockServer::start().await;
        let respond = move |request: &Request| {
            let method = request.method.to_string();
            let path = request.url.path().trim_start_matches("/rest/api/3").to_owned();
            answer(&method, &path, request)
        };
        Mock::given(any()).respond_with(respond).mount(&server).await;
        config.pauses = SearchPauses {
            before_create: vec![Duration::from_millis(1)],
            patience: vec![Duration::from_millis(1); 3],
        };
        let origin = Origin::parse(&server.uri()).expect("an origin");
        let kind = CredentialKind::Basic { user: "bot@example.com".into(), password: Secret::new(TOKEN) };
        let http =
            Http::new(HttpConfig { idle_timeout: Duration::from_millis(700), ..HttpConfig::default() });
        let site = http.expect("a client").site("jira", &server.uri(), Some(Credential::new(origin, kind)));
        let jira = Jira::new(site.expect("a site"), config).expect("a client");
        let journal = Arc::new(MemoryJournal::default());
        let policy = RetryPolicy { attempts: 2, base: Duration::from_millis(1), ..RetryPolicy::default() };
        let run = Run::builder().retry_policy(policy).journal(journal.clone()).build();
        Self { server, jira, run, journal }
    }

    /// Bodies of the requests of a method whose path ends so.
    pub(crate) async fn bodies(&self, method: &str, path_end: &str) -> Vec<Value> {
        let all = self.server.received_requests().await.expect("recorded");
        let of = all
            .iter()
            .filter(|request| request.method.as_str() == method && request.url.path().ends_with(path_end));
        of.map(|request| serde_json::from_slice(&request.body).unwrap_or(Value::Null)).collect()
    }

    /// What the journal holds: action, target, and how it ended in one word.
    pub(crate) fn journal(&self) -> Vec<String> {
        let records = self.journal.records().into_iter();
        let ended = |outcome: Option<EffectOutcome>| match outcome {
            None => "open",
            Some(EffectOutcome::Done) => "done",
            Some(EffectOutcome::Failed(_)) => "failed",
            Some(EffectOutcome::Unknown(_)) => "unknown",
        };
        records
            .map(|(effect, outcome)| format!("{} {}: {}", effect.action, effect.target, ended(outcome)))
            .collect()
    }

    /// Checks every body that was sent, and that the credential was sent and stands nowhere else.
    pub(crate) async fn check_requests(&self) {
        let specs = Specs::load();
        for request in self.server.received_requests().await.expect("recorded") {
            let sent = request.headers.get("authorization").and_then(|value| value.to_str().ok());
            assert!(sent.is_some_and(|value| value.starts_with("Basic ")), "{}", request.url);
            let body = String::from_utf8_lossy(&request.body);
            assert!(!body.contains(TOKEN) && !request.url.as_str().contains(TOKEN));
            let Some(specs) = &specs else { continue };
            if let Ok(body) = serde_json::from_slice(&request.body) {
                specs.check(request.method.as_str(), request.url.path(), &body);
            }
        }
    }
}

pub(crate) fn created(number: u32) -> ResponseTemplate {
    ResponseTemplate::new(201).set_body_json(json!({
        "id": (10_000 + number).to_string(), "key": format!("REL-{number}"),
        "self": format!("https://your-domain.atlassian.net/rest/api/3/issue/{}", 10_000 + number)
    }))
}

/// What `createmeta` tells, in small pages: the types Task and Release, and the usual fields with some more.
pub(crate) fn create_meta(request: &Request, more: &Value) -> ResponseTemplate {
    let start = request.url.query_pairs().find(|(name, _)| name == "startAt");
    let start: usize = start.and_then(|(_, value)| value.parse().ok()).expect("a start");
    let page = |name: &str, all: &[Value], size: usize| {
        let some: Vec<&Value> = all.iter().skip(start).take(size).collect();
        let body = json!({ name: some, "maxResults": size, "startAt": start, "total": all.len() });
        ResponseTemplate::new(200).set_body_json(body)
    };
    let path = request.url.path();
    if path.ends_with("/issuetypes") {
        let types = [json!({ "id": "10002", "name": "Task" }), json!({ "id": "10001", "name": "Release" })];
        return page("issueTypes", &types, 1);
    }
    assert!(path.ends_with("/issuetypes/10001"), "{path}");
    let bean = |id: &str, kind: &str| {
        json!({ "fieldId": id, "key": id, "name": id, "required": id != "labels", "hasDefaultValue": false,
            "operations": ["set"], "schema": { "type": kind, "system": id } })
    };
    let mut fields = vec![
        bean("project", "project"),
        bean("issuetype", "issuetype"),
        bean("summary", "string"),
        bean("description", "string"),
        bean("labels", "array"),
    ];
    fields.extend(more.as_array().cloned().unwrap_or_default());
    page("fields", &fields, 3)
}

pub(crate) fn no_issue() -> ResponseTemplate {
    ResponseTemplate::new(404).set_body_json(json!({
        "errorMessages": ["Issue does not exist or you do not have permission to see it."], "errors": {}
    }))
}

pub(crate) fn services() -> Vec<ServiceRow> {
    ["orderService", "paymentGateway"]
        .into_iter()
        .map(|name| ServiceRow {
            project: name.parse().expect("a name"),
            version: "1.4.2".parse().expect("a version"),
            before: "1.4.1".parse().ok(),
            lambda: "OrderServiceFunction".parse().ok(),
            digest: Some(landfall_artifacts::Digest::of(name.as_bytes())),
        })
        .collect()
}

/// A ticket of [`services`] with everything that a pipeline knows.
pub(crate) fn ticket() -> ReleaseTicket {
    ReleaseTicket {
        release: "r-6b1f0c2d9e77".parse().expect("a release"),
        region: "eu".parse().expect("a region"),
        environment: "stg_eu00".parse().expect("an environment"),
        services: services(),
        pipeline: Some("https://gitlab.example.com/g/p/-/pipelines/574".into()),
        dashboard: Some("https://example.com/dashboard".into()),
        commits: Some("1a2b3c4..5d6e7f8".into()),
        commits_at: Some("https://gitlab.example.com/g/p/-/compare/1a2b3c4...5d6e7f8".into()),
        branch: Some("main".into()),
    }
}

/// Its label.
pub(crate) fn ticket_label() -> String {
    label(&ticket().release, &ticket().region)
}

/// How it is looked for, where nothing is known of it.
pub(crate) fn wanted<'w>(ticket: &'w ReleaseTicket, projects: &'w [ProjectVersion]) -> Wanted<'w> {
    Wanted { release: &ticket.release, region: &ticket.region, projects, known: Known::Nothing }
}

/// Values that change between answers.
pub(crate) fn shared<T>(value: T) -> Arc<Mutex<T>> {
    Arc::new(Mutex::new(value))
}

/// The published schemas, where the machine has them.
pub(crate) struct Specs {
    adf: Validator,
    bodies: Vec<(&'static str, &'static str, Validator)>,
}

impl Specs {
    /// `None`, said aloud, where `LANDFALL_SPECS` names no folder.
    pub(crate) fn load() -> Option<Self> {
        let Some(folder) = std::env::var_os("LANDFALL_SPECS").map(PathBuf::from) else {
            println!("skipped: LANDFALL_SPECS not set");
            return None;
        };
        let read = |name: &str| -> Value {
            let text = std::fs::read(folder.join(name)).expect("a specification");
            serde_json::from_slice(&text).expect("JSON")
        };
        let build = |schema: &Value| {
            jsonschema::options().with_draft(Draft::Draft4).build(schema).expect("a usable schema")
        };
        let api = read("jira-swagger-v3.json");
        let body = |name: &str| {
            build(&json!({ "$ref": format!("#/components/schemas/{name}"), "components": api["components"] }))
        };
        Some(Self {
            adf: build(&read("adf-schema.full.json")),
            bodies: vec![
                ("POST", "/transitions", body("IssueUpdateDetails")),
                ("POST", "/comment/list", body("IssueCommentListRequestBean")),
                ("POST", "/comment", body("Comment")),
                ("POST", "/search/jql", body("SearchAndReconcileRequestBean")),
                ("POST", "/issue", body("IssueUpdateDetails")),
                ("PUT", "", body("IssueUpdateDetails")),
            ],
        })
    }

    /// Checks a document.
    pub(crate) fn check_adf(&self, document: &Value) {
        if let Err(error) = self.adf.validate(document) {
            panic!("not a document: {error} at {} of {document}", error.instance_path());
        }
    }

    /// Whether a document is one.
    pub(crate) fn takes_adf(&self, document: &Value) -> bool {
        self.adf.is_valid(document)
    }

    /// Whether a body is one of that request.
    pub(crate) fn takes(&self, method: &str, path: &str, body: &Value) -> bool {
        self.schema(method, path).is_valid(body)
    }

    fn schema(&self, method: &str, path: &str) -> &Validator {
        let found = self.bodies.iter().find(|(of, end, _)| *of == method && path.ends_with(end));
        found.map_or_else(|| panic!("no schema for {method} {path}"), |(_, _, schema)| schema)
    }

    fn check(&self, method: &str, path: &str, body: &Value) {
        // The value of a property is any JSON.
        if path.contains("/properties/") {
            return;
        }
        if let Err(error) = self.schema(method, path).validate(body) {
            panic!("{method} {path}: {error} at {}", error.instance_path());
        }
        let fields =
            body.get("fields").and_then(Value::as_object).into_iter().flat_map(|fields| fields.values());
        for document in body.get("body").into_iter().chain(fields).filter(|value| value["type"] == "doc") {
            self.check_adf(document);
        }
    }
}
