//! Places of `landfall.toml` that are left to be filled in.

use crate::file_error::Problems;
use crate::json::{At, Kind};
use crate::settings::Settings;

/// Records every text that stands for a value to be filled in, and says whether there is one.
pub(crate) fn refuse_blanks(at: At<'_>, problems: &mut Problems<'_>) -> bool {
    match &at.node.kind {
        Kind::Text(text) => {
            let Some(wanted) = text.strip_prefix(Settings::BLANK) else { return false };
            let wanted = landfall_secret::escape(wanted, 200);
            problems.add_at(at.node.start, at.pointer(), "a blank to be filled in", wanted);
            true
        }
        // Every one of them is to be named, and so none is passed over.
        Kind::Object(members) => {
            let mut any = false;
            for member in members {
                any |= refuse_blanks(at.child(member), problems);
            }
            any
        }
        Kind::Array(_) | Kind::Null | Kind::Bool(_) | Kind::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::Settings;

    #[test]
    fn blanks_are_named_each_and_alone() {
        let text = "image_namespace = \"?? the folder of the images, such as shop\"\nnonsense = 1\n[registries]\nurl = \"?? Artifactory's address\"\n[environment.a]\nvault = { address = \"?? Vault's\\u001b[2J address\" }\n";
        let refused = Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect_err("blanks");
        insta::assert_snapshot!(refused, @r"
        3 problems in landfall.toml
          /image_namespace at 1:19: found a blank to be filled in, expected the folder of the images, such as shop
          /registries/url at 4:7: found a blank to be filled in, expected Artifactory's address
          /environment/a/vault/address at 6:21: found a blank to be filled in, expected Vault's\u{1b}[2J address
        ");
        assert!(Settings::parse(b"image_namespace = \"??\"\n", "landfall.toml", &[]).is_ok());
    }
}
