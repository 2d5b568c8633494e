//! What programs of the repo see of the environment.

use std::collections::BTreeMap;
use std::path::Path;

use landfall_artifacts::DockerConfig;
use landfall_secret::Secret;
use serde_json::{Map, Value};

use crate::Context;

/// The variable of logins.
const AUTH_CONFIG: &str = "DOCKER_AUTH_CONFIG";

/// What any such program sees; a `*` at the end stands for any.
pub(crate) const USUAL: [&str; 22] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_*",
    "TZ",
    "TERM",
    "TMPDIR",
    "CI",
    "CI_COMMIT_*",
    "CI_PIPELINE_ID",
    "CI_PROJECT_*",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// The usual variables, those of `builtin` names, and those of `own`, which the repo adds. Secrets in them are taught, since programs
/// print what they see; of what the repo adds nobody knows what it is, so that whatever looks drawn at random is taken for one.
pub(crate) fn variables(context: &Context, builtin: &[&str], own: &[String]) -> BTreeMap<String, String> {
    let environment = context.environment();
    let mut variables = BTreeMap::new();
    for name in environment.names_with_prefix("") {
        let is_known = USUAL.iter().chain(builtin).any(|pattern| fits(name, pattern));
        let is_own = !is_known && own.iter().any(|pattern| fits(name, pattern));
        let Some(value) = environment.get(name).filter(|_| is_known || is_own) else { continue };
        for secret in secrets(name, value, is_own) {
            context.run().redactor().learn(&secret);
        }
        variables.insert(name.to_owned(), value.to_owned());
    }
    variables
}

