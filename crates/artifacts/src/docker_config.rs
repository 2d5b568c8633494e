//! `docker-config.json`: registry logins in the shape of Docker's `config.json`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use landfall_secret::Secret;
use serde_json::{Map, Value};

use crate::file::{Shape, parse_json, read_bounded, render_json};
use crate::file_error::{FileError, FileErrors, Problems};
use crate::json::{At, FromJson, Limits};
use crate::write::{Mode, WrittenFile, write_atomic};

/// Docker writes padded base64; others leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Registry logins. Default name `docker-config.json`; mode 0600. `Debug` shows the hosts alone.
///
/// `credHelpers`, `credsStore`, `identitytoken` and keys that are not known here survive reading, merging and writing.
/// Source: docker/cli, `cli/config/configfile` and `cli/config/types`.
#[derive(Clone, Default, PartialEq)]
pub struct DockerConfig {
    /// By the key as it was written: a host, or an address such as `https://index.docker.io/v1/`.
    auths: BTreeMap<String, Auth>,
    /// Every other key of the file.
    rest: Map<String, Value>,
}

#[derive(Clone, Default, PartialEq)]
struct Auth {
    login: Option<Login>,
    /// Every key save those that make the login.
    rest: Map<String, Value>,
}

/// How to log in at a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// User and password, for Basic and for token requests.
    Password {
        /// The user; never holds a colon.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A token that is exchanged for access tokens (OAuth2 refresh token), with the user where one is named.
    IdentityToken {
        /// The user that was written beside it, often `<token>` or none.
        username: Option<String>,
        /// The token.
        token: Secret,
    },
}

impl DockerConfig {
    /// Usual name of the file.
    pub const FILE_NAME: &'static str = "docker-config.json";

    /// The most bytes such a file may have.
    pub const MAX_BYTES: usize = 1024 * 1024;

    /// Without any login.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the format from bytes, be they a file's or the variable `DOCKER_AUTH_CONFIG`; `name` stands for them in
    /// messages, which show no value.
    ///
    /// # Errors
    /// [`FileErrors`]: every problem at once.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self, FileErrors> {
        parse_json(bytes, name, Shape::Contract, Limits::bytes(Self::MAX_BYTES), true)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`FileError`] where it cannot be read or breaks its format.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let bytes = read_bounded(path, Self::MAX_BYTES)?;
        Ok(Self::parse(&bytes, &path.to_string_lossy())?)
    }

    /// The bytes of the file, secrets and all: UTF-8, two spaces, a final newline.
    pub fn to_bytes(&self) -> Vec<u8> {
        render_json(&self.value(), Shape::Contract)
    }

    /// Writes the file atomically with mode 0600.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn write(&self, path: &Path) -> Result<WrittenFile, FileError> {
        write_atomic(path, &self.to_bytes(), Mode::Private)
    }

    /// Adds a login by user and password, or replaces that host's.
    ///
    /// # Errors
    /// [`FileErrors`] where the host is none, the user is empty or holds a colon, or user or password hold a control
    /// character: such a login could be written and not be read again.
    pub fn set_login(&mut self, host: &str, username: &str, password: Secret) -> Result<(), FileErrors> {
        let mut problems = Problems::new("the login", "", true);
        let shown = landfall_secret::escape(host, 120);
        if host.is_empty() || host.contains('/') || host.chars().any(|c| c.is_control() || c.is_whitespace())
        {
            problems.add_whole(format!("`{shown}`"), "a registry host without scheme or path");
        }
        if !is_user(username) {
            problems.add_whole(
                format!("a user for {shown} that is empty or holds a colon or a control character"),
                "a user name",
            );
        }
        if !is_password(password.expose()) {
            problems
                .add_whole(format!("a password for {shown} that holds a control character"), "a password");
        }
        problems.finish(Some(()))?;
        let entry = self.auths.entry(host.to_owned()).or_default();
        entry.login = Some(Login::Password { username: username.to_owned(), password });
        Ok(())
    }

    /// Takes over what another configuration has; where both have a host or a key, the other one's holds. Helpers of both stay.
    pub fn merge(&mut self, other: Self) {
        self.auths.extend(other.auths);
        for (key, theirs) in other.rest {
            match (self.rest.get_mut(&key), theirs) {
                (Some(Value::Object(ours)), Value::Object(theirs)) => ours.extend(theirs),
                (_, theirs) => {
                    self.rest.insert(key, theirs);
                }
            }
        }
    }

    /// The hosts with a login, as they were written.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.auths.iter().filter(|(_, auth)| auth.login.is_some()).map(|(host, _)| host.as_str())
    }

    /// The login for a host (with its port, where it has one). An entry for just that host comes before one with a scheme
    /// or path, such as `https://index.docker.io/v1/`; a login never goes to another host or port.
    pub fn login_for(&self, host: &str) -> Option<&Login> {
        let exact = self.auths.get(host).and_then(|auth| auth.login.as_ref());
        exact.or_else(|| {
            self.auths
                .iter()
                .filter(|(key, _)| host_of(key).eq_ignore_ascii_case(host))
                .find_map(|(_, auth)| auth.login.as_ref())
        })
    }

    /// The credential helper named for a host, or for all hosts. Landfall starts none; this is for saying so.
    pub fn helper_for(&self, host: &str) -> Option<&str> {
        self.rest
            .get("credHelpers")
            .and_then(|helpers| helpers.get(host))
            .or_else(|| self.rest.get("credsStore"))
            .and_then(Value::as_str)
    }

    /// Every secret of the configuration, for a redactor to learn.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.auths.values().filter_map(|auth| match auth.login.as_ref()? {
            Login::Password { password, .. } => Some(password),
            Login::IdentityToken { token, .. } => Some(token),
        })
    }

    fn value(&self) -> Value {
        let auths: Map<String, Value> =
            self.auths.iter().map(|(host, auth)| (host.clone(), Value::Object(auth.object()))).collect();
        let mut whole = self.rest.clone();
        whole.insert("auths".to_owned(), Value::Object(auths));
        Value::Object(whole)
    }
}

