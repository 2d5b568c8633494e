//! `[configs]` of `landfall.toml`.

use schemars::JsonSchema;

use super::table::table;
use crate::file_error::Problems;
use crate::json::{At, FromJson};

/// How configuration files are merged.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
pub struct ConfigSettings {
    /// Kinds of overlays in the order in which they are laid over the base, later ones winning: some of `environment`,
    /// `platform` and `region`. Default: these three in this order.
    #[schemars(default)]
    pub order: Vec<String>,
    /// The names of all platforms.
    #[schemars(default)]
    pub platforms: Vec<String>,
    /// The names of regions, besides the region keys of the environments.
    #[schemars(default)]
    pub regions: Vec<String>,
    /// Lists that overlays add to instead of replacing them: a JSON pointer in which `*` stands for any one step, after the
    /// path of a file and `#` where it is meant for that file alone.
    #[schemars(default)]
    pub append: Vec<String>,
    /// Whether overlays may bring keys that the base has not: `allow` or `refuse`. Default `allow`.
    pub new_keys: Option<String>,
    /// Whether the folder of the chosen version stands in the output: `lift` or `keep`. Default `lift`.
    pub version_folders: Option<String>,
    /// A JSON file of component to version.
    pub pins: Option<String>,
    /// Documents that are copied as they are and never read: patterns of paths, in which `*` stands for anything but `/` and
    /// `**` for anything.
    #[schemars(default)]
    pub unread: Vec<String>,
    /// The repo's own program that merges in place of this tool, and its first arguments; source and target follow.
    #[schemars(default)]
    pub merge_command: Vec<String>,
    /// Variables that this program sees besides the usual ones; a `*` at the end stands for any. Their values are shown nowhere.
    #[schemars(default)]
    pub environment: Vec<String>,
}

table!(ConfigSettings {
    order: field_or_default,
    platforms: field_or_default,
    regions: field_or_default,
    append: field_or_default,
    new_keys: field,
    version_folders: field,
    pins: field,
    unread: field_or_default,
    merge_command: field_or_default,
    environment: field_or_default,
} then check_configs);

fn check_configs(configs: &ConfigSettings, at: At<'_>, problems: &mut Problems<'_>) {
    let kinds = ["environment", "platform", "region"];
    let twice = configs
        .order
        .iter()
        .enumerate()
        .any(|(index, kind)| configs.order.iter().take(index).any(|k| k == kind));
    if twice || configs.order.iter().any(|kind| !kinds.contains(&kind.as_str())) {
        problems.at_field(at, "order", "some of `environment`, `platform` and `region`, each once");
    }
    for (key, value, words) in [
        ("new_keys", &configs.new_keys, ["allow", "refuse"]),
        ("version_folders", &configs.version_folders, ["lift", "keep"]),
    ] {
        if value.as_ref().is_some_and(|value| !words.contains(&value.as_str())) {
            problems.at_field(at, key, format!("one of `{}` `{}`", words[0], words[1]));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    fn refusal(text: &str) -> String {
        Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect_err("bad").to_string()
    }

    #[test]
    fn configuration_is_merged_in_known_ways() {
        let good = "[configs]\norder = [\"region\", \"environment\"]\nmerge_command = [\"sh\", \"x.sh\"]\n[environment.a]\noverlays = [\"stg\", \"a\"]\n";
        let settings = Settings::parse(good.as_bytes(), "landfall.toml", &[]).expect("valid");
        assert_eq!(settings.configs.order, ["region", "environment"]);
        assert_eq!(
            settings.environments.values().map(|row| row.overlays.join(" ")).collect::<Vec<_>>(),
            ["stg a"]
        );
        let odd = "[configs]\norder = [\"region\", \"moon\"]\nnew_keys = \"maybe\"\nversion_folders = \"drop\"\nappends = []\n";
        insta::assert_snapshot!(refusal(odd), @r"
        4 problems in landfall.toml
          /configs/order at 2:9: found a list of 2, expected some of `environment`, `platform` and `region`, each once
          /configs/new_keys at 3:12: found `maybe`, expected one of `allow` `refuse`
          /configs/version_folders at 4:19: found `drop`, expected one of `lift` `keep`
          /configs/appends at 5:1: found the unknown key `appends`, expected `append`, perhaps
        ");
        let twice = "[configs]\norder = [\"region\", \"region\"]\n";
        assert!(refusal(twice).contains("each once"));
    }
}
