//! Every status and body with which Vault, OpenBao or something in front of them refuses, at each step.

use std::time::Duration;

use landfall_artifacts::{Class, Explain as _};
use landfall_run::{RetryPolicy, Run};
use landfall_sandbox::leaks::{Canary, Finder};
use landfall_secret::Secret;
use landfall_transport::{Http, HttpConfig};
use landfall_vault_creds::{Error, Fetched, Revocation, SecretId, VaultConfig, VaultLogin, fetch};
use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

const SECRET_ID: &str = "secret-id-canary-4711";
const TOKEN: &str = "hvs.token-canary-4711";
const WRAPPING: &str = "hvs.wrapping-canary-4711";
const ID_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwcm9qZWN0In0.c2lnbmF0dXJlLWNhbmFyeS00NzEx";
const SECRET_KEY: &str = "secret-key-canary-4711";
const SECRETS: [&str; 5] = [SECRET_ID, TOKEN, WRAPPING, ID_TOKEN, SECRET_KEY];

const LOGIN: &str = "/v1/auth/approle/login";
const JWT_LOGIN: &str = "/v1/auth/jwt/login";
const KEYS: &str = "/v1/aws/sts/deployer";
const REVOKE: &str = "/v1/auth/token/revoke-self";
const LOOK: &str = "/v1/sys/wrapping/lookup";
const UNWRAP: &str = "/v1/sys/wrapping/unwrap";

/// How often a request is tried at most.
const ATTEMPTS: u32 = 3;

/// The bodies that a refusal may have: what Vault says, nothing said, and what is not Vault's.
fn bodies(status: u16, said: &str, echo: &str) -> Vec<(&'static str, ResponseTemplate)> {
    let answer = || ResponseTemplate::new(status);
    let json = |value: Value| answer().set_body_json(value);
    let html = "<html><head><title>Gateway</title></head><body>\r\n<h1>no</h1>\u{1b}[2J</body></html>";
    vec![
        ("errors", json(json!({"errors": [said]}))),
        ("several errors", json(json!({"errors": [said, "1 error occurred:\n\t* and more\n\n"]}))),
        ("an empty list", json(json!({"errors": []}))),
        ("an empty list and warnings", json(json!({"errors": [], "warnings": ["old\npath"], "data": null}))),
        ("another shape", json(json!({"error": said, "errors": null}))),
        ("errors of another type", json(json!({"errors": [1, null]}))),
        ("HTML", answer().set_body_raw(html, "text/html")),
        ("nothing", answer()),
        ("a long text", answer().set_body_string("no ".repeat(40_000))),
        ("what it was sent", json(json!({"errors": [format!("{said}: {echo}")]}))),
    ]
}

/// A login, and what each step answers that is not to fail.
struct Way {
    login: VaultLogin,
    answers: Vec<(&'static str, Value)>,
}

impl Way {
    fn by(login: VaultLogin) -> Self {
        let token = json!({"auth": {"client_token": TOKEN, "token_type": "service"}});
        let keys = json!({"lease_duration": 3600, "data": {"access_key": "ASIAEXAMPLE",
            "secret_key": SECRET_KEY, "security_token": "session-token"}});
        let answers = vec![
            (LOOK, json!({"data": {"creation_path": "auth/approle/role/ci/secret-id"}})),
            (UNWRAP, json!({"data": {"secret_id": SECRET_ID}})),
            (LOGIN, token.clone()),
            (JWT_LOGIN, token),
            (KEYS, keys),
            (REVOKE, Value::Null),
        ];
        Self { login, answers }
    }

    fn plain() -> Self {
        Self::by(VaultLogin::app_role("role-id", Secret::new(SECRET_ID)))
    }

    fn wrapped() -> Self {
        let secret_id = SecretId::Wrapped(Secret::new(WRAPPING));
        Self::by(VaultLogin::AppRole { role_id: "role-id".to_owned(), secret_id })
    }

    fn jwt() -> Self {
        Self::by(VaultLogin::Jwt { role: Some("ci".to_owned()), token: Secret::new(ID_TOKEN) })
    }

