//! What programs of the repo see of the environment.

use std::collections::BTreeMap;

use crate::Context;

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

/// The usual variables, and those of these names. Secrets in them are taught, since programs print what they see.
pub(crate) fn variables<'n>(
    context: &Context,
    names: impl Iterator<Item = &'n str> + Clone,
) -> BTreeMap<String, String> {
    let environment = context.environment();
    let is_passed = |name: &str| {
        USUAL.iter().copied().chain(names.clone()).any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == pattern,
        })
    };
    let variables: BTreeMap<String, String> = environment
        .names_with_prefix("")
        .filter(|name| is_passed(name))
        .filter_map(|name| Some((name.to_owned(), environment.get(name)?.to_owned())))
        .collect();
    let is_secret =
        |name: &str| ["TOKEN", "SECRET", "PASSWORD", "AUTH_CONFIG"].iter().any(|word| name.contains(word));
    for (_, value) in variables.iter().filter(|(name, _)| is_secret(name)) {
        context.run().redactor().learn(&landfall_secret::Secret::new(value.as_str()));
    }
    variables
}
