//! `[registries]` of `landfall.toml`.

use std::collections::BTreeMap;

use landfall_secret::Origin;
use schemars::JsonSchema;

use super::table::table;
use crate::file_error::Problems;
use crate::json::{At, FromJson};
use crate::text_name::Address;

/// The artifact registry and its repository keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
pub struct Registries {
    /// Artifactory's address, without `/artifactory`.
    pub url: Option<Address>,
    /// Repository key of builds.
    pub build: Option<String>,
    /// Repository key of release candidates.
    pub rc: Option<String>,
    /// Repository key of releases.
    pub release: Option<String>,
    /// Host that images are pulled from.
    pub docker_host: Option<String>,
    /// Repository key to the host, or `host:port`, that shows its images alone, as the subdomain and port methods have it.
    #[schemars(default)]
    pub docker_hosts: BTreeMap<String, String>,
    /// Registry host to token host, where they differ.
    #[schemars(default)]
    pub auth_hosts: BTreeMap<String, String>,
}

table!(Registries {
    url: field,
    build: field,
    rc: field,
    release: field,
    docker_host: field,
    docker_hosts: field_or_default,
    auth_hosts: field_or_default,
} then check_registries);

fn check_registries(registries: &Registries, at: At<'_>, problems: &mut Problems<'_>) {
    if registries.url.as_ref().is_some_and(|url| url.base().ends_with("/artifactory")) {
        problems.at_field(at, "url", "the address without `/artifactory`");
    }
    let mut keys: BTreeMap<Origin, &str> = BTreeMap::new();
    for (key, host) in &registries.docker_hosts {
        let shown = landfall_secret::escape(key, 60);
        match host_of(host) {
            None => problems.at_field(
                at,
                "docker_hosts",
                format!("hosts without scheme and path, such as docker.example.com:8443; that of `{shown}` is none"),
            ),
            // Two keys at one host would show the same images, and nothing between them would ever look unpromoted.
            Some(origin) => {
                if let Some(other) = keys.insert(origin, key) {
                    let other = landfall_secret::escape(other, 60);
                    problems.at_field(
                        at,
                        "docker_hosts",
                        format!("another host for each repository key; `{other}` and `{shown}` have the same"),
                    );
                }
            }
        }
    }
}

/// The origin of `host` or `host:port`, where it is nothing more.
fn host_of(text: &str) -> Option<Origin> {
    let plain = !text.is_empty() && !text.contains(['/', '\\', '?', '#', '@']);
    Origin::parse(&format!("https://{text}")).ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    fn refusal(text: &str) -> String {
        Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect_err("bad").to_string()
    }

    #[test]
    fn every_repository_key_has_a_host_of_its_own() {
        let good =
            "[registries.docker_hosts]\nbuild = \"build.art.example.com\"\nrc = \"art.example.com:8443\"\n";
        let settings = Settings::parse(good.as_bytes(), "landfall.toml", &[]).expect("valid");
        assert_eq!(
            settings.registries.docker_hosts.get("rc").map(String::as_str),
            Some("art.example.com:8443")
        );
        for odd in [
            "https://a.example.com",
            "a.example.com/docker",
            "user:canary@a.example.com",
            "a b",
            "a.example.com:x",
            "",
        ] {
            let text = format!("[registries.docker_hosts]\nbuild = \"{odd}\"\n");
            let shown = refusal(&text);
            assert!(shown.contains("hosts without scheme and path") && !shown.contains("canary"), "{shown}");
        }
        let twice = "[registries.docker_hosts]\nbuild = \"art.example.com\"\nrc = \"ART.example.com:443\"\n";
        insta::assert_snapshot!(refusal(twice), @"landfall.toml: /registries/docker_hosts at 1:1: found an object with 2 keys, expected another host for each repository key; `build` and `rc` have the same");
    }
}
