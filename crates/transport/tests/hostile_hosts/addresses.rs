//! Spellings of addresses: which are the server's own, which are never spoken to.

use landfall_transport::{Cap, Error, Hop, Http, HttpConfig, Method};
use url::Url;

use crate::raw_server::{Reply, Server};
use crate::{asked, http, run, site_of, tls_site};

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

/// Whatever a server writes into `Location`: if it was accepted as the server's own, the request arrives at the server.
#[test]
fn what_is_accepted_as_its_own_reaches_nobody_else() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (home, foreign) = runtime.block_on(Server::pair(|_| Reply::status(202)));
    let (site, asked) = (site_of(&http(), &home), asked(&home));
    let port = home.port().to_string();
    let parts = [
        "http:",
        "https:",
        "HTTP:",
        "//",
        "/",
        "\\",
        "@",
        "127.0.0.1",
        "127.0.0.2",
        "127.1",
        "0x7f000002",
        "localhost",
        ":",
        &port,
        "80",
        "%2f",
        "%40",
        "?",
        "#",
        ".",
        "..",
        "\t",
        "\n",
        " ",
        "[::1]",
        "user",
        ";",
        "。",
    ];
    let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
    let spellings = proptest::collection::vec(proptest::sample::select(parts), 1..9);
    let config =
        proptest::test_runner::Config { cases: 1500, failure_persistence: None, ..Default::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let accepted = std::cell::Cell::new(0);
    let result = runner.run(&spellings, |spelling| {
        let given = spelling.concat();
        if let Ok(location) = site.accept(&asked, &given, "Location") {
            let before = home.seen().len();
            let request = site.request_at(Method::PUT, &location);
            let answer = runtime.block_on(request.send(&run(), Cap::JSON));
            proptest::prop_assert!(answer.is_ok(), "{given}: {answer:?}");
            proptest::prop_assert_eq!(home.seen().len(), before + 1, "{}", given);
            accepted.set(accepted.get() + 1);
        }
        Ok(())
    });
    result.expect("no spelling leads astray");
    assert!(accepted.get() > 50, "the spellings are not all foreign: {}", accepted.get());
    assert_eq!(foreign.connections(), 0);
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
