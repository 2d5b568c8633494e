//! What a person sees.

use std::error::Error as _;

use landfall_artifacts::{Class, Explain as _, TicketKey};
use landfall_jira::{Error, Facts, Jira, JiraConfig, Statuses, Step};
use landfall_run::Run;
use landfall_transport::{Http, HttpConfig};
use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::support::{Site, TOKEN, no_issue};

fn key() -> TicketKey {
    "REL-24".parse().expect("a key")
}

async fn refused(answer: ResponseTemplate) -> (Error, usize) {
    let site = Site::new(move |_, _, _| answer.clone()).await;
    let error = site.jira.ticket(&site.run, &key()).await.expect_err("refused");
    let shown = format!("{error} {error:?} {:?}", error.remedy());
    assert!(!shown.contains(TOKEN), "{shown}");
    (error, site.server.received_requests().await.expect("recorded").len())
}

#[tokio::test]
async fn each_status_has_its_code_class_and_remedy() {
    let html = ResponseTemplate::new(200).set_body_string("<html>sign in</html>");
    let two = ResponseTemplate::new(200).set_body_json(json!({ "id": "x", "key": "REL-24" }));
    let odd = ResponseTemplate::new(200).set_body_json(json!({ "id": "1", "key": "REL 24" }));
    for (answer, code, class, requests) in [
        (ResponseTemplate::new(401), "LF-JIRA-AUTH", Class::Refused, 1),
        (ResponseTemplate::new(403), "LF-JIRA-FORBIDDEN", Class::Refused, 1),
        (no_issue(), "LF-JIRA-NOT-FOUND", Class::Refused, 1),
        (ResponseTemplate::new(410), "LF-JIRA-REFUSED", Class::Refused, 1),
        (
            ResponseTemplate::new(302).insert_header("location", "http://127.0.0.2:1/"),
            "LF-JIRA-REFUSED",
            Class::Refused,
            1,
        ),
        (
            ResponseTemplate::new(429).insert_header("retry-after", "0"),
            "LF-JIRA-THROTTLED",
            Class::Transient,
            2,
        ),
        (ResponseTemplate::new(503), "LF-JIRA-DOWN", Class::Transient, 2),
        (html, "LF-JIRA-HTTP", Class::Transient, 1),
        (two, "LF-JIRA-ANSWER", Class::Transient, 1),
        (odd, "LF-JIRA-ANSWER", Class::Transient, 1),
    ] {
        let (error, seen) = refused(answer).await;
        assert_eq!((error.code(), error.class(), seen), (code, class, requests), "{error}");
        assert!(error.remedy().is_some(), "{error}");
        assert_eq!(error.is_retryable(), class == Class::Transient);
    }
}

type Cause<'c> = &'c dyn Fn() -> Error;

