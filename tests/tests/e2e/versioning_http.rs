//! A release in a checkout as CI makes it: HEAD on a commit by itself, a remote that is spoken to by HTTP, and a token in a variable.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::git_repo::seen;
use crate::world::World;

const RELEASE: [&str; 1] = ["semantic-versioning"];
const TOKEN: &str = "glpat-Zx81-not-to-be-seen";

/// git http-backend behind HTTP that wants a login, and what was seen while it was asked.
struct Server {
    folder: std::path::PathBuf,
    host: String,
    login: String,
    /// Requests with the login, and without.
    asked: Mutex<[usize; 2]>,
    /// Command lines of any process in which the token stood.
    arguments: Mutex<Vec<String>>,
}

impl Server {
    async fn start(world: &World) -> (Arc<Self>, String) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let host = listener.local_addr().expect("an address").to_string();
        let address = format!("http://{host}/remote.git");
        let server = Arc::new(Self {
            folder: world.home.path().to_owned(),
            host,
            login: format!("Basic {}", STANDARD.encode(format!("oauth2:{TOKEN}"))),
            asked: Mutex::default(),
            arguments: Mutex::default(),
        });
        let app = axum::Router::new().fallback(answer).with_state(Arc::clone(&server));
        tokio::spawn(async move { axum::serve(listener, app).await });
        (server, address)
    }

    /// Looks at the arguments of every process: while one of git waits for an answer, all that led to it run.
    fn look_around(&self) {
        let encoded = self.login.trim_start_matches("Basic ");
        for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Ok(line) = std::fs::read(process.path().join("cmdline")) else { continue };
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            if line.contains(TOKEN) || line.contains(encoded) {
                self.arguments.lock().expect("not poisoned").push(line);
            }
        }
    }
}

/// CGI: variables and the body in; headers, an empty line and the body out (git-http-backend(1), RFC 3875).
async fn answer(
    State(server): State<Arc<Server>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    server.look_around();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_known = header("authorization") == server.login;
    server.asked.lock().expect("not poisoned")[usize::from(!is_known)] += 1;
    if !is_known {
        let refused = Response::builder().status(StatusCode::UNAUTHORIZED);
        return refused.header("www-authenticate", "Basic realm=\"git\"").body(Body::empty()).expect("fine");
    }
    let mut child = Command::new("git")
        .arg("http-backend")
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("GIT_HTTP_EXPORT_ALL", "1"), ("REMOTE_USER", "oauth2")])
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
        .env("GIT_PROJECT_ROOT", &server.folder)
        .env("PATH_INFO", uri.path())
        .env("QUERY_STRING", uri.query().unwrap_or_default())
        .env("REQUEST_METHOD", method.as_str())
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("git starts");
    let mut input = child.stdin.take().expect("piped");
    tokio::spawn(async move { input.write_all(&body).await });
    let output = child.wait_with_output().await.expect("it ends");
    let end = output.stdout.windows(4).position(|four| four == b"\r\n\r\n").expect("headers");
    let head = String::from_utf8_lossy(&output.stdout[..end]).into_owned();
    let mut response = Response::builder();
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        response = match name {
            "Status" => response.status(value.split(' ').next().unwrap_or("500")),
            _ => response.header(name, value),
        };
    }
    response.body(Body::from(output.stdout[end + 4..].to_vec())).expect("fine")
}

/// A world whose clone is detached, as GitLab's are, and whose remote is the server.
async fn world() -> (World, Arc<Server>) {
    let mut world = World::in_git().await;
    let (server, address) = Server::start(&world).await;
    world.git(&["checkout", "--quiet", "--detach"]);
    world.git(&["branch", "--quiet", "--delete", "--force", "main"]);
    world.git(&["remote", "set-url", "origin", &address]);
    world.set("CI_COMMIT_BRANCH", "main");
    world.further_secrets.push(TOKEN.to_owned());
    (world, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_a_variable_is_all_that_a_push_needs() {
    let (mut world, server) = world().await;
    world.set("GITLAB_TOKEN", TOKEN);
    // Everything that a run leaves is searched for the token by the harness: what it prints, the report, the repo with its settings.
    world.run(&RELEASE).await.expect(0);
    assert_eq!(world.tags_there(), "orderService-1.4.2 paymentGateway-2.0.0");
    assert_eq!(world.git(&["rev-parse", "HEAD"]), world.git_there(&["rev-parse", "main"]));
    assert_eq!(world.run(&RELEASE).await.expect(0).outcome(), "nothing-to-do");
    let [with, without] = *server.asked.lock().expect("not poisoned");
    assert!(with >= 4 && without == 0, "{with} and {without} requests");
    assert_eq!(*server.arguments.lock().expect("not poisoned"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_and_a_bad_one() {
    let (mut world, server) = world().await;
    let tidy = |text: String| text.replace(&server.host, "git.test");
    let ran = world.run(&RELEASE).await.expect(3);
    seen!(tidy(ran.page(&world)), @r"
    check
    plan
    error[LF-GIT-DENIED] exit 3
      git could not read the refs of origin (http://git.test/remote.git): fatal: could not read Username for 'http://git.test': terminal prompts disabled
      next: give GIT_PUSH_TOKEN or GITLAB_TOKEN, a token that may write the repo; see docs/access.md

    nothing was changed
    exit 3
    ");
    world.set("GITLAB_TOKEN", "glpat-of-somebody-else");
    world.further_secrets.push("glpat-of-somebody-else".to_owned());
    let ran = world.run(&RELEASE).await.expect(3);
    assert_eq!(ran.codes(), ["LF-GIT-DENIED"]);
    assert_eq!(world.tags_there(), "");
}
