//! Realms, redirects and locations that lead to another host: it sees nothing of ours.

use futures_util::StreamExt as _;
use landfall_artifacts::{Class, Explain as _};
use landfall_secret::{Credential, CredentialKind, Origin, Secret};
use landfall_transport::{Cap, Error, Hop};

use crate::raw_server::{Reply, Server};
use crate::{TOKEN, asked, bearer, http, run, site_of};

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
    let refused = site.token_server(&auth.url("/token"), Some("127.0.0.2"));
    assert!(matches!(refused, Err(Error::ForeignHop { .. })), "a host alone is its default port");
    for default in ["http://127.0.0.2/token", "http://127.0.0.2:80/token", "https://127.0.0.2/token"] {
        assert!(site.token_server(default, Some("127.0.0.2")).is_ok(), "{default}");
    }
    assert!(site.token_server("https://127.0.0.2:80/token", Some("127.0.0.2")).is_err());
    let token_server = site.token_server(&auth.url("/token"), Some(&by_port)).expect("it was named");
    let answer = token_server.get("/sub").query("scope", "pull").send(&run(), Cap::TOKEN).await;
    assert_eq!(answer.expect("an answer").status(), 200);
    let seen = auth.seen();
    assert!(seen.iter().all(|seen| seen.header("authorization") == Some(&format!("Bearer {TOKEN}"))));
    assert_eq!(seen.len(), 1);
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
async fn a_credential_for_one_server_makes_no_site_at_another() {
    let (home, foreign) = (Server::home(|_| Reply::status(200)).await, Server::foreign().await);
    let refused = http().site("server", &foreign.url(""), Some(bearer(&home.url(""), TOKEN)));
    let error = refused.expect_err("another origin");
    assert!(matches!(error, Error::ForeignCredential { .. }));
    assert!(!format!("{error:?} {error}").contains(TOKEN));
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