    /// Fetches from a server on which one step always answers this.
    async fn fetch(self, step: &str, answer: &ResponseTemplate) -> (Result<Fetched, Error>, Counts) {
        let server = MockServer::start().await;
        Mock::given(path(step)).respond_with(answer.clone()).mount(&server).await;
        for (at, body) in self.answers.iter().filter(|(at, _)| *at != step) {
            let good = match body {
                Value::Null => ResponseTemplate::new(204),
                body => ResponseTemplate::new(200).set_body_json(body),
            };
            Mock::given(path(*at)).respond_with(good).mount(&server).await;
        }
        let quick =
            RetryPolicy { base: Duration::from_millis(1), attempts: ATTEMPTS, ..RetryPolicy::default() };
        let run = Run::builder().retry_policy(quick).build();
        let http = Http::new(HttpConfig::default()).expect("a client");
        let fetched =
            fetch(&VaultConfig::new(&server.uri(), self.login, "aws/sts/deployer"), &http, &run).await;
        let requests = server.received_requests().await.expect("they are recorded");
        let paths = requests.iter().map(|request| request.url.path().to_owned()).collect();
        (fetched, Counts(paths))
    }
}

/// The paths that were asked for, in order.
struct Counts(Vec<String>);

impl Counts {
    fn of(&self, path: &str) -> u32 {
        u32::try_from(self.0.iter().filter(|asked| *asked == path).count()).unwrap_or(u32::MAX)
    }
}

/// What is printed of a refusal is one line of bounded length, without control characters and without a secret.
fn is_fit_to_print(error: &Error, context: &str) {
    let finder = Finder::new(SECRETS.map(|secret| Canary::new("a secret", secret)));
    let mut text = format!("{error}; {}", error.remedy().unwrap_or_default());
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!("; {error}"));
        cause = error.source();
    }
    assert!(!text.chars().any(char::is_control), "{context}: {text:?}");
    assert!(text.len() < 3000, "{context}: {} bytes", text.len());
    for text in [text, format!("{error:?}")] {
        assert!(finder.find(text.as_bytes()).is_empty(), "{context}: a secret is shown");
    }
}

/// A step, the secrets that its request holds, and how it is come by.
#[derive(Clone, Copy)]
struct Step {
    path: &'static str,
    way: fn() -> Way,
    sent: &'static [&'static str],
}

/// A status, what Vault says with it, and what becomes of that.
type Row = (u16, &'static str, &'static str, Class);

async fn each(step: Step, rows: &[Row]) {
    let echo = step.sent.join(" ");
    for (status, said, code, class) in rows {
        for (shape, answer) in bodies(*status, said, &echo) {
            let context = format!("{}: {status} with {shape}", step.path);
            let (fetched, asked) = (step.way)().fetch(step.path, &answer).await;
            let error = fetched.err().unwrap_or_else(|| panic!("{context}: keys in spite of it"));
            // Where a status has more than one meaning, the text tells them apart, so it must be there.
            if ["errors", "several errors", "what it was sent"].contains(&shape) {
                assert_eq!((error.code(), error.class()), (*code, *class), "{context}: {error}");
            }
            is_fit_to_print(&error, &context);
            let times = asked.of(step.path);
            assert!((1..=ATTEMPTS).contains(&times), "{context}: asked {times} times");
            let may_be_repeated = [412, 429, 502, 503, 504].contains(status) || *status == 500;
            if !may_be_repeated {
                assert_eq!(times, 1, "{context}: {:?}", asked.0);
            }
            let got_in = asked.of(KEYS) > 0;
            assert_eq!(asked.of(REVOKE), u32::from(got_in), "{context}: a token is given back, once");
        }
    }
}

const BY_APP_ROLE: Step = Step { path: LOGIN, way: Way::plain, sent: &[SECRET_ID] };
const BY_JWT: Step = Step { path: JWT_LOGIN, way: Way::jwt, sent: &[ID_TOKEN] };
const FOR_KEYS: Step = Step { path: KEYS, way: Way::plain, sent: &[TOKEN, SECRET_ID] };

#[tokio::test]
async fn at_a_login_by_role_and_secret_id() {
    let rows = [
        (400, "invalid role or secret ID", "LF-VAULT-LOGIN", Class::Refused),
        (400, "failed to parse JSON input: unexpected EOF", "LF-VAULT-LOGIN", Class::Refused),
        (
            400,
            "source address \"10.0.0.1\" unauthorized by CIDR restrictions",
            "LF-VAULT-LOGIN",
            Class::Refused,
        ),
        (403, "permission denied", "LF-VAULT-LOGIN", Class::Refused),
        (404, "namespace not found", "LF-VAULT-MOUNT", Class::Refused),
        (
            404,
            "no handler for route \"auth/approle/login\". route entry not found.",
            "LF-VAULT-MOUNT",
            Class::Refused,
        ),
        (405, "1 error occurred:\n\t* unsupported operation\n\n", "LF-VAULT-LOGIN", Class::Refused),
        (412, "required index state not present", "LF-VAULT-FAILED", Class::Transient),
        (472, "DR secondary", "LF-VAULT-FAILED", Class::Transient),
        (473, "performance standby", "LF-VAULT-FAILED", Class::Transient),
        (500, "missing role_id", "LF-VAULT-LOGIN", Class::Refused),
        (500, "1 error occurred:\n\t* internal error\n\n", "LF-VAULT-LOGIN-UNKNOWN", Class::Unknown),
        (501, "Vault is not initialized", "LF-VAULT-NOT-INITIALISED", Class::Refused),
        (502, "upstream", "LF-VAULT-LOGIN-UNKNOWN", Class::Unknown),
        (503, "Vault is sealed", "LF-VAULT-SEALED", Class::Transient),
    ];
    each(BY_APP_ROLE, &rows).await;
}

