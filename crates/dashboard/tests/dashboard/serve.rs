//! The pages over HTTP.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use landfall_dashboard::{Layout, Pages, build, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::sample::small;

async fn ask(port: u16, request: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(format!("{request}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn pages_are_answered_to_this_machine_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let made = Arc::new(AtomicUsize::new(0));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let counted = Arc::clone(&made);
    let make = move || {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            if number == 0 {
                Err("the ledger is damaged".to_owned())
            } else {
                Ok(Arc::new(build(&small(), &Layout::default()).into_iter().collect::<Pages>()))
            }
        }
    };
    let server = tokio::spawn(serve(listener, make, async move {
        let _ = stopped.await;
    }));
    let failed = ask(port, "GET / HTTP/1.1\r\nHost: localhost").await.expect("an answer");
    assert!(failed.starts_with("HTTP/1.1 500") && failed.ends_with("the ledger is damaged\n"), "{failed}");
    let index = ask(port, "GET / HTTP/1.1\r\nHost: localhost").await.expect("an answer");
    assert!(index.starts_with("HTTP/1.1 200") && index.contains("What runs where"), "{index}");
    assert!(index.contains("x-content-type-options: nosniff"), "{index}");
    let css = ask(port, "GET /pages/site.css HTTP/1.1\r\nHost: 127.0.0.1").await.expect("an answer");
    assert!(css.contains("content-type: text/css"), "{css}");
    assert_eq!(made.load(Ordering::SeqCst), 2, "what is fresh is not made again");
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: evil.example", "421"),
        ("GET /../../etc/passwd HTTP/1.1\r\nHost: localhost", "404"),
        ("POST / HTTP/1.1\r\nHost: localhost", "405"),
    ] {
        let answer = ask(port, request).await.expect("an answer");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer}");
    }
    let _ = stop.send(());
    server.await.expect("it ends").expect("well");
}
