//! A server that lies about where to go next, and networks that break: what the other side gets to see.
//!
//! 127.0.0.1 is the server that we were told of, 127.0.0.2 a host that we were not: another host, not only another port.

mod raw_server;

use std::io::Write as _;
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use futures_util::StreamExt as _;
use landfall_artifacts::{Class, Explain as _};
use landfall_run::{RetryPolicy, Run};
use landfall_secret::{Credential, CredentialKind, Origin, Secret};
use landfall_transport::{Cap, Error, Hop, Http, HttpConfig, Method, Site};
use raw_server::{Reply, Seen, Server};
use url::Url;

const TOKEN: &str = "s3cr3t-of-the-site";

fn run() -> Run {
    let policy = RetryPolicy { attempts: 3, base: Duration::from_millis(1), ..RetryPolicy::default() };
    Run::builder().retry_policy(policy).build()
}

fn http() -> Http {
    Http::new(HttpConfig::default()).expect("a client")
}

/// A client that gives up on silence soon.
fn impatient() -> Http {
    let config = HttpConfig { idle_timeout: Duration::from_millis(500), ..HttpConfig::default() };
    Http::new(config).expect("a client")
}

fn bearer(address: &str, token: &str) -> Credential {
    let origin = Origin::parse(address).expect("an origin");
    Credential::new(origin, CredentialKind::Bearer(Secret::new(token)))
}

fn site_of(http: &Http, server: &Server) -> Site {
    let address = server.url("");
    http.site("server", &address, Some(bearer(&address, TOKEN))).expect("a site")
}

fn asked(server: &Server) -> Url {
    Url::parse(&server.url("/asked")).expect("an address")
}

/// A site that speaks TLS; nothing listens there, for these cases must end before anybody is spoken to.
fn tls_site(address: &str) -> Site {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(SELF_SIGNED.as_bytes()).expect("written");
    let config = HttpConfig { ca_file: Some(file.path().to_owned()), ..HttpConfig::default() };
    let http = Http::new(config).expect("a client");
    http.site("server", address, Some(bearer(address, TOKEN))).expect("a site")
}

#[tokio::test]
async fn a_foreign_realm_gets_nothing() {
    let (home, foreign) = (Server::home(|_| Reply::status(401)).await, Server::foreign().await);
    let site = site_of(&http(), &home);
    for realm in [foreign.url("/token"), foreign.url("/token?service=x"), "//127.0.0.2/token".to_owned()] {
        let error = site.token_server(&realm, None).expect_err(&realm);
        assert!(matches!(error, Error::ForeignHop { .. }), "{realm}: {error:?}");
        assert_eq!((error.class(), error.code()), (Class::Refused, "LF-HTTP-FOREIGN"));
    }
    let other_port = format!("http://127.0.0.1:{}/token", foreign.port());
    assert!(site.token_server(&other_port, None).is_err(), "another port is another server");
    assert!(site.token_server(&other_port, Some("auth.example.com")).is_err(), "another one was named");
    let login = foreign.url("/token").replace("http://", "http://user:pw@");
    assert!(site.token_server(&login, Some("127.0.0.2")).is_err(), "user information in a realm");
    assert_eq!(foreign.connections(), 0);
}

#[tokio::test]
async fn a_realm_that_was_named_gets_the_credential() {
    let home = Server::home(|_| Reply::status(401)).await;
    let auth = Server::at("127.0.0.2", |_| Reply::json("{}")).await;
    let site = site_of(&http(), &home);
    let by_port = format!("127.0.0.2:{}", auth.port());
    for named in ["127.0.0.2", by_port.as_str()] {
        let token_server = site.token_server(&auth.url("/token"), Some(named)).expect("it was named");
        let answer = token_server.get("/sub").query("scope", "pull").send(&run(), Cap::TOKEN).await;
        assert_eq!(answer.expect("an answer").status(), 200);
    }
    let seen = auth.seen();
    assert!(seen.iter().all(|seen| seen.header("authorization") == Some(&format!("Bearer {TOKEN}"))));
    assert_eq!(seen.len(), 2);
    assert!(home.seen().is_empty());
}

