//! The pages of `docs/failures`, from the same table that `landfall doctor` speaks from.

use super::{Check, FAILURES, Failure, TREES};

const MARK: &str = "<!-- Written by `cargo xtask generate`; do not edit. -->\n";

const HEAD: &str = "\
# What to do when it fails

A page a failure. `landfall doctor` finds most of them by itself and says the same ([how](../doctor.md)); with a code such as
`LF-VAULT-SEALED` from a job's log, look it up in the second table.
";

/// The page of a failure, below the repository: `docs/failures/<id>.md`.
pub fn place(failure: &Failure) -> String {
    format!("docs/failures/{}.md", failure.id)
}

/// The text of a failure's page.
pub fn page(failure: &Failure) -> String {
    let mut text = format!("{MARK}# {}\n\n", capital(failure.title));
    let codes: Vec<String> = failure.codes.iter().map(|code| format!("`{code}`")).collect();
    text.push_str(&format!("**Shows as** {}", codes.join(", ")));
    if failure.words.is_empty() {
        text.push('\n');
    } else {
        let words: Vec<String> = failure.words.iter().map(|word| format!("`{}`", word.trim())).collect();
        text.push_str(&format!(", where the text speaks of {}\n", words.join(" or ")));
    }
    text.push_str(&format!("\n## Why\n\n{}\n\n## What to do\n\n", failure.why));
    for (number, step) in failure.remedy.iter().enumerate() {
        text.push_str(&format!("{}. {step}\n", number + 1));
    }
    text.push_str("\n## Who finds it\n\n| of | check of `landfall doctor` | looks at |\n|---|---|---|\n");
    for (stage, check) in finders(failure) {
        text.push_str(&format!("| `{stage}` | `{}`: {} | {} |\n", check.id, check.asks, check.by.looks_at()));
    }
    text.push_str("\n[All failures](README.md)\n");
    text
}

/// The index of all pages, and of the trees: `docs/failures/README.md`.
pub fn index() -> String {
    let mut text = format!("{MARK}{HEAD}\n| failure | page |\n|---|---|\n");
    for failure in FAILURES.iter().flat_map(|part| part.iter()) {
        text.push_str(&format!("| {} | [{}]({}.md) |\n", capital(failure.title), failure.id, failure.id));
    }
    text.push_str("\n## By code\n\n| code | may be |\n|---|---|\n");
    let mut codes: Vec<&str> =
        FAILURES.iter().flat_map(|part| part.iter()).flat_map(|one| one.codes).copied().collect();
    codes.sort_unstable();
    codes.dedup();
    for code in codes {
        let of = FAILURES.iter().flat_map(|part| part.iter()).filter(|one| one.codes.contains(&code));
        let links: Vec<String> = of.map(|one| format!("[{}]({}.md)", one.id, one.id)).collect();
        text.push_str(&format!("| `{code}` | {} |\n", links.join(", ")));
    }
    text.push_str("\n## The checks of each stage, in order\n");
    for (stage, tree) in TREES {
        text.push_str(&format!(
            "\n### {stage}\n\n| check | asks | looks at | not made where one of these fails |\n|---|---|---|---|\n"
        ));
        for check in *tree {
            let after: Vec<String> = check.after.iter().map(|id| format!("`{id}`")).collect();
            let after = if after.is_empty() { "-".to_owned() } else { after.join(", ") };
            text.push_str(&format!(
                "| `{}` | {} | {} | {after} |\n",
                check.id,
                check.asks,
                check.by.looks_at()
            ));
        }
    }
    text
}

fn finders(failure: &Failure) -> impl Iterator<Item = (&'static str, &'static Check)> {
    let id = failure.id;
    let of_tree = move |(stage, tree): &(&'static str, &'static [Check])| {
        let stage = *stage;
        tree.iter().filter(move |check| check.failures.contains(&id)).map(move |check| (stage, check))
    };
    TREES.iter().flat_map(of_tree)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