impl Auth {
    fn object(&self) -> Map<String, Value> {
        let mut object = self.rest.clone();
        let mut put = |key: &str, text: String| object.insert(key.to_owned(), Value::String(text));
        match &self.login {
            None => {}
            Some(Login::Password { username, password }) => {
                put("auth", BASE64.encode(format!("{username}:{}", password.expose())));
            }
            Some(Login::IdentityToken { username, token }) => {
                if let Some(username) = username {
                    put("auth", BASE64.encode(format!("{username}:")));
                }
                put("identitytoken", token.expose().to_owned());
            }
        }
        object
    }
}

/// Host and port of a key: Docker takes away the scheme and whatever comes after the host.
fn host_of(key: &str) -> &str {
    let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    rest.split('/').next().unwrap_or_default()
}

impl FromJson for DockerConfig {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let mut config = Self::default();
        for member in at.members(problems)? {
            if member.key != "auths" {
                config.rest.insert(member.key.clone(), member.value.to_value());
                continue;
            }
            let auths = at.child(member);
            for entry in auths.members(problems).unwrap_or_default() {
                let child = auths.child(entry);
                if let Some(auth) = Auth::from_json(child, problems) {
                    config.auths.insert(entry.key.clone(), auth);
                }
            }
        }
        Some(config)
    }
}

impl FromJson for Auth {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let mut auth = Self::default();
        for member in at.members(problems)? {
            if !matches!(member.key.as_str(), "auth" | "username" | "password" | "identitytoken") {
                auth.rest.insert(member.key.clone(), member.value.to_value());
            }
        }
        let basic: Option<String> = at.field("auth", problems)?;
        let pair = match basic.filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => {
                let Some(pair) = user_and_password(&text) else {
                    problems.at_field(at, "auth", "base64 of `user:password`");
                    return None;
                };
                Some(pair)
            }
        };
        let username: Option<String> = at.field("username", problems)?;
        let password: Option<String> = at.field("password", problems)?;
        let token: Option<String> = at.field("identitytoken", problems)?;
        let filled = |text: Option<String>| text.filter(|t| !t.is_empty());
        let (named, word) = match pair {
            Some((user, word)) => (Some(user), Some(word)),
            None => {
                let username = filled(username);
                if !fits_auth(at, username.as_deref(), password.as_deref(), problems) {
                    return None;
                }
                (username, password)
            }
        };
        auth.login = match (filled(token), named, word) {
            (Some(token), username, _) => Some(Login::IdentityToken { username, token: Secret::new(token) }),
            (None, Some(username), Some(password)) => {
                Some(Login::Password { username, password: Secret::new(password) })
            }
            (None, ..) => None,
        };
        Some(auth)
    }
}