#[tokio::test]
async fn a_token_server_does_not_lead_further() {
    let foreign = Server::foreign().await;
    let target = foreign.url("/latest/meta-data");
    let home = Server::home(move |_| Reply::redirect(302, &target)).await;
    let site = site_of(&http(), &home);
    let token_server = site.token_server(&home.url("/token"), None).expect("its own realm");
    let answer = token_server.get("/x").send(&run(), Cap::TOKEN).await.expect("an answer");
    assert_eq!(answer.status(), 302);
    assert_eq!((home.connections(), foreign.connections()), (1, 0));
}

#[tokio::test]
async fn what_follows_a_redirect_carries_nothing_of_ours() {
    let foreign = Server::at("127.0.0.2", |_| Reply::body("layer")).await;
    let target = foreign.url("/blob?X-Amz-Signature=abc");
    let home = Server::home(move |_| {
        Reply::redirect(307, &target).with_header("set-cookie", "session=of-the-site; Domain=127.0.0.2")
    })
    .await;
    let (site, run) = (site_of(&http(), &home), run());
    // Twice, so that a cookie or a referer would have had its chance.
    for _ in 0..2 {
        let streaming = site.get("/v2/app/blobs/sha256:aa").send_streaming(&run).await.expect("a head");
        assert_eq!(streaming.status(), 307, "a redirect is never followed by itself");
        let location = streaming.header("location").expect("a location").to_owned();
        let hop = site.hop(streaming.url(), &location).expect("a hop that is allowed");
        let Hop::Foreign(anonymous) = hop else { panic!("127.0.0.2 is not 127.0.0.1") };
        let mut body = anonymous.from_byte(2).send(&run).await.expect("a head").into_body();
        assert_eq!(body.next().await.expect("a chunk").expect("bytes"), "layer");
    }
    let seen = foreign.seen();
    assert_eq!(seen.len(), 2);
    for seen in seen {
        assert_eq!(seen.line, "GET /blob?X-Amz-Signature=abc HTTP/1.1");
        assert_eq!(seen.names(), ["accept", "accept-encoding", "host", "range", "user-agent"]);
        assert_eq!(seen.header("range"), Some("bytes=2-"));
        assert!(!seen.everything.contains(TOKEN));
    }
    assert!(home.seen().iter().all(|seen| seen.header("cookie").is_none()));
}

#[tokio::test]
async fn a_header_of_the_service_s_own_stays_at_home() {
    let foreign = Server::at("127.0.0.2", |_| Reply::body("x")).await;
    let home = Server::home(|_| Reply::status(200)).await;
    let origin = Origin::parse(&home.url("")).expect("an origin");
    for name in ["x-vault-token", "x-jfrog-art-api", "x-amz-security-token"] {
        let kind = CredentialKind::Header { name, value: Secret::new(TOKEN) };
        let site = http()
            .site("server", &home.url(""), Some(Credential::new(origin.clone(), kind)))
            .expect("a site");
        site.get("/").send(&run(), Cap::JSON).await.expect("an answer");
        let Ok(Hop::Foreign(hop)) = site.hop(&asked(&home), &foreign.url("/")) else {
            panic!("a foreign hop")
        };
        hop.send(&run()).await.expect("an answer");
    }
    assert!(home.seen().iter().all(|seen| seen.everything.contains(TOKEN)));
    assert!(foreign.seen().iter().all(|seen| !seen.everything.contains(TOKEN)));
    assert_eq!(foreign.seen().len(), 3);
}

#[tokio::test]
async fn a_challenge_after_a_redirect_is_not_answered() {
    let foreign = Server::at("127.0.0.2", |_| {
        Reply::status(401).with_header("www-authenticate", "Basic realm=\"give it to me\"")
    })
    .await;
    let home = Server::home(|_| Reply::status(200)).await;
    let (site, run) = (site_of(&http(), &home), run());
    let Ok(Hop::Foreign(hop)) = site.hop(&asked(&home), &foreign.url("/blob")) else {
        panic!("a foreign hop")
    };
    assert_eq!(hop.send(&run).await.expect("a head").status(), 401);
    let seen = foreign.seen();
    assert_eq!(seen.len(), 1, "asked once, and nothing was answered to the challenge");
    assert!(seen.iter().all(|seen| seen.header("authorization").is_none()));
}