/// What was sent and is not known to have arrived: running again finds out, unless Jira refuses to tell. As docs/stages.md has it.
#[test]
fn a_lost_write_passes_unless_jira_refuses_to_tell() {
    let doing = || "search".to_owned();
    let said = || "no".to_owned();
    let origin = || "https://example.atlassian.net".to_owned();
    let causes: [(Cause<'_>, Class); 7] = [
        (&|| Error::Down { doing: doing(), status: 502 }, Class::Transient),
        (&|| Error::Throttled { doing: doing(), reason: None }, Class::Transient),
        (&|| Error::Lacking { doing: doing(), what: "the id" }, Class::Transient),
        (&|| Error::Stopped { doing: doing() }, Class::Interrupted),
        (&|| Error::Unauthorized { origin: origin(), doing: doing() }, Class::Unknown),
        (&|| Error::Forbidden { doing: doing(), said: said() }, Class::Unknown),
        (&|| Error::NotFound { doing: doing(), said: said() }, Class::Unknown),
    ];
    for (cause, class) in causes {
        let create = Error::LostCreate { label: "rel-1".to_owned(), cause: cause().into() };
        let write = Error::LostWrite { doing: doing(), cause: cause().into() };
        for lost in [create, write] {
            assert_eq!((lost.class(), lost.may_have_written()), (class, true), "{lost:?}");
            let remedy = lost.remedy().expect("a remedy");
            let first = cause().remedy().unwrap_or_default().into_owned();
            let is_first = remedy.starts_with(&format!("{first}; then run again"));
            assert_eq!(is_first, class == Class::Unknown, "{remedy}");
            assert!(is_first || remedy.starts_with("run again"), "{remedy}");
        }
    }
}

#[tokio::test]
async fn a_missing_ticket_is_told_as_jira_tells_it() {
    let (error, _) = refused(no_issue()).await;
    assert_eq!(
        error.to_string(),
        "cannot read REL-24: there is none, or the account may not see it (404): \
         Issue does not exist or you do not have permission to see it."
    );
}

#[tokio::test]
async fn a_site_that_is_down_is_a_passing_fault_with_its_cause() {
    let http = Http::new(HttpConfig::default()).expect("a client");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let site = http.site("jira", &address, None).expect("a site");
    let jira = Jira::new(site, JiraConfig::new("REL", "Release")).expect("a client");
    let policy = landfall_run::RetryPolicy { attempts: 1, ..landfall_run::RetryPolicy::default() };
    let run = Run::builder().retry_policy(policy).build();
    let error = jira.transition(&run, &key(), Step::Closed, &Facts::default()).await.expect_err("down");
    assert_eq!((error.code(), error.class()), ("LF-JIRA-HTTP", Class::Transient));
    assert_eq!(error.to_string(), "cannot read REL-24");
    assert!(
        error.source().expect("a cause").to_string().starts_with("cannot connect to http://127.0.0.1"),
        "{error:?}"
    );
}

#[tokio::test]
async fn settings_that_cannot_be_right_are_refused_before_anything_is_sent() {
    let http = Http::new(HttpConfig::default()).expect("a client");
    let site = || http.site("jira", "http://127.0.0.1:9", None).expect("a site");
    for project in ["", "rel", "REL\" OR 1", "REL-1", "R L"] {
        let error = Jira::new(site(), JiraConfig::new(project, "Release")).expect_err("refused");
        assert_eq!((error.code(), error.class()), ("LF-JIRA-SETTING", Class::Input));
    }
    assert!(Jira::new(site(), JiraConfig::new("REL", " ")).is_err());
    let mut config = JiraConfig::new("REL", "Release");
    config.statuses = Statuses { closed: "Clo\nsed".into(), ..Statuses::default() };
    let error = Jira::new(site(), config).expect_err("refused");
    assert_eq!(error.to_string(), "`Clo\\u{a}sed` is not a usable status");
    assert!("nowhere".parse::<Step>().is_err());
    assert_eq!("pp-testing".parse::<Step>(), Ok(Step::PpTesting));
}

#[tokio::test]
async fn links_lead_to_the_site_and_not_to_the_gateway() {
    let server = MockServer::start().await;
    let answer = |request: &Request| match request.url.path() {
        "/ex/jira/1a2b/rest/api/3/serverInfo" => {
            ResponseTemplate::new(200).set_body_json(json!({ "baseUrl": "https://example.atlassian.net" }))
        }
        "/ex/jira/1a2b/rest/api/3/issue/REL-24" => {
            ResponseTemplate::new(200).set_body_json(json!({ "id": "10024", "key": "REL-24" }))
        }
        other => panic!("{other}"),
    };
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let http = Http::new(HttpConfig::default()).expect("a client");
    let site = http.site("jira", &format!("{}/ex/jira/1a2b", server.uri()), None).expect("a site");
    let jira = Jira::new(site, JiraConfig::new("REL", "Release")).expect("a client");
    let run = Run::builder().build();
    for _ in 0..2 {
        let ticket = jira.ticket(&run, &key()).await.expect("there");
        assert_eq!(ticket.url, "https://example.atlassian.net/browse/REL-24");
    }
    assert_eq!(server.received_requests().await.expect("recorded").len(), 3, "it is asked once");
}

#[tokio::test]
async fn a_page_for_people_is_no_success() {
    let page = ResponseTemplate::new(200).set_body_raw("<!doctype html><title>Sign in</title>", "text/html");
    let (error, seen) = refused(page).await;
    assert_eq!((error.code(), error.class(), seen), ("LF-JIRA-ANSWER", Class::Transient, 2));
}