fn user_and_password(text: &str) -> Option<(String, String)> {
    let plain = String::from_utf8(BASE64.decode(text.trim()).ok()?).ok()?;
    let (user, password) = plain.split_once(':')?;
    // Old Docker versions pad the password with NUL.
    let password = password.trim_matches('\0');
    (is_user(user) && is_password(password)).then(|| (user.to_owned(), password.to_owned()))
}

/// Whether a login that stands there as user and password is read the same from `auth`, where it is written.
fn fits_auth(at: At<'_>, user: Option<&str>, password: Option<&str>, problems: &mut Problems<'_>) -> bool {
    let (key, expected) = match (user, password) {
        (Some(user), _) if !is_user(user) => ("username", "a user name without colon and control characters"),
        (_, Some(word)) if !is_password(word) => ("password", "a password without control characters"),
        (None, Some(word)) if !word.is_empty() => ("username", "the user of the password"),
        _ => return true,
    };
    problems.at_field(at, key, expected);
    false
}

/// Whether a user can stand before the colon of `auth` (RFC 7617, 2).
fn is_user(text: &str) -> bool {
    !text.is_empty() && !text.contains(':') && !text.chars().any(char::is_control)
}

/// Whether a password can stand behind the colon of `auth` (RFC 7617, 2).
fn is_password(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

impl fmt::Debug for DockerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.auths.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use base64::Engine as _;
    use landfall_secret::Secret;
    use proptest::prelude::*;

    use super::{BASE64, DockerConfig, Login};

    fn config(text: &str) -> DockerConfig {
        DockerConfig::parse(text.as_bytes(), "DOCKER_AUTH_CONFIG").expect("valid")
    }

    fn basic(pair: &str) -> String {
        BASE64.encode(pair)
    }

    #[test]
    fn logins_are_found_by_host_and_nothing_else() {
        let text = format!(
            r#"{{"auths":{{"https://index.docker.io/v1/":{{"auth":"{}"}},"art.example.com:8443":{{"auth":"{}"}},"empty.example.com":{{}}}}}}"#,
            basic("hub:a:b"),
            basic("bot:canary").trim_end_matches('='),
        );
        let config = config(&text);
        let user = |host: &str| match config.login_for(host) {
            Some(Login::Password { username, password }) => Some(format!("{username} {}", password.expose())),
            _ => None,
        };
        assert_eq!(user("index.docker.io").as_deref(), Some("hub a:b"));
        assert_eq!(user("art.example.com:8443").as_deref(), Some("bot canary"));
        for other in
            ["art.example.com", "art.example.com:443", "evil.art.example.com", "empty.example.com", ""]
        {
            assert_eq!(user(other), None, "{other}");
        }
        assert!(!format!("{config:?}").contains("canary"));
    }

    #[test]
    fn what_is_not_ours_survives_a_merge() {
        let mut ours = config(
            r#"{"auths":{"a.example.com":{"auth":"","identitytoken":"canary-token","email":"x"}},"credsStore":"pass","HttpHeaders":{"X":"1"},"credHelpers":{"gcr.io":"gcloud"}}"#,
        );
        let mut theirs = config(r#"{"credHelpers":{"public.ecr.aws":"ecr-login"}}"#);
        theirs.set_login("b.example.com", "AWS", Secret::new("canary")).expect("a login");
        ours.merge(theirs);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("docker-config.json");
        ours.write(&path).expect("written");
        insta::assert_snapshot!(std::fs::read_to_string(&path).expect("read"), @r#"
        {
          "HttpHeaders": {
            "X": "1"
          },
          "auths": {
            "a.example.com": {
              "email": "x",
              "identitytoken": "canary-token"
            },
            "b.example.com": {
              "auth": "QVdTOmNhbmFyeQ=="
            }
          },
          "credHelpers": {
            "gcr.io": "gcloud",
            "public.ecr.aws": "ecr-login"
          },
          "credsStore": "pass"
        }
        "#);
        assert_eq!(path.metadata().expect("metadata").permissions().mode() & 0o777, 0o600);
        assert_eq!(DockerConfig::read(&path).expect("read"), ours);
        assert_eq!(ours.helper_for("gcr.io"), Some("gcloud"));
        assert_eq!(ours.helper_for("other.example.com"), Some("pass"));
        assert_eq!(ours.secrets().count(), 2);
    }

    #[test]
    fn what_was_read_is_written_so_that_it_is_read_again() {
        let config = config(
            r#"{"auths":{
                "a.example.com":{"username":"us.er","password":"can:ary \u00e9"},
                "b.example.com":{"username":"","password":""},
                "c.example.com":{"username":"user","password":""},
                "d.example.com":{"username":"user","identitytoken":"canary"}
            },"n":[1.5e-7,1e400,12345678902134567890123]}"#,
        );
        assert_eq!(config.hosts().collect::<Vec<_>>(), ["a.example.com", "c.example.com", "d.example.com"]);
        assert_eq!(DockerConfig::parse(&config.to_bytes(), "written").expect("valid"), config);
    }

    #[test]
    fn a_login_that_could_not_be_written_is_refused() {
        for (user, password) in [
            ("us:er", "canary"),
            ("", "canary"),
            ("us\ner", "canary"),
            ("user", "can\nary"),
            ("user", "can\tary"),
        ] {
            let login = serde_json::json!({"username": user, "password": password});
            let text = serde_json::json!({"auths": {"a": login}}).to_string();
            let errors = DockerConfig::parse(text.as_bytes(), "x").expect_err(&text);
            assert!(!format!("{errors} {errors:?}").contains("can"), "{errors}");
            let mut config = DockerConfig::new();
            let errors = config.set_login("a", user, Secret::new(password)).expect_err(&text);
            assert!(!format!("{errors} {errors:?}").contains("can"), "{errors}");
            assert_eq!(config, DockerConfig::new());
        }
        let text = br#"{"auths":{"a":{"username":"us:er","identitytoken":"canary"}}}"#;
        assert!(DockerConfig::parse(text, "x").is_err());
        let mut config = DockerConfig::new();
        config.set_login("a", "user", Secret::new("\0canary")).expect_err("Docker's padding is no password");
    }

    #[test]
    fn messages_show_no_value() {
        let text = format!(
            r#"{{"auths":{{"a":{{"auth":"canary!"}},"b":{{"auth":"{}"}},"c":"canary","d":{{"auth":7,"identitytoken":["canary"]}},"e":{{"auth":"x","auth":"canary"}}}}}}"#,
            basic("canary-without-colon")
        );
        let errors = DockerConfig::parse(text.as_bytes(), "DOCKER_AUTH_CONFIG").expect_err("bad").to_string();
        assert!(!errors.contains("canary"), "{errors}");
        insta::assert_snapshot!(errors, @r"
        6 problems in DOCKER_AUTH_CONFIG
          /auths/a/auth at 1:23: found a text (not shown), expected base64 of `user:password`
          /auths/b/auth at 1:46: found a text (not shown), expected base64 of `user:password`
          /auths/c at 1:82: found a text (not shown), expected an object
          /auths/d/auth at 1:103: found a number, expected a text
          /auths/e/auth at 1:145: found a text (not shown), expected base64 of `user:password`
          /auths/e/auth at 1:149: found the same key a second time, expected one such key; the first stands at 1:138
        ");
        let mut config = DockerConfig::new();
        assert!(config.set_login("https://a", "u", Secret::new("p")).is_err());
        assert!(config.set_login("a", "u:v", Secret::new("p")).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = DockerConfig::parse(&bytes, "x");
        }

        #[test]
        fn logins_survive_writing(user in "[a-zA-Z0-9$_.@+-]{1,20}", password in "[!-~]{1,60}") {
            let mut config = DockerConfig::new();
            config.set_login("h.example.com", &user, Secret::new(password.clone())).expect("a login");
            let read = DockerConfig::parse(config.value().to_string().as_bytes(), "x").expect("valid");
            prop_assert_eq!(read, config);
        }
    }
}