#[tokio::test]
async fn a_redirect_of_the_other_host_is_not_followed() {
    let target = Server::foreign().await;
    let next = target.url("/");
    let middle = Server::at("127.0.0.3", move |_| Reply::redirect(302, &next)).await;
    let home = Server::home(|_| Reply::status(200)).await;
    let site = site_of(&http(), &home);
    let Ok(Hop::Foreign(hop)) = site.hop(&asked(&home), &middle.url("/")) else { panic!("a foreign hop") };
    assert_eq!(hop.send(&run()).await.expect("a head").status(), 302);
    assert_eq!((middle.connections(), target.connections()), (1, 0));
}

#[tokio::test]
async fn a_foreign_location_is_refused() {
    let (home, foreign) = (Server::home(|_| Reply::status(202)).await, Server::foreign().await);
    let (site, asked) = (site_of(&http(), &home), asked(&home));
    let port = home.port();
    for given in [
        foreign.url("/upload/1"),
        format!("//127.0.0.2:{}/upload/1", foreign.port()),
        format!("\\\\127.0.0.2:{}\\upload", foreign.port()),
        format!("http://127.0.0.1:{}/upload/1", foreign.port()),
        format!("https://127.0.0.1:{port}/upload/1"),
        format!("http://user@127.0.0.1:{port}/upload/1"),
        format!("http://127.0.0.1:{port}@127.0.0.2/upload"),
        format!("http://localhost:{port}/upload/1"),
        format!("http://[::ffff:127.0.0.1]:{port}/upload/1"),
        "ftp://127.0.0.1/upload".to_owned(),
        "http://127.0.0.1:99999/".to_owned(),
        "http:///".to_owned(),
        "data:,x".to_owned(),
    ] {
        let error = site.accept(&asked, &given, "Location").expect_err(&given);
        assert!(matches!(error, Error::ForeignHop { what: "Location", .. }), "{given}: {error:?}");
    }
    assert_eq!((home.connections(), foreign.connections()), (0, 0));
}

#[tokio::test]
async fn spellings_of_its_own_address_are_its_own() {
    let home = Server::home(|_| Reply::status(202)).await;
    let (site, asked, run) = (site_of(&http(), &home), asked(&home), run());
    let port = home.port();
    let own = [
        home.url("/upload/1?state=a"),
        format!("//127.0.0.1:{port}/upload/1?state=a"),
        format!("HTTP://127.0.0.1:{port}/upload/1?state=a"),
        format!("http://0x7f.1:{port}/upload/1?state=a"),
        // To a URL parser an address with a dot behind it is the address (WHATWG URL, host parsing).
        format!("http://127.0.0.1.:{port}/upload/1?state=a"),
        "/upload/1?state=a".to_owned(),
        "upload/1?state=a".to_owned(),
    ];
    for given in &own {
        let location = site.accept(&asked, given, "Location").expect(given);
        let request = site.request_at(Method::PUT, &location.with_query("digest", "sha256:aa"));
        assert_eq!(request.send(&run, Cap::JSON).await.expect("an answer").status(), 202);
    }
    let lines: Vec<String> = home.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(lines, vec!["PUT /upload/1?state=a&digest=sha256%3Aaa HTTP/1.1"; own.len()]);
}

#[test]
fn encryption_is_never_dropped_on_the_way() {
    let site = tls_site("https://127.0.0.1");
    let asked = Url::parse("https://127.0.0.1/asked").expect("an address");
    for weaker in ["http://127.0.0.1/x", "http://127.0.0.1:443/x", "http://127.0.0.2/x"] {
        let refused =
            |error: Option<Error>| assert!(matches!(error, Some(Error::ForeignHop { .. })), "{weaker}");
        refused(site.accept(&asked, weaker, "Location").err());
        refused(site.hop(&asked, weaker).err());
        refused(site.token_server(weaker, Some("127.0.0.1")).err());
        refused(site.token_server(weaker, Some("127.0.0.2")).err());
    }
    assert!(
        site.accept(&asked, "https://127.0.0.1:443/x", "Location").is_ok(),
        "the default port, spelled out"
    );
    assert!(site.accept(&asked, "https://127.0.0.1:444/x", "Location").is_err());
}

