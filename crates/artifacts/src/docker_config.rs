//! `docker-config.json`: registry logins in the shape of Docker's `config.json`.

mod auth;
mod lookup;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use landfall_secret::Secret;
use serde_json::{Map, Value};

use crate::file::{Shape, parse_json, read_bounded, render_json};
use crate::file_error::{FileError, FileErrors, FileProblem, Problems};
use crate::json::{At, FromJson, Limits};
use crate::write::{Mode, WrittenFile, write_atomic};

pub use auth::Login;
pub use lookup::{HelperEntry, LoginEntry};

use auth::{Auth, is_password, is_user};

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

    /// Reads what a variable holds: the text itself where it begins with `{`, else the file that it names. `name` is the
    /// variable's, for messages. They show neither the text nor a path that names nothing: it may be a secret put in the wrong
    /// place.
    ///
    /// # Errors
    /// [`FileError`] where it is neither, or what is read breaks the format.
    pub fn of_variable(value: &str, name: &str) -> Result<Self, FileError> {
        let value = value.trim();
        if value.starts_with('{') {
            return Ok(Self::parse(value.as_bytes(), name)?);
        }
        match Self::file_of_variable(value) {
            Some(path) => Self::read(path),
            None => Err(FileErrors::one(FileProblem {
                file: name.to_owned(),
                pointer: String::new(),
                place: None,
                found: "neither JSON nor the path of a file that is there (not shown)".to_owned(),
                expected: "Docker's config.json as text, or the path of such a file".to_owned(),
            })
            .into()),
        }
    }

    /// The file that a variable names, where its value is the path of one that is there and not the text itself.
    pub fn file_of_variable(value: &str) -> Option<&Path> {
        let value = value.trim();
        let path = Path::new(value);
        (!value.starts_with('{') && path.exists()).then_some(path)
    }

    /// Writes the file atomically with mode 0600.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn write(&self, path: &Path) -> Result<WrittenFile, FileError> {
        write_atomic(path, &self.to_bytes(), Mode::Private)
    }

    /// Adds a login by user and password, or replaces that host's. A credential helper that was named for just this host is
    /// taken out: it would come before the login.
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
        if let Some(Value::Object(helpers)) = self.rest.get_mut(lookup::HELPERS) {
            helpers.remove(host);
        }
        Ok(())
    }

    /// Has Docker look for this host's login in the file where a helper of all hosts is named, which would come before it. The
    /// empty name says so (docker/cli, `ConfigFile.GetCredentialsStore`); Podman and Buildah know no helper of all hosts and stumble
    /// over an empty name.
    pub fn keep_from_store(&mut self, host: &str) {
        if self.rest.get(lookup::STORE).is_some() {
            let helpers = self.rest.entry(lookup::HELPERS).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(helpers) = helpers {
                helpers.insert(host.to_owned(), Value::String(String::new()));
            }
        }
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

impl FromJson for DockerConfig {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let mut config = Self::default();
        for member in at.members(problems)? {
            if member.key != "auths" {
                lookup::check(at.child(member), &member.key, problems);
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

    use super::auth::BASE64;
    use super::{DockerConfig, HelperEntry, Login};

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
        let user = |host: &str| match config.login_for(host)?.login {
            Login::Password { username, password } => Some(format!("{username} {}", password.expose())),
            Login::IdentityToken { .. } => None,
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
        assert_eq!(ours.helper_for("gcr.io"), Some(HelperEntry { name: "gcloud", key: Some("gcr.io") }));
        assert_eq!(ours.helper_for("other.example.com"), Some(HelperEntry { name: "pass", key: None }));
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
    fn helpers_are_found_as_docker_finds_them() {
        let config = config(
            r#"{"auths":{"https://a.example.com/v1/":{"auth":"dTpw"},"b.example.com":{}},"credsStore":"pass",
            "credHelpers":{"a.example.com":"","https://c.example.com":"gcloud","c.example.com:1":"other","d.example.com":"d"}}"#,
        );
        let named = |host| config.helper_for(host).map(|helper| (helper.name, helper.key));
        assert_eq!(named("a.example.com"), None, "switched off for this host");
        assert_eq!(named("c.example.com"), Some(("gcloud", Some("https://c.example.com"))));
        assert_eq!(named("c.example.com:1"), Some(("other", Some("c.example.com:1"))));
        assert_eq!(named("b.example.com"), Some(("pass", None)));
        let hosts: Vec<_> = config.named_hosts().into_iter().collect();
        assert_eq!(hosts, ["a.example.com", "c.example.com", "c.example.com:1", "d.example.com"]);
        assert_eq!(
            config.login_for("A.example.com").map(|entry| entry.key),
            Some("https://a.example.com/v1/")
        );
    }

    #[test]
    fn a_login_takes_the_place_of_the_helper_of_its_host() {
        let mut config = config(r#"{"credHelpers":{"a.example.com":"ecr-login","b.example.com":"x"}}"#);
        config.set_login("a.example.com", "AWS", Secret::new("canary")).expect("a login");
        assert_eq!(config.helper_for("a.example.com"), None);
        assert!(config.login_for("a.example.com").is_some() && config.helper_for("b.example.com").is_some());
    }

    #[test]
    fn a_variable_holds_the_text_or_names_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("logins");
        let text = r#" {"auths":{"a":{"auth":"dTpw"}}}"#;
        std::fs::write(&path, text).expect("written");
        let named = format!("{}\n", path.display());
        assert_eq!(DockerConfig::file_of_variable(&named), Some(path.as_path()));
        assert_eq!(DockerConfig::file_of_variable(text), None);
        for value in [text, &named] {
            let config = DockerConfig::of_variable(value, "DOCKER_AUTH_CONFIG").expect("usable");
            assert!(config.login_for("a").is_some());
        }
        for odd in ["eyJhdXRocyI6Y2FuYXJ5", "/no/such/canary", "", "[]"] {
            let error = DockerConfig::of_variable(odd, "DOCKER_AUTH_CONFIG").expect_err("unusable");
            assert!(error.to_string().starts_with("DOCKER_AUTH_CONFIG: found neither"), "{error}");
            assert!(!format!("{error:?}").contains("canary"));
        }
        assert!(DockerConfig::of_variable(&folder.path().display().to_string(), "X").is_err());
    }

    #[test]
    fn messages_show_no_value() {
        let text = format!(
            r#"{{"auths":{{"a":{{"auth":"canary!"}},"b":{{"auth":"{}"}},"c":"canary","d":{{"auth":7,"identitytoken":["canary"]}},"e":{{"auth":"x","auth":"canary"}}}},"credHelpers":{{"f":["canary"]}},"credsStore":1}}"#,
            basic("canary-without-colon")
        );
        let errors = DockerConfig::parse(text.as_bytes(), "DOCKER_AUTH_CONFIG").expect_err("bad").to_string();
        assert!(!errors.contains("canary"), "{errors}");
        insta::assert_snapshot!(errors, @r"
        8 problems in DOCKER_AUTH_CONFIG
          /auths/a/auth at 1:23: found a text (not shown), expected base64 of `user:password`
          /auths/b/auth at 1:46: found a text (not shown), expected base64 of `user:password`
          /auths/c at 1:82: found a text (not shown), expected an object
          /auths/d/auth at 1:103: found a number, expected a text
          /auths/e/auth at 1:145: found a text (not shown), expected base64 of `user:password`
          /auths/e/auth at 1:149: found the same key a second time, expected one such key; the first stands at 1:138
          /credHelpers/f at 1:186: found a list of 1, expected a text
          /credsStore at 1:211: found a number, expected a text
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
        fn nothing_is_found_for_another_host(
            keys in proptest::collection::vec("(https?://)?[ab]\\.example(:[12])?(/v1/)?", 0..6),
            host in "[ab]\\.example(:[12])?",
        ) {
            let auths: Vec<_> = keys.iter().map(|key| format!(r#""{key}":{{"auth":"dTpw"}}"#)).collect();
            let helpers: Vec<_> = keys.iter().map(|key| format!(r#""{key}":"x""#)).collect();
            let text = format!(r#"{{"auths":{{{}}},"credHelpers":{{{}}}}}"#, auths.join(","), helpers.join(","));
            // A key that stands twice is refused.
            if let Ok(config) = DockerConfig::parse(text.as_bytes(), "x") {
                let found = config.login_for(&host).map(|entry| entry.key);
                prop_assert_eq!(found, config.helper_for(&host).and_then(|helper| helper.key));
                prop_assert_eq!(found.is_some(), config.named_hosts().contains(host.as_str()));
                let bare = |key: &str| key.split("//").last().and_then(|rest| rest.split('/').next()) == Some(&host);
                let is_its = found.is_none_or(bare);
                let is_nearest = !keys.contains(&host) || found == Some(&host);
                prop_assert!(is_its && is_nearest);
            }
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
