use axum::Router;
use serde_json::{Value, json};

use super::*;
use crate::test_call::{Answer, call, signed};

const ACCOUNT: &str = "111122223333";
const OLD: &str = "127.0.0.1:5000/team/api:1";
const NEW: &str = "127.0.0.1:5000/team/api:2";
const HOUR: Duration = Duration::from_secs(3600);

fn digest(of: &str) -> String {
    hex_digest(of.as_bytes())
}

fn images() -> ImageLookup {
    Arc::new(|uri: &str| match uri {
        OLD | NEW => ImageFacts::Image { digest: digest(uri), architecture: "amd64".to_owned() },
        "127.0.0.1:5000/team/api:arm" => {
            ImageFacts::Image { digest: digest(uri), architecture: "arm64".to_owned() }
        }
        "127.0.0.1:5000/team/api:index" => ImageFacts::Index,
        _ => ImageFacts::Missing,
    })
}

struct Bench {
    lambda: Arc<Lambda>,
    issued: Arc<Issued>,
    router: Router,
    headers: Vec<(&'static str, String)>,
}

impl Bench {
    fn new(config: LambdaConfig) -> Self {
        let issued = Arc::new(Issued::default());
        let lambda = Lambda::new(config, Arc::clone(&issued), images());
        lambda.create_function("api", "x86_64", OLD);
        let arn = "arn:aws:sts::111122223333:assumed-role/Deployer/test";
        let headers = signed(&issued.temporary(ACCOUNT, arn, HOUR), "eu-west-1", "lambda");
        Self { router: lambda.router(), lambda, issued, headers }
    }

    async fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let mut headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers.push(("content-type", "application/json"));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        call(&self.router, method, &format!("/2015-03-31/functions{path}"), &headers, &body).await
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.send("GET", path, &Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        answer.json()
    }