#[test]
fn no_spelling_of_a_metadata_address_is_spoken_to() {
    let (http, site) = (http(), tls_site("https://127.0.0.1"));
    let asked = Url::parse("https://127.0.0.1/asked").expect("an address");
    for host in [
        "169.254.169.254",
        "0xA9FEA9FE",
        "0xa9.0xfe.0xa9.0xfe",
        "2852039166",
        "0251.0376.0251.0376",
        "169.254.43518",
        "169.254.169.254:80",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[fe80::1]",
        "%31%36%39.254.169.254",
        "169。254。169。254",
    ] {
        for address in [format!("http://{host}/latest"), format!("https://{host}/latest")] {
            assert!(http.site("vault", &address, None).is_err(), "{address}");
            assert!(site.hop(&asked, &address).is_err(), "{address}");
            assert!(site.token_server(&address, Some("169.254.169.254")).is_err(), "{address}");
        }
    }
    let error = http.site("vault", "http://169.254.169.254", None).expect_err("link-local");
    assert!(matches!(error, Error::LinkLocal { .. }));
}

#[test]
fn a_public_server_does_not_lead_into_a_private_network() {
    let site = tls_site("https://registry.example.com");
    let asked = Url::parse("https://registry.example.com/v2/").expect("an address");
    for inside in [
        "https://10.0.0.8/",
        "https://192.168.1.1/",
        "https://172.16.0.1/",
        "https://127.0.0.1/",
        "https://0.0.0.0/",
        "https://[::1]/",
        "https://[fd00::1]/",
        "https://[::ffff:10.0.0.8]/",
        "https://[::ffff:127.0.0.1]/",
        "https://localhost/",
        "https://x.localhost/",
    ] {
        assert!(matches!(site.hop(&asked, inside), Err(Error::ForeignHop { .. })), "{inside}");
    }
    assert!(matches!(site.hop(&asked, "https://cdn.example.com/layer"), Ok(Hop::Foreign(_))));
}

#[tokio::test]
async fn a_credential_for_one_server_makes_no_site_at_another() {
    let (home, foreign) = (Server::home(|_| Reply::status(200)).await, Server::foreign().await);
    let refused = http().site("server", &foreign.url(""), Some(bearer(&home.url(""), TOKEN)));
    let error = refused.expect_err("another origin");
    assert!(matches!(error, Error::ForeignCredential { .. }));
    assert!(!format!("{error:?} {error}").contains(TOKEN));
}

#[test]
fn plain_http_is_for_loopback_and_named_hosts() {
    let refused = http().site("server", "http://10.0.0.8:5000", None).expect_err("no encryption");
    assert!(matches!(refused, Error::PlainHttp { .. }));
    let mut config = HttpConfig::default();
    config.plain_http.hosts = vec!["10.0.0.8".to_owned()];
    let named = Http::new(config).expect("a client");
    assert!(named.site("server", "http://10.0.0.8:5000", None).is_ok());
    assert!(named.site("server", "http://10.0.0.80:5000", None).is_err());
}

#[tokio::test]
async fn a_login_is_not_sent_again_where_a_307_points() {
    let foreign = Server::foreign().await;
    let target = foreign.url("/v1/auth/approle/login");
    let home = Server::home(move |_| Reply::redirect(307, &target)).await;
    let body = serde_json::json!({"role_id": "role", "secret_id": TOKEN});
    for status in [301, 302, 303, 307, 308] {
        let target = foreign.url("/");
        home.then(Reply::redirect(status, &target));
        let site = http().site("vault", &home.url(""), None).expect("a site");
        let answer = site.post_json("/v1/auth/approle/login", &body).send(&run(), Cap::JSON).await;
        assert_eq!(answer.expect("an answer").status(), status);
    }
    assert_eq!((home.seen().len(), foreign.connections()), (5, 0));
}

#[tokio::test]
async fn a_secret_with_a_line_break_is_an_error_that_does_not_show_it() {
    let home = Server::home(|_| Reply::status(200)).await;
    let address = home.url("");
    for token in ["a\nb", "a\r\nX-Evil: 1", "a\0b", "a\u{7f}b"] {
        let site = http().site("server", &address, Some(bearer(&address, token))).expect("a site");
        let error = site.get("/").send(&run(), Cap::JSON).await.expect_err("not a header value");
        assert!(matches!(error, Error::Header { .. }), "{error:?}");
        assert_eq!(error.class(), Class::Input);
        assert!(!format!("{error:?} {error}").contains(token));
    }
    let kind = CredentialKind::Header { name: "Not A Name", value: Secret::new("x") };
    let credential = Credential::new(Origin::parse(&address).expect("an origin"), kind);
    let site = http().site("server", &address, Some(credential)).expect("a site");
    assert!(matches!(site.get("/").send(&run(), Cap::JSON).await, Err(Error::Header { .. })));
    let split =
        site_of(&http(), &home).get("/").header("x-note", "a\r\nX-Evil: 1").send(&run(), Cap::JSON).await;
    assert!(matches!(split, Err(Error::Header { .. })));
    assert_eq!(home.connections(), 0);
}

