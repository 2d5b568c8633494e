//! Messages, names and servers that mean harm.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use landfall_secret::Secret;

use super::{begun, codes, config, deps, released, run, versions};
use crate::Output;
use crate::git_world::{run_handle, told};

#[tokio::test]
async fn hostile_messages_are_text() {
    let world = begun().await;
    let clone = world.clone_as("a");
    let marker = world.outside().join("harm");
    let harm = marker.display();
    for (number, message) in [
        format!("fix: $(touch {harm}) `touch {harm}` ; touch {harm} | & > {harm}"),
        "--amend: x\n\n-n\n--force".to_owned(),
        "fix: a\u{1b}[2J\u{7}\rb\u{202e}c".to_owned(),
        "fix: ::error::x\n\nsection_start:1:a\r\u{1b}[0K".to_owned(),
        format!("feat: long {}", "x".repeat(1024 * 1024)),
        "\u{1}\u{1}\n\n\u{1}".to_owned(),
        String::new(),
        "fix: [x](javascript:alert(1)) <script>alert(1)</script>".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        clone.write(&format!("functions/pay/{number} $(x)\n-f.ts"), "x");
        clone.commit(message);
    }
    clone.git(&["push", "--quiet", "origin", "main"]);
    let outcome = released(&clone, |_| ()).await;
    let text = told(&outcome);
    assert!(text.ends_with("pushed to main of origin"), "{text}");
    assert_eq!(versions(&clone), "orders 0.1.0 orders, pay 2.2.0 pay");
    assert!(!marker.exists());
    let log = clone.read("functions/pay/CHANGELOG.md");
    for shown in [&text, &log] {
        assert!(!shown.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{shown}");
        assert!(!shown.contains("<script") && !shown.contains("\n::error"), "{shown}");
    }
    assert!(log.len() < 8 * 1024, "{}", log.len());
}

#[tokio::test]
async fn hostile_names_are_refused_or_passed_over() {
    let world = begun().await;
    let clone = world.clone_as("a");
    for branch in [
        "--upload-pack=touch x",
        "a b",
        "a;b",
        "a\nb",
        "a..b",
        "$(x)",
        "a\u{1b}",
        "",
        "HEAD",
        "refs/heads/*",
        "a:b",
    ] {
        let outcome = released(&clone, |config| config.wishes.branch = Some(branch.to_owned())).await;
        assert_eq!(codes(&outcome), "LF-GIT-NAME", "{branch:?}");
        assert!(!told(&outcome).contains('\u{1b}'));
    }
    for remote in ["--exec=x", "ext::sh -c x", "https://a:b@c/d", "/tmp/x y", ""] {
        let outcome = released(&clone, |config| config.wishes.remote = remote.to_owned()).await;
        assert_eq!(codes(&outcome), "LF-GIT-NAME", "{remote:?}");
    }
    // Tags that git takes and that are not ours, on the remote and here.
    for tag in
        ["pay-9", "pay-9.9", "pay-v9.9.9", "pay-9.9.9-$(x)", "9.9.9", "nightly", "pay-9.9.9;x", "Pay-9.9.9"]
    {
        clone.git(&["tag", tag]);
    }
    clone.git(&["push", "--quiet", "--tags", "origin"]);
    clone.change("functions/pay/a.ts", "fix: pay");
    released(&clone, |_| ()).await.expect("released");
    assert_eq!(versions(&clone), "orders 0.1.0 orders, pay 2.1.1 pay");
    // A tag of ours that is of no commit would be in the way one day.
    clone.git(&["tag", "pay-9.9.9", "HEAD^{tree}"]);
    clone.git(&["push", "--quiet", "--tags", "origin"]);
    assert_eq!(codes(&released(&clone, |_| ()).await), "LF-TAGS-HIGHER");
}

/// Answers one request after the other with 401 and gives back what was asked, until nothing more comes.
fn refusing_server() -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://user:p4ssw0rd-of-url@{}", listener.local_addr().expect("an address"));
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a request");
        let mut asked = Vec::new();
        let mut piece = [0; 4096];
        while !asked.windows(4).any(|window| window == b"\r\n\r\n") {
            let read = stream.read(&mut piece).expect("a request");
            assert!(read > 0, "it ended early");
            asked.extend_from_slice(&piece[..read]);
        }
        let answer = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        stream.write_all(answer.as_bytes()).expect("an answer");
        String::from_utf8_lossy(&asked).into_owned()
    });
    (address, server)
}

#[tokio::test]
async fn a_token_reaches_the_remote_and_nobody_else() {
    let world = begun().await;
    let clone = world.clone_as("a");
    let (address, server) = refusing_server();
    clone.git(&["remote", "set-url", "origin", &format!("{address}/acme/app.git")]);
    // Another header that was set before, as some CI systems do, does not go along.
    clone.git(&["config", "http.extraHeader", "Authorization: Basic b3RoZXI="]);
    let handle = run_handle();
    let token = Secret::new("glpat-very-secret-token");
    handle.redactor().learn(&token);
    let deps = super::Deps { token: Some(token), ..deps(&clone) };
    let outcome = run(&config(&clone), &deps, &Output::Real, &handle).await;
    let asked = server.join().expect("a server");
    // printf 'oauth2:glpat-very-secret-token' | base64
    let header = "Authorization: Basic b2F1dGgyOmdscGF0LXZlcnktc2VjcmV0LXRva2Vu";
    assert_eq!(asked.matches("Authorization:").count(), 1, "{asked}");
    assert!(asked.contains(header) && asked.starts_with("GET /acme/app.git/info/refs"), "{asked}");
    assert_eq!(codes(&outcome), "LF-GIT-DENIED");
    let text = format!("{:?} {deps:?}", told(&outcome));
    for secret in ["glpat", "b2F1dGgy", "p4ssw0rd-of-url"] {
        assert!(!text.contains(secret), "{text}");
    }
}
