//! `docs/exit-codes.md`.

use landfall_cli::exit::TABLE;

const HEAD: &str = "\
<!-- Written by `cargo xtask generate`; do not edit. -->
# Exit codes

Every stage and every command ends with one of these, one per meaning, so that a pipeline can act on them.

| code | meaning | what to do |
|---:|---|---|
";

const TAIL: &str = "
In GitLab CI, `retry` may name the one code that is safe to repeat by itself:

```yaml
retry:
  max: 2
  exit_codes: 5
```

A dry run ends with 0 whether or not there is something to do, and with 3 where something stands in the way. A partial
failure of `promote-artifacts` is reported and ends with 0, because the release already runs; `--strict` makes it 6.
";

/// The page.
pub(crate) fn page() -> String {
    let mut page = HEAD.to_owned();
    for (code, meaning, advice) in TABLE {
        page.push_str(&format!("| {code} | {meaning} | {advice} |\n"));
    }
    page + TAIL
}