#[tokio::test]
async fn a_path_does_not_leave_the_site() {
    let home = Server::home(|_| Reply::status(200)).await;
    let site = http().site("server", &home.url("/base"), None).expect("a site");
    for path in ["/../x", "/a/../../x", "/%2e%2E/x", "/.%2e/x", "x", "", "/a\\..\\x", "@127.0.0.2/"] {
        let error = site.get(path).send(&run(), Cap::JSON).await.expect_err(path);
        assert!(matches!(error, Error::Path { .. }), "{path}");
    }
    assert_eq!(home.connections(), 0);
    site.get("//127.0.0.2/a?b#c").send(&run(), Cap::JSON).await.expect("an answer");
    assert_eq!(home.seen()[0].line, "GET /base//127.0.0.2/a%3Fb%23c HTTP/1.1");
}

#[tokio::test]
async fn a_body_without_end_is_cut_off_by_name() {
    let home = Server::home(|_| Reply::Endless(200)).await;
    let site = site_of(&http(), &home);
    let error = site.get("/v2/app/manifests/1").send(&run(), Cap::MANIFEST).await.expect_err("too large");
    assert!(matches!(error, Error::TooLarge { what: "manifest", limit: 4_194_304, .. }), "{error:?}");
    assert_eq!(error.class(), Class::Integrity);
    assert_eq!(home.seen().len(), 1, "asking again would bring the same");

    let says_no = Server::home(|_| Reply::Endless(403)).await;
    let answer = site_of(&http(), &says_no).get("/").send(&run(), Cap::JSON).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.body().len()), (403, 8192));
}

#[tokio::test]
async fn an_encoded_body_is_refused() {
    let home = Server::home(|_| Reply::body("\u{1f}\u{8b}").with_header("content-encoding", "gzip")).await;
    let error = site_of(&http(), &home).get("/").send(&run(), Cap::JSON).await.expect_err("encoded");
    assert!(matches!(error, Error::NotAsAsked { .. }), "{error:?}");
    assert_eq!(home.seen()[0].header("accept-encoding"), Some("identity"));
}

