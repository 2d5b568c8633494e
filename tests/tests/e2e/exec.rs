//! `aws-credentials exec`: the command that runs with the keys, what it hears, and how long its keys are good.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use landfall_sandbox::Service;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::credentials::aws_cli;
use crate::harness::Running;
use crate::world::World;

/// The words that run a script of the shell.
fn shell(script: &str) -> [&str; 7] {
    ["aws-credentials", "--quiet", "exec", "--", "sh", "-c", script]
}

impl World {
    fn note(&self, name: &str) -> PathBuf {
        self.home.path().join("home").join(name)
    }
}

/// Waits for a file that a script writes.
async fn there(file: &Path) {
    let written = async {
        while !file.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(120), written).await.is_ok();
    assert!(in_time, "{} is not written", file.display());
}

fn tell(running: &Running<'_>, signal: Signal) {
    kill_process(Pid::from_raw(running.pid()).expect("a process id"), signal).expect("sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_gets_keys_from_an_endpoint_and_no_secret_of_ours() {
    let mut world = World::small().await;
    world.set("GITLAB_TOKEN", "glpat-not-for-the-command");
    world.set("AWS_PROFILE", "another");
    let ran = world.run_direct(&["aws-credentials", "--quiet", "exec", "--", "env"]).await.expect(0);
    let seen: Vec<&str> = ran.stdout.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    for name in [
        "VAULT_SECRET_ID",
        "VAULT_ROLE_ID",
        "GITLAB_TOKEN",
        "AWS_PROFILE",
        "AWS_ROLE_ARN",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ] {
        assert!(!seen.contains(&name), "{name}");
    }
    for name in
        ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_REGION", "PATH"]
    {
        assert!(seen.contains(&name), "{name}");
    }
    for secret in world.sandbox.secret_values() {
        // What the pipeline set for others, such as Jira, is the pipeline's to set.
        let of_aws = world.sandbox.issued.secrets().contains(&secret);
        assert!(!of_aws || !ran.stdout.contains(&secret), "keys are in the environment");
    }
    assert!(world.made().is_empty(), "nothing is stored");
    assert!(world.sandbox.vault.live_tokens().is_empty());

    let ran = world.run_direct(&["aws-credentials", "--static", "exec", "--", "env"]).await.expect(0);
    assert!(
        ran.stdout.contains("AWS_SESSION_TOKEN=") && !ran.stdout.contains("AWS_CONTAINER_"),
        "{}",
        ran.stdout
    );
    assert!(ran.stderr.contains("are not renewed"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_cli_runs_on_the_endpoint() {
    let Some(aws) = aws_cli() else { return };
    let world = World::small().await;
    let address = world.sandbox.url(Service::Sts);
    let words =
        ["aws-credentials", "--quiet", "exec", "--", aws, "sts", "get-caller-identity", "--endpoint-url"];
    let words = [&words[..], &[&address]].concat();
    let ran = world.run_direct(&words).await.expect(0);
    assert!(ran.stdout.contains(":assumed-role/Deployer/"), "{}{}", ran.stdout, ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_command_is_passed_on() {
    let world = World::small().await;
    let ran = world.run(&shell("echo out; echo err >&2; exit 7")).await.expect(7);
    assert_eq!(ran.stdout, "out\n");
    assert!(ran.stderr.contains("err\n"), "{}", ran.stderr);
    assert_eq!(ran.outcome(), "failed");
    assert!(ran.items().contains(&("command".to_owned(), "ended".to_owned())));
    world.run(&shell("kill -KILL $$")).await.expect(137);
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_are_passed_on() {
    let world = World::small().await;
    for (signal, code) in
        [(Signal::TERM, 21), (Signal::INT, 22), (Signal::USR1, 23), (Signal::HUP, 24), (Signal::QUIT, 25)]
    {
        let ready = world.note(&format!("ready-{code}"));
        let script = format!(
            "trap 'exit 21' TERM; trap 'exit 22' INT; trap 'exit 23' USR1; trap 'exit 24' HUP; trap 'exit 25' QUIT
             : >{}; while :; do sleep 0.05; done",
            ready.display()
        );
        let running = world.start_apart(&shell(&script)).await;
        there(&ready).await;
        tell(&running, signal);
        running.end().await.expect(code);
    }
}

/// What a script of the shell does that counts how often it is asked to end: `asked-1` is there after the first time.
fn counting(world: &World, end: &str) -> String {
    let notes = world.home.path().join("home").display().to_string();
    format!(
        "n=0; trap 'n=$((n+1)); : >{notes}/asked-$n' INT; {end}
         echo $PPID >{notes}/parent; mv {notes}/parent {notes}/ready; while :; do sleep 0.05; done"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_does_not_end_is_asked_twice_and_then_made_to() {
    let world = World::small().await;
    let script = counting(&world, "");
    let running = world.start_apart(&shell(&script)).await;
    there(&world.note("ready")).await;
    for number in 1..=2 {
        tell(&running, Signal::INT);
        there(&world.note(&format!("asked-{number}"))).await;
    }
    tell(&running, Signal::TERM);
    let ran = running.end().await.expect(137);
    assert!(ran.stderr.contains("was asked twice to end and is killed"), "{}", ran.stderr);
}

/// Ctrl-C at a terminal reaches the whole group in front of it. Whether this process's input is the terminal does not matter for that.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_hears_of_a_key_once() {
    if !Path::new("/usr/bin/script").exists() {
        // It comes with util-linux.
        assert!(std::env::var_os("LANDFALL_REAL_SERVERS").is_none(), "script is to be there");
        return;
    }
    let world = World::small().await;
    let inner = counting(&world, "trap 'exit 21' TERM");
    let file = world.note("inner.sh");
    std::fs::write(&file, inner).expect("written");
    let line = format!(
        "exec {} aws-credentials --quiet exec -- sh {} </dev/null",
        env!("CARGO_BIN_EXE_under-test"),
        file.display()
    );
    let mut terminal = Command::new("/usr/bin/script")
        .args(["-qec", &line, "/dev/null"])
        .current_dir(world.repo.path())
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default())
        .env("HOME", world.home.path().join("home"))
        .env("SHELL", "/bin/sh")
        .envs(&world.variables)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    there(&world.note("ready")).await;
    let mut keys = terminal.stdin.take().expect("piped");
    keys.write_all(b"\x03").await.expect("typed");
    there(&world.note("asked-1")).await;
    let stage = std::fs::read_to_string(world.note("ready")).expect("the number of the stage");
    let stage = Pid::from_raw(stage.trim().parse().expect("a number")).expect("a process id");
    kill_process(stage, Signal::TERM).expect("sent");
    let status = terminal.wait().await.expect("its end is seen");
    assert_eq!(status.code(), Some(21));
    assert!(!world.note("asked-2").exists(), "it heard of one key twice");
}

/// The id of the keys that the endpoint of a command gives.
async fn asked(endpoint: &str) -> String {
    let (uri, token) = endpoint.trim().split_once(' ').expect("an address and a token");
    let (host, path) = uri.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("an address");
    let mut stream = tokio::net::TcpStream::connect(host).await.expect("it listens");
    let request = format!(
        "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nauthorization: {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("read");
    let body: Value = serde_json::from_str(text.split_once("\r\n\r\n").expect("a head").1).expect("JSON");
    body["AccessKeyId"].as_str().unwrap_or_else(|| panic!("no keys: {body}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_takes_its_time_to_end_has_good_keys_meanwhile() {
    let world = World::small().await;
    world.sandbox.vault.configure(|vault| vault.told_lifetime = Some(Duration::from_secs(4)));
    let (told, done) = (world.note("told"), world.note("done"));
    let script = format!(
        "trap '' TERM INT; echo \"$AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN\" >{told}.new
         mv {told}.new {told}; while [ ! -e {done} ]; do sleep 0.05; done",
        told = told.display(),
        done = done.display()
    );
    let running = world.start_apart(&shell(&script)).await;
    there(&told).await;
    let endpoint = std::fs::read_to_string(&told).expect("read");
    let before = asked(&endpoint).await;
    tell(&running, Signal::TERM);
    let renewed = async {
        while asked(&endpoint).await == before {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(60), renewed).await.is_ok();
    assert!(in_time, "the keys are not renewed after a signal");
    std::fs::write(&done, "").expect("written");
    running.end().await.expect(0);
    assert!(world.sandbox.vault.logins() >= 2);
    assert!(world.sandbox.vault.live_tokens().is_empty(), "a login was cut off");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_not_there_costs_no_login() {
    let world = World::small().await;
    for (words, code) in [
        (&["aws-credentials", "exec", "--", "no-such-program"][..], "LF-EXEC"),
        // It is there, and no program.
        (&["aws-credentials", "exec", "--", "./package.json"], "LF-EXEC"),
        (&["aws-credentials", "exec"], "LF-CONFIG-MISSING"),
        (&["aws-credentials", "--", "env"], "LF-CONFIG"),
        (&["aws-credentials", "run", "--", "env"], "LF-CONFIG"),
    ] {
        let ran = world.run(words).await.expect(2);
        assert_eq!(ran.codes(), [code], "{}", ran.stderr);
    }
    assert_eq!(world.sandbox.vault.logins(), 0);
}