#[tokio::test]
async fn at_a_login_by_what_the_ci_signed() {
    let rows = [
        (400, "error validating token: token is expired", "LF-VAULT-ID-TOKEN", Class::Refused),
        (403, "permission denied", "LF-VAULT-ID-TOKEN", Class::Refused),
        (404, "namespace not found", "LF-VAULT-MOUNT", Class::Refused),
        (412, "required index state not present", "LF-VAULT-FAILED", Class::Transient),
        (473, "performance standby", "LF-VAULT-FAILED", Class::Transient),
        (500, "1 error occurred:\n\t* internal error\n\n", "LF-VAULT-FAILED", Class::Transient),
        (501, "Vault is not initialized", "LF-VAULT-NOT-INITIALISED", Class::Refused),
        (503, "Vault is sealed", "LF-VAULT-SEALED", Class::Transient),
    ];
    each(BY_JWT, &rows).await;
}

#[tokio::test]
async fn at_the_keys() {
    let rows = [
        (400, "Role \"deployer\" not found", "LF-VAULT-NO-ROLE", Class::Refused),
        (400, "unable to parse JSON", "LF-VAULT-REFUSED", Class::Refused),
        (403, "permission denied", "LF-VAULT-DENIED", Class::Refused),
        (403, "1 error occurred:\n\t* permission denied\n\n", "LF-VAULT-DENIED", Class::Refused),
        (
            404,
            "no handler for route \"aws/sts/deployer\". route entry not found.",
            "LF-VAULT-MOUNT",
            Class::Refused,
        ),
        (404, "namespace not found", "LF-VAULT-MOUNT", Class::Refused),
        (405, "1 error occurred:\n\t* unsupported operation\n\n", "LF-VAULT-REFUSED", Class::Refused),
        (412, "required index state not present", "LF-VAULT-FAILED", Class::Transient),
        (472, "DR secondary", "LF-VAULT-FAILED", Class::Transient),
        (473, "performance standby", "LF-VAULT-FAILED", Class::Transient),
        (500, "1 error occurred:\n\t* internal error\n\n", "LF-VAULT-FAILED", Class::Transient),
        (501, "Vault is not initialized", "LF-VAULT-NOT-INITIALISED", Class::Refused),
        (502, "1 error occurred:\n\t* Throttling: Rate exceeded\n\n", "LF-VAULT-FAILED", Class::Transient),
        (503, "Vault is sealed", "LF-VAULT-SEALED", Class::Transient),
    ];
    each(FOR_KEYS, &rows).await;
}

/// 429 is repeated by the transport, which waits as it is told.
#[tokio::test]
async fn a_quota_that_is_used_up() {
    for (step, code) in [(BY_APP_ROLE, "LF-VAULT-FAILED"), (FOR_KEYS, "LF-VAULT-FAILED")] {
        let said = json!({"errors": ["request path \"x\": rate limit quota exceeded"]});
        let answer = ResponseTemplate::new(429).insert_header("retry-after", "0").set_body_json(said);
        let (fetched, _) = (step.way)().fetch(step.path, &answer).await;
        let error = fetched.expect_err("throttled");
        assert_eq!((error.code(), error.class()), (code, Class::Transient), "{}: {error}", step.path);
        is_fit_to_print(&error, step.path);
    }
}

#[tokio::test]
async fn at_the_wrapping() {
    for path in [LOOK, UNWRAP] {
        let gone = json!({"errors": ["wrapping token is not valid or does not exist"]});
        let answer = ResponseTemplate::new(400).set_body_json(gone);
        let (fetched, asked) = Way::wrapped().fetch(path, &answer).await;
        let error = fetched.expect_err("gone");
        assert_eq!((error.code(), error.class()), ("LF-VAULT-WRAPPED", Class::Refused), "{path}: {error}");
        assert_eq!((asked.of(path), asked.of(LOGIN)), (1, 0), "{path}");
        for status in [403, 404, 412, 429, 473, 500, 502, 503] {
            for (shape, answer) in bodies(status, "no", WRAPPING) {
                let context = format!("{path}: {status} with {shape}");
                let (fetched, asked) = Way::wrapped().fetch(path, &answer).await;
                let error = fetched.err().unwrap_or_else(|| panic!("{context}: keys in spite of it"));
                is_fit_to_print(&error, &context);
                assert_eq!(asked.of(LOGIN), 0, "{context}");
            }
        }
    }
}