    async fn update(&self, body: &Value) -> Value {
        let answer = self.send("PUT", "/api/code", body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json()
    }
}

fn error(answer: &Answer) -> (u16, String, String) {
    let json = answer.json();
    let text =
        json.get("Message").or(json.get("message")).and_then(Value::as_str).unwrap_or_default().to_owned();
    (answer.status.as_u16(), answer.header("x-amzn-errortype").to_owned(), text)
}

#[tokio::test]
async fn an_update_takes_its_time_and_then_runs_the_new_digest() {
    let bench = Bench::new(LambdaConfig::default());
    bench.lambda.settle_after("api", HOUR);
    let begun = bench.update(&json!({"ImageUri": NEW})).await;
    assert_eq!(
        (&begun["LastUpdateStatus"], &begun["LastUpdateStatusReasonCode"]),
        (&json!("InProgress"), &json!("Creating"))
    );
    let during = bench.get("/api").await;
    assert_eq!(during["Configuration"]["LastUpdateStatus"], "InProgress");
    assert_eq!(during["Configuration"]["State"], "Active");
    assert_eq!(during["Code"]["ResolvedImageUri"], format!("127.0.0.1:5000/team/api@{}", digest(OLD)));
    for (method, path) in [("PUT", "/api/code"), ("POST", "/api/versions")] {
        let body = if method == "PUT" { json!({"ImageUri": NEW}) } else { json!({}) };
        let (status, kind, text) = error(&bench.send(method, path, &body).await);
        assert_eq!((status, kind.as_str()), (409, "ResourceConflictException"));
        assert_eq!(
            text,
            "The operation cannot be performed at this time. An update is in progress for resource: arn:aws:lambda:eu-west-1:111122223333:function:api"
        );
    }
    assert_eq!(bench.lambda.running_digest("api"), Some(digest(OLD)));

    let bench = Bench::new(LambdaConfig::default());
    bench.update(&json!({"ImageUri": NEW})).await;
    let after = bench.get("/api").await;
    assert_eq!(after["Configuration"]["LastUpdateStatus"], "Successful");
    assert_eq!(after["Configuration"]["CodeSha256"], digest(NEW).trim_start_matches("sha256:"));
    assert_eq!(
        after["Code"],
        json!({"RepositoryType": "ECR", "ImageUri": NEW,
        "ResolvedImageUri": format!("127.0.0.1:5000/team/api@{}", digest(NEW))})
    );
    assert!(bench.get("/api/configuration").await.get("Code").is_none());
    assert_eq!(
        (bench.lambda.running_digest("api"), bench.lambda.calls("UpdateFunctionCode")),
        (Some(digest(NEW)), 1)
    );
}

#[tokio::test]
async fn a_failed_update_tells_its_reason_and_leaves_the_old_code() {
    let bench = Bench::new(LambdaConfig { show_pending_code: true, ..LambdaConfig::default() });
    bench.lambda.fail_next(
        "api",
        "ImageAccessDenied",
        "Lambda does not have permission to access the ECR image.",
    );
    bench.update(&json!({"ImageUri": NEW})).await;
    let after = bench.get("/api").await;
    assert_eq!(after["Configuration"]["LastUpdateStatus"], "Failed");
    assert_eq!(after["Configuration"]["LastUpdateStatusReasonCode"], "ImageAccessDenied");
    assert_eq!(bench.lambda.running_digest("api"), Some(digest(OLD)));
    bench.update(&json!({"ImageUri": NEW})).await;
    assert_eq!(bench.get("/api").await["Configuration"]["LastUpdateStatus"], "Successful");
}

#[tokio::test]
async fn code_on_its_way_is_shown_early_only_where_asked_for() {
    let bench = Bench::new(LambdaConfig { show_pending_code: true, ..LambdaConfig::default() });
    bench.lambda.settle_after("api", HOUR);
    bench.update(&json!({"ImageUri": NEW})).await;
    assert_eq!(bench.get("/api").await["Code"]["ImageUri"], NEW);
    assert_eq!(bench.lambda.running_digest("api"), Some(digest(OLD)));
}

#[tokio::test]
async fn bad_updates_are_refused_and_change_nothing() {
    let bench = Bench::new(LambdaConfig {
        registry_host: Some("127.0.0.1:5000".to_owned()),
        ..LambdaConfig::default()
    });
    bench.lambda.create_zip_function("old", "x86_64");
    let gone = "127.0.0.1:5000/team/api:gone";
    let index = "127.0.0.1:5000/team/api:index";
    for (path, body, status, kind, part) in [
        (
            "/api/code",
            json!({"ImageUri": gone}),
            400,
            "InvalidParameterValueException",
            format!("Source image {gone} does not exist. Provide a valid source image."),
        ),
        (
            "/api/code",
            json!({"ImageUri": index}),
            400,
            "InvalidParameterValueException",
            format!(
                "The image manifest, config or layer media type for the source image {index} is not supported."
            ),
        ),
        (
            "/api/code",
            json!({"ImageUri": "127.0.0.1:5000/team/api:arm"}),
            400,
            "InvalidParameterValueException",
            "architecture".to_owned(),
        ),
        (
            "/api/code",
            json!({"ImageUri": "other/team/api:1"}),
            400,
            "InvalidParameterValueException",
            "is not valid".to_owned(),
        ),
        (
            "/api/code",
            json!({"ImageUri": NEW, "RevisionId": "no"}),
            412,
            "PreconditionFailedException",
            "Revision Id".to_owned(),
        ),
        ("/api/code", json!({}), 400, "InvalidParameterValueException", "source".to_owned()),
        (
            "/api/code",
            json!({"ImageUri": NEW, "Force": true}),
            400,
            "InvalidRequestContentException",
            "Force".to_owned(),
        ),
        (
            "/api/code",
            json!({"ImageUri": NEW, "Publish": "yes"}),
            400,
            "InvalidParameterValueException",
            "Publish".to_owned(),
        ),
        (
            "/api:1/code",
            json!({"ImageUri": NEW}),
            400,
            "InvalidParameterValueException",
            "$LATEST".to_owned(),
        ),
        (
            "/old/code",
            json!({"ImageUri": NEW}),
            400,
            "InvalidParameterValueException",
            "packageType Zip".to_owned(),
        ),
        (
            "/no/code",
            json!({"ImageUri": NEW}),
            404,
            "ResourceNotFoundException",
            "Function not found: arn:aws:lambda:eu-west-1:111122223333:function:no".to_owned(),
        ),
        ("/a%20b/code", json!({"ImageUri": NEW}), 400, "ValidationException", "functionName".to_owned()),
    ] {
        let got = error(&bench.send("PUT", path, &body).await);
        assert!(got.0 == status && got.1 == kind && got.2.contains(&part), "{path} {body}: {got:?}");
    }
    let dry = bench.update(&json!({"ImageUri": NEW, "DryRun": true})).await;
    assert_eq!(dry["LastUpdateStatus"], "Successful");
    assert_eq!(bench.lambda.running_digest("api"), Some(digest(OLD)));
}

#[tokio::test]
async fn every_write_changes_the_revision() {
    let bench = Bench::new(LambdaConfig::default());
    let revision = |value: &Value| value["RevisionId"].as_str().unwrap().to_owned();
    let before = revision(&bench.get("/api/configuration").await);
    let during = revision(&bench.update(&json!({"ImageUri": NEW, "RevisionId": before})).await);
    let after = revision(&bench.get("/api/configuration").await);
    assert!(before != during && during != after);
    assert_eq!(revision(&bench.get("/api/configuration").await), after);
}

#[tokio::test]
async fn versions_and_aliases_keep_their_code() {
    let bench = Bench::new(LambdaConfig::default());
    let first = bench.send("POST", "/api/versions", &json!({})).await;
    assert_eq!((first.status, &first.json()["Version"]), (StatusCode::CREATED, &json!("1")));
    // Nothing changed since, so nothing new is published.
    assert_eq!(bench.send("POST", "/api/versions", &json!({})).await.json()["Version"], "1");
    let wrong = bench.send("POST", "/api/versions", &json!({"CodeSha256": "00"})).await;
    assert!(error(&wrong).2.contains("is different from current CodeSHA256"));
    let second = bench.update(&json!({"ImageUri": NEW, "Publish": true})).await;
    assert_eq!((&second["Version"], &second["LastUpdateStatus"]), (&json!("2"), &json!("InProgress")));
    assert_eq!(bench.get("/api?Qualifier=1").await["Code"]["ImageUri"], OLD);
    assert_eq!(bench.get("/api:2").await["Configuration"]["State"], "Active");
    let listed = bench.get("/api/versions?MaxItems=2").await;
    assert_eq!((&listed["Versions"][1]["Version"], &listed["NextMarker"]), (&json!("1"), &json!("m-2")));
    assert_eq!(bench.get("/api/versions?MaxItems=2&Marker=m-2").await["Versions"][0]["Version"], "2");
    assert_eq!(bench.lambda.published_versions("api"), [1, 2]);

    let made = bench.send("POST", "/api/aliases", &json!({"Name": "live", "FunctionVersion": "1"})).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let twice = bench.send("POST", "/api/aliases", &json!({"Name": "live", "FunctionVersion": "1"})).await;
    assert_eq!(error(&twice).0, 409);
    let weights = json!({"RoutingConfig": {"AdditionalVersionWeights": {"2": 0.1}}, "RevisionId": made.json()["RevisionId"]});
    assert_eq!(
        bench.send("PUT", "/api/aliases/live", &weights).await.json()["RoutingConfig"],
        weights["RoutingConfig"]
    );
    assert_eq!(error(&bench.send("PUT", "/api/aliases/live", &weights).await).0, 412);
    let moved = json!({"FunctionVersion": "2", "RoutingConfig": {"AdditionalVersionWeights": {}}});
    assert!(bench.send("PUT", "/api/aliases/live", &moved).await.json().get("RoutingConfig").is_none());
    assert_eq!(bench.lambda.alias_target("api", "live").as_deref(), Some("2"));
    assert_eq!(bench.get("/api?Qualifier=live").await["Configuration"]["Version"], "2");
    assert_eq!(bench.get("/api/aliases").await["Aliases"][0]["Name"], "live");
    assert_eq!(error(&bench.send("GET", "/api/aliases/no", &Value::Null).await).0, 404);
    assert_eq!(
        error(&bench.send("POST", "/api/aliases", &json!({"Name": "x", "FunctionVersion": "9"})).await).0,
        404
    );
}

#[tokio::test]
async fn functions_are_listed_by_pages_and_found_by_arn() {
    let bench = Bench::new(LambdaConfig::default());
    bench.lambda.create_function("web", "x86_64", OLD);
    bench.lambda.let_idle("web");
    let first = bench.get("?MaxItems=1").await;
    assert_eq!(
        (&first["Functions"][0]["FunctionName"], &first["NextMarker"]),
        (&json!("api"), &json!("m-1"))
    );
    let second = bench.get("/?MaxItems=1&Marker=m-1").await;
    assert_eq!(
        (&second["Functions"][0]["FunctionName"], &second["NextMarker"]),
        (&json!("web"), &Value::Null)
    );
    assert!(second["Functions"][0].get("State").is_none());
    let by_arn = bench.get("/arn%3Aaws%3Alambda%3Aeu-west-1%3A111122223333%3Afunction%3Aweb").await;
    assert_eq!(by_arn["Configuration"]["State"], "Inactive");
    assert_eq!(bench.send("GET", "/api?Colour=red", &Value::Null).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn callers_are_checked_and_other_accounts_find_nothing() {
    let bench = Bench::new(LambdaConfig::default());
    let bare = call(&bench.router, "GET", "/2015-03-31/functions/api", &[], "").await;
    assert_eq!(bare.status, StatusCode::FORBIDDEN, "{}", bare.text);
    assert!(!bare.header("x-amzn-errortype").is_empty());
    let other =
        bench.issued.temporary("999999999999", "arn:aws:sts::999999999999:assumed-role/Deployer/test", HOUR);
    let headers = signed(&other, "eu-west-1", "lambda");
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = call(&bench.router, "GET", "/2015-03-31/functions/api", &headers, "").await;
    assert_eq!(error(&answer).2, "Function not found: arn:aws:lambda:eu-west-1:999999999999:function:api");
}

#[tokio::test]
async fn rates_are_kept_per_class() {
    let rates = Rates { get_function: 1_000, others: 1 };
    let bench = Bench::new(LambdaConfig { rates: Some(rates), ..LambdaConfig::default() });
    let mut refused = None;
    for _ in 0..50 {
        let answer = bench.send("GET", "/api/configuration", &Value::Null).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("fifty calls do not fit into one a second");
    assert_eq!(
        (refused.header("retry-after"), &refused.json()["Reason"]),
        ("1", &json!("CallerRateLimitExceeded"))
    );
    assert_eq!(bench.send("GET", "/api", &Value::Null).await.status, StatusCode::OK);
}