#[tokio::test]
async fn a_cut_answer_is_asked_for_again() {
    let home = Server::home(|_| Reply::json(r#"{"whole":true}"#)).await;
    home.then(Reply::Cut("{\"whole\"".to_owned()));
    home.then(Reply::Nothing);
    let (site, run) = (site_of(&http(), &home), run());
    let answer = site.get("/").send(&run, Cap::JSON).await.expect("the third answer");
    assert_eq!(answer.body(), &br#"{"whole":true}"#[..]);
    assert_eq!((home.seen().len(), run.counters().retries()), (3, 2));
}

#[tokio::test]
async fn a_server_that_always_cuts_is_given_up() {
    let home = Server::home(|_| Reply::Cut("half".to_owned())).await;
    let error = site_of(&http(), &home).get("/").send(&run(), Cap::JSON).await.expect_err("cut");
    assert!(matches!(error, Error::Unanswered { changes: false, .. }), "{error:?}");
    assert_eq!((error.class(), home.seen().len()), (Class::Transient, 3));
    assert!(std::error::Error::source(&error).is_some(), "the cause is kept");
}

#[tokio::test]
async fn silence_ends_a_read() {
    let home = Server::home(|_| Reply::Silence).await;
    let error = site_of(&impatient(), &home).get("/").send(&run(), Cap::JSON).await.expect_err("silence");
    assert!(matches!(error, Error::Unanswered { changes: false, .. }), "{error:?}");
    assert_eq!(error.class(), Class::Transient);

    let falls_silent = Server::home(|_| Reply::HalfThenSilence("half".to_owned())).await;
    let site = site_of(&impatient(), &falls_silent);
    let mut body = site.get("/").send_streaming(&run()).await.expect("a head").into_body();
    assert_eq!(body.next().await.expect("a chunk").expect("bytes"), "half");
    let error = body.next().await.expect("an end").expect_err("silence");
    assert!(matches!(error, Error::Stalled { .. }), "{error:?}");
    assert!(body.next().await.is_none(), "the stream is over after its error");
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_unknown_and_made_once() {
    // The last one's time is longer than the silence that is borne, so that it ends in the middle of the body.
    let fates = [
        (Reply::Nothing, None),
        (Reply::Cut("{".to_owned()), None),
        (Reply::Silence, None),
        (Reply::HalfThenSilence("{".to_owned()), Some(Duration::from_secs(600))),
    ];
    for (number, (fate, limit)) in fates.into_iter().enumerate() {
        let home = Server::home(move |_| fate.clone()).await;
        let mut request = site_of(&impatient(), &home).post_json("/rest/api/3/issue", &serde_json::json!({}));
        if let Some(limit) = limit {
            request = request.timeout(limit);
        }
        let error = request.send(&run(), Cap::JSON).await.expect_err("no answer");
        assert!(
            matches!(&error, Error::Unanswered { changes: true, method, .. } if method == "POST"),
            "{error:?}"
        );
        assert_eq!((error.class(), error.is_retryable()), (Class::Unknown, false));
        assert_eq!(home.seen().len(), 1, "case {number}");
    }
}

#[tokio::test]
async fn an_upload_whose_answer_is_lost_is_unknown() {
    for fate in [Reply::Nothing, Reply::Cut("{".to_owned())] {
        let home = Server::home(move |_| fate.clone()).await;
        let body = futures_util::stream::iter([Ok(bytes::Bytes::from_static(b"layer"))]);
        let request = site_of(&http(), &home).request(Method::PUT, "/upload");
        let error = request.send_body(&run(), 5, Box::pin(body), Cap::JSON).await.expect_err("no answer");
        assert!(
            matches!(&error, Error::Unanswered { changes: true, method, .. } if method == "PUT"),
            "{error:?}"
        );
        assert_eq!(error.class(), Class::Unknown);
        assert_eq!(home.seen().len(), 1, "a stream is not sent twice");
        assert!(home.seen()[0].everything.ends_with("layer"));
    }
}

#[tokio::test]
async fn only_what_was_surely_not_taken_is_posted_again() {
    let (run, nothing) = (run(), serde_json::json!({}));
    let busy = Server::home(|_| Reply::json("{}")).await;
    busy.then(Reply::status(429).with_header("retry-after", "0"));
    let answer = site_of(&http(), &busy).post_json("/", &nothing).send(&run, Cap::JSON).await;
    assert_eq!((answer.expect("an answer").status().as_u16(), busy.seen().len()), (200, 2));

    let broken = Server::home(|_| Reply::status(500)).await;
    let site = site_of(&http(), &broken);
    let answer = site.post_json("/", &nothing).send(&run, Cap::JSON).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), broken.seen().len()), (500, 1));
    let answer = site.post_json("/", &nothing).idempotent().send(&run, Cap::JSON).await.expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), broken.seen().len()),
        (500, 4),
        "a search is a POST that only reads"
    );
}

#[tokio::test]
async fn a_passing_fault_is_put_again_and_its_last_answer_is_returned() {
    let (run, nothing) = (run(), serde_json::json!({}));
    let home = Server::home(|_| Reply::status(201)).await;
    home.then(Reply::status(500));
    home.then(Reply::status(503).with_header("retry-after", "0"));
    let answer = site_of(&http(), &home).put_json("/", &nothing).send(&run, Cap::JSON).await;
    assert_eq!((answer.expect("an answer").status().as_u16(), home.seen().len()), (201, 3));

    let stays = Server::home(|_| Reply::status(503)).await;
    let site = site_of(&http(), &stays);
    let answer = site.put_json("/", &nothing).send(&run, Cap::JSON).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), stays.seen().len()), (503, 3));
    let long = Server::home(|_| Reply::status(503).with_header("retry-after", "86400")).await;
    let answer = site_of(&http(), &long).get("/").send(&run, Cap::JSON).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), long.seen().len()), (503, 1), "a day is not waited for");
    let lasting = Server::home(|_| Reply::status(404)).await;
    site_of(&http(), &lasting).get("/").send(&run, Cap::JSON).await.expect("an answer");
    assert_eq!(lasting.seen().len(), 1);
}