/// 204 becomes 200 where there are warnings (Vault HTTP API), and whatever else comes back, the keys are there.
#[tokio::test]
async fn at_the_end_nothing_takes_the_keys_away() {
    let warned = json!({"request_id": "1", "data": null, "warnings": ["the path is old\n\u{1b}[2J"]});
    for answer in [ResponseTemplate::new(204), ResponseTemplate::new(200).set_body_json(warned)] {
        let (fetched, _) = Way::plain().fetch(REVOKE, &answer).await;
        assert_eq!(fetched.expect("keys").revocation, Revocation::Revoked);
    }
    for status in [307, 400, 403, 404, 412, 473, 500, 503] {
        for (shape, answer) in bodies(status, "no", TOKEN) {
            let (fetched, _) = Way::plain().fetch(REVOKE, &answer).await;
            let revocation =
                fetched.unwrap_or_else(|error| panic!("{status} with {shape}: {error}")).revocation;
            let Revocation::Failed(why) = revocation else { panic!("{status} with {shape}: {revocation:?}") };
            assert!(
                !why.chars().any(char::is_control) && !why.contains(TOKEN),
                "{status} with {shape}: {why:?}"
            );
        }
    }
}

#[tokio::test]
async fn warnings_of_good_answers_are_shown_and_fit_to_print() {
    let keys = json!({"lease_duration": 3600, "warnings": ["old\n\u{1b}[2J path", format!("token {TOKEN}")],
        "data": {"access_key": "ASIAEXAMPLE", "secret_key": SECRET_KEY, "security_token": "session-token"}});
    let (fetched, _) = Way::plain().fetch(KEYS, &ResponseTemplate::new(200).set_body_json(keys)).await;
    let warnings = fetched.expect("keys").warnings;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings.iter().all(|warning| !warning.contains('\n') && !warning.contains(TOKEN)),
        "{warnings:?}"
    );
}

/// A standby that sends to the active node, or somebody who sends elsewhere: nobody there sees a byte.
#[tokio::test]
async fn a_redirect_at_any_step_reaches_nobody() {
    let foreign = std::net::TcpListener::bind("127.0.0.2:0").expect("a port");
    foreign.set_nonblocking(true).expect("it can be asked");
    for step in [LOOK, UNWRAP, LOGIN, JWT_LOGIN, KEYS, REVOKE] {
        let way = match step {
            LOOK | UNWRAP => Way::wrapped,
            JWT_LOGIN => Way::jwt,
            _ => Way::plain,
        };
        for status in [301, 302, 303, 307, 308] {
            let to = format!("http://{}{step}?token=x", foreign.local_addr().expect("an address"));
            let answer = ResponseTemplate::new(status).insert_header("location", to);
            let (fetched, asked) = way().fetch(step, &answer).await;
            match fetched {
                Ok(fetched) if step == REVOKE => {
                    assert!(matches!(fetched.revocation, Revocation::Failed(_)), "{status}");
                }
                Ok(_) => panic!("{step}: {status}: keys in spite of it"),
                Err(error) => {
                    assert_eq!(
                        (error.code(), error.class()),
                        ("LF-VAULT-REDIRECT", Class::Refused),
                        "{step}"
                    );
                    assert!(!error.to_string().contains("token=x"), "{error}");
                }
            }
            assert_eq!(asked.of(step), 1, "{step}: {status}");
            let nobody = foreign.accept().map(|_| ()).map_err(|error| error.kind());
            assert_eq!(nobody, Err(std::io::ErrorKind::WouldBlock), "{step}: {status}");
        }
    }
}

/// Somebody on the way failed at the unwrapping and may have opened it: that is not somebody else, and not safe to repeat.
#[tokio::test]
async fn a_failure_at_the_unwrapping_leaves_it_unknown() {
    for status in [500, 502, 504] {
        let (fetched, counts) = Way::wrapped().fetch(UNWRAP, &ResponseTemplate::new(status)).await;
        let error = fetched.expect_err("refused");
        assert_eq!(error.code(), "LF-VAULT-WRAPPED-UNKNOWN", "{status}: {error}");
        assert_eq!((counts.of(UNWRAP), counts.of(LOGIN)), (1, 0), "{status}");
    }
}