/// Whether a name is the one of a pattern, or begins as one that ends with `*`.
fn fits(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

/// Parts of names whose values are secrets.
const SECRET_WORDS: [&str; 6] = ["TOKEN", "SECRET", "PASS", "KEY", "AUTH", "CREDENTIAL"];

/// What of a variable is not to be shown: its value, where its name says so or it `is_own` and looks drawn at random, and user and password
/// of every address in it.
/// A path that is there is no secret.
fn secrets(name: &str, value: &str, is_own: bool) -> Vec<Secret> {
    let upper = name.to_ascii_uppercase();
    let mut secrets = of_addresses(value, upper.ends_with("PROXY"));
    if upper == AUTH_CONFIG
        && let Ok(config) = DockerConfig::of_variable(value, AUTH_CONFIG)
    {
        secrets.extend(of_logins(&config));
        return secrets;
    }
    // `CI_COMMIT_AUTHOR` says who, and nothing secret.
    let words = upper.replace("AUTHOR", "");
    let is_secret = (is_own && looks_random(value)) || SECRET_WORDS.iter().any(|word| words.contains(word));
    let is_path = value.starts_with('/') && Path::new(value).exists();
    if is_secret && !is_path {
        secrets.push(Secret::new(value));
    }
    secrets
}

/// Whether a value may be a secret by itself: long enough, of letters and digits. `production` or `eu-west-2` would be blacked out wherever
/// they stand.
fn looks_random(value: &str) -> bool {
    let has = |test: fn(char) -> bool| value.chars().any(test);
    value.len() >= 12 && has(|c| c.is_ascii_digit()) && has(char::is_alphabetic)
}

/// User and password of every address, and the password alone, as it stands and with what is percent-encoded resolved. Proxies are also
/// named without a scheme.
fn of_addresses(value: &str, is_proxy: bool) -> Vec<Secret> {
    let mut secrets = Vec::new();
    for word in value.split([' ', ',', ';', '\n', '\t', '"', '\'']) {
        let bare = (is_proxy && !word.contains("://")).then(|| format!("http://{word}"));
        let Some(user_info) = landfall_secret::user_info(bare.as_deref().unwrap_or(word)) else { continue };
        let password = user_info.split_once(':').map(|(_, password)| password);
        for text in [Some(user_info), password].into_iter().flatten() {
            secrets.push(Secret::new(text));
            let plain = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
            if plain != text {
                secrets.push(Secret::new(plain.into_owned()));
            }
        }
    }
    secrets
}

/// Passwords and tokens of logins, and the texts that hold them: not the whole of it, of which every line would be taken for secret.
fn of_logins(config: &DockerConfig) -> Vec<Secret> {
    let mut secrets: Vec<Secret> = config.secrets().cloned().collect();
    let whole: Value = serde_json::from_slice(&config.to_bytes()).unwrap_or_default();
    let entries = whole["auths"].as_object().into_iter().flat_map(Map::values).filter_map(Value::as_object);
    for (key, value) in entries.chain(whole["HttpHeaders"].as_object()).flatten() {
        if !matches!(key.as_str(), "username" | "email") {
            secrets.extend(value.as_str().map(Secret::new));
        }
    }
    secrets
}

#[cfg(test)]
mod tests {
    use landfall_secret::Redactor;

    use super::secrets;

    /// What is left of a text that a program prints which sees the variable.
    fn shown(name: &str, value: &str, is_own: bool, printed: &str) -> String {
        let redactor = Redactor::new();
        for secret in secrets(name, value, is_own) {
            redactor.learn(&secret);
        }
        redactor.redact(printed)
    }

    #[test]
    fn addresses_lose_user_and_password() {
        for (name, value) in [
            ("HTTPS_PROXY", "http://proxyuser:canary%2Fpw@proxy.example.com:3128"),
            ("http_proxy", "proxyuser:canary%2Fpw@proxy.example.com:3128"),
            ("NX_CACHE", "a, https://proxyuser:canary%2Fpw@proxy.example.com:3128/x b"),
        ] {
            let told = shown(name, value, false, &format!("using {value}: canary/pw, canary%2Fpw"));
            assert!(!told.contains("canary") && !told.contains("proxyuser"), "{told}");
            assert!(told.contains("proxy.example.com:3128"), "{told}");
        }
        assert_eq!(shown("NO_PROXY", "localhost,.example.com", false, "localhost"), "localhost");
    }

    #[test]
    fn names_tell_secrets() {
        for name in
            ["NPM_TOKEN", "NX_CLOUD_AUTH", "BUILD_PASS", "DOCKER_KEY", "nx_credentials", "DOCKER_SECRET"]
        {
            assert_eq!(shown(name, "canary-1", false, "it is canary-1"), "it is <redacted>", "{name}");
        }
        let plain = [
            ("CI_COMMIT_AUTHOR", "Ada Lovelace"),
            ("TERM", "xterm-256color"),
            ("REGISTRY_AUTH_FILE", "/tmp"),
        ];
        for (name, value) in plain {
            assert_eq!(shown(name, value, false, value), value, "{name}");
        }
        let may_be_anything = "canary-4711-x";
        assert_eq!(shown("EXTRA", may_be_anything, true, may_be_anything), "<redacted>");
        for word in ["production", "eu-west-2", "true", "v1.4.2", "order-service-function"] {
            assert_eq!(shown("EXTRA", word, true, word), word);
        }
    }

    #[test]
    fn logins_are_known_by_their_parts() {
        let config = "{\n  \"auths\": {\n    \"art.example.com\": {\n      \"auth\": \"Ym9iOmNhbmFyeS1wdw==\"\n    },\n    \
                      \"b.example.com\": {\"identitytoken\": \"canary-id-token\"}\n  }\n}";
        let printed = "auths of art.example.com: Ym9iOmNhbmFyeS1wdw== is bob:canary-pw and canary-id-token\n  \"auths\": {";
        assert_eq!(
            shown("DOCKER_AUTH_CONFIG", config, false, printed),
            "auths of art.example.com: <redacted> is bob:<redacted> and <redacted>\n  \"auths\": {"
        );
        assert_eq!(
            shown("DOCKER_AUTH_CONFIG", "canary {", false, "canary {"),
            "<redacted>",
            "no configuration"
        );
    }
}
