//! Docker's configuration: what is read is written so that it is read the same, and no message shows a secret.
#![no_main]

use landfall_artifacts::{DockerConfig, Login};
use landfall_fuzz::{fuzz_target, shown};
use landfall_secret::Secret;
use serde_json::Value;

/// A secret with this in it stands in no message by chance.
const CANARY: &str = "canary";

fuzz_target!(|bytes: &[u8]| {
    match DockerConfig::parse(bytes, "DOCKER_AUTH_CONFIG") {
        Ok(config) => {
            reads_the_same(&config);
            debug_shows_no_secret(&config);
        }
        Err(errors) => {
            let shown = format!("{}{errors:?}", shown(&errors));
            if let Ok(document) = serde_json::from_slice::<Value>(bytes) {
                let (mut keys, mut values) = (Vec::new(), Vec::new());
                texts(&document, &mut keys, &mut values);
                // A key stands in the pointer to what is wrong, so a secret that is a key too is none.
                for value in values.iter().filter(|value| value.contains(CANARY)) {
                    let is_key = keys.iter().any(|key| key.contains(value));
                    assert!(is_key || !shown.contains(value), "{value:?} in {shown}");
                }
            }
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let mut parts = text.splitn(3, '\n').map(str::to_owned);
        if let (Some(host), Some(user), Some(password)) = (parts.next(), parts.next(), parts.next()) {
            a_login_is_taken_whole_or_not(&host, &user, &password);
        }
    }
});

fn reads_the_same(config: &DockerConfig) {
    let written = config.to_bytes();
    // Indentation may make a file too large that was not.
    if written.len() > DockerConfig::MAX_BYTES {
        return;
    }
    match DockerConfig::parse(&written, "what was written") {
        Ok(again) => assert!(again == *config, "read otherwise: {}", String::from_utf8_lossy(&written)),
        Err(errors) => panic!("{errors} in {}", String::from_utf8_lossy(&written)),
    }
    let mut merged = config.clone();
    merged.merge(config.clone());
    assert!(merged == *config, "merged with itself it is another one");
}

fn debug_shows_no_secret(config: &DockerConfig) {
    let debug = format!("{config:?}");
    let hosts: Vec<&str> = config.hosts().collect();
    for secret in config.secrets().map(Secret::expose).filter(|secret| secret.contains(CANARY)) {
        let is_host = hosts.iter().any(|host| host.contains(secret));
        assert!(is_host || !debug.contains(secret), "{secret:?} in {debug}");
    }
    for host in hosts {
        // A key that is no host, such as an address, is not found by itself.
        let Some(login) = config.login_for(host).map(|entry| entry.login) else { continue };
        let (user, secret) = match login {
            Login::Password { username, password } => {
                assert!(!username.contains(':'), "{username:?}");
                (Some(username), password)
            }
            Login::IdentityToken { username, token } => (username.as_ref(), token),
        };
        let is_user = user.is_some_and(|user| user.contains(secret.expose()));
        let debug = format!("{login:?}");
        let is_shown = secret.expose().contains(CANARY) && debug.contains(secret.expose());
        assert!(is_user || !is_shown, "{debug}");
    }
}

fn a_login_is_taken_whole_or_not(host: &str, user: &str, password: &str) {
    let mut config = DockerConfig::new();
    match config.set_login(host, user, Secret::new(password)) {
        Ok(()) => {
            reads_the_same(&config);
            debug_shows_no_secret(&config);
            let kept = Login::Password { username: user.to_owned(), password: Secret::new(password) };
            let found = config.login_for(host).map(|entry| entry.login);
            assert!(found == Some(&kept), "another login than the one that was given");
        }
        Err(errors) => {
            let shown = format!("{}{errors:?}", shown(&errors));
            assert_eq!(config.hosts().count(), 0);
            let is_shown = password.contains(CANARY) && shown.contains(password);
            assert!(host.contains(password) || !is_shown, "{shown}");
        }
    }
}

fn texts<'v>(value: &'v Value, keys: &mut Vec<&'v str>, values: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => values.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, keys, values)),
        Value::Object(members) => members.iter().for_each(|(key, member)| {
            keys.push(key);
            texts(member, keys, values);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
