//! What leaves this machine, and what of it a person gets to read.

use std::process::Command;

use landfall_artifacts::{Class, Explain as _};
use landfall_secret::{Credential, CredentialKind, Origin, Secret};
use landfall_transport::{Cap, Error};

use crate::raw_server::{Reply, Server};
use crate::{TOKEN, asked, bearer, http, run, site_of};

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
    child.args(["--exact", "what_is_sent::speaks_to_the_server_that_its_parent_names"]);
    child.env("HOSTILE_HOSTS_SERVER", home.url(""));
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(name, proxy.url(""));
    }
    child.env_remove("NO_PROXY").env_remove("no_proxy").env_remove("REQUEST_METHOD");
    let output = tokio::task::spawn_blocking(move || child.output()).await.expect("joined").expect("started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let seen = home.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].line, "GET /through-no-proxy HTTP/1.1");
    assert_eq!(proxy.connections(), 0);
}