#[tokio::test]
async fn waiting_for_a_turn_is_not_silence_of_the_server() {
    let home = Server::home(|_| Reply::json("{}")).await;
    let limiter = landfall_run::RateLimiter::new(0.8, 1, landfall_run::Share::default());
    let site = site_of(&impatient(), &home).with_limiter(limiter);
    for _ in 0..2 {
        let answer = site.post_json("/", &serde_json::json!({})).send(&run(), Cap::JSON).await;
        assert_eq!(answer.expect("waiting is within the limiter's rights").status(), 200);
    }
}

#[tokio::test]
async fn no_connection_means_nothing_was_sent() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let site = http().site("server", &format!("http://127.0.0.1:{port}"), None).expect("a site");
    let run = run();
    let error = site.post_json("/", &serde_json::json!({})).send(&run, Cap::JSON).await.expect_err("nobody");
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    assert_eq!((error.class(), run.counters().retries()), (Class::Transient, 2));
}

#[tokio::test]
async fn an_error_shows_no_secret_of_its_address() {
    let home = Server::home(|_| Reply::Nothing).await;
    let site = site_of(&http(), &home);
    let error = site.get("/x").query("sig", "s1gnature").send(&run(), Cap::JSON).await.expect_err("nothing");
    let mut chain = format!("{error:?}");
    let mut source: Option<&dyn std::error::Error> = Some(&error);
    while let Some(part) = source {
        chain += &format!(" | {part}");
        source = part.source();
    }
    assert!(!chain.contains("s1gnature") && !chain.contains(TOKEN), "{chain}");
    let foreign = site.hop(&asked(&home), "http://10.1.1.1/x?sig=s1gnature").expect_err("plain http");
    assert!(!format!("{foreign:?} {foreign}").contains("s1gnature"));
}

/// What the child process of the next test does; by itself it does nothing.
#[tokio::test]
async fn speaks_to_the_server_that_its_parent_names() {
    let Ok(address) = std::env::var("HOSTILE_HOSTS_SERVER") else { return };
    let site = http().site("server", &address, Some(bearer(&address, TOKEN))).expect("a site");
    assert_eq!(site.get("/through-no-proxy").send(&run(), Cap::JSON).await.expect("an answer").status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_of_the_environment_have_no_effect() {
    let (home, proxy) = (Server::at("127.0.0.4", |_| Reply::json("{}")).await, Server::foreign().await);
    let mut child = Command::new(std::env::current_exe().expect("this program"));
    child.args(["--exact", "speaks_to_the_server_that_its_parent_names"]);
    child.env("HOSTILE_HOSTS_SERVER", home.url(""));
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(name, proxy.url(""));
    }
    child.env_remove("NO_PROXY").env_remove("no_proxy").env_remove("REQUEST_METHOD");
    let output = tokio::task::spawn_blocking(move || child.output()).await.expect("joined").expect("started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let seen: Vec<Seen> = home.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].line, "GET /through-no-proxy HTTP/1.1");
    assert_eq!(proxy.connections(), 0);
}

/// A certificate that trusts nobody here: it only lets a site speak TLS on a machine without a trust store.
const SELF_SIGNED: &str = "-----BEGIN CERTIFICATE-----
MIIBkTCCATegAwIBAgIUSF53gnevmpYkdijuLNp1zD+CjfQwCgYIKoZIzj0EAwIw
HTEbMBkGA1UEAwwSaG9zdGlsZS1ob3N0cyB0ZXN0MCAXDTI2MTEyMTAyMjYwNloY
DzIxMjYxMDI4MDIyNjA2WjAdMRswGQYDVQQDDBJob3N0aWxlLWhvc3RzIHRlc3Qw
WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARyd75pgARWe2B0hUjkabXe4JCGkvSN
iha6k8KOU0pH1Ro/APfULnv0JEJno6+tqWkm2QHm7Sq7pkDNYkgNXdZCo1MwUTAd
BgNVHQ4EFgQUrWGeLa29GLfBN7Fmc/Ivbb+zaaswHwYDVR0jBBgwFoAUrWGeLa29
GLfBN7Fmc/Ivbb+zaaswDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBF
AiEA7IRNpPYyIWSdVyzkNCoIf7OAQPJK5J4LfteTnq6XzmcCIGLcHTi0VklSvVIV
6iHjjdjH3xqMp5Zrprh+QzmK8Zgg
-----END CERTIFICATE-----
";
