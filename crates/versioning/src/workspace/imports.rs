//! What a file of TypeScript or JavaScript imports: a scan for import statements, not a parse.
//!
//! Found are `import`, `export ... from`, `import()`, `require()`, `require.resolve()`, `import x = require()` and imports of
//! types, also below `${}` of a template. Comments, texts, templates and regular expressions are passed over; text of JSX, in
//! which quotes mean nothing, can mislead the scan to the end of its line at most. A statement after a comment
//! `nx-ignore-next-line` is left out, as Nx does it.

use super::script::{Script, Token};

/// What a file imports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Imports {
    /// What is imported, as it is written, in the order of the file.
    pub(crate) specifiers: Vec<String>,
    /// Beginnings of what is put together when the program runs: of `import("./plugins/" + name)`, `./plugins/`.
    pub(crate) beginnings: Vec<String>,
    /// Line, from one, of the first import of which not even a beginning is known.
    pub(crate) computed: Option<usize>,
}

/// Whether imports are looked for in a file of this name.
pub(crate) fn is_script(path: &str) -> bool {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending);
    matches!(ending, Some("ts" | "tsx" | "mts" | "cts" | "js" | "jsx" | "mjs" | "cjs"))
}

/// Finds the imports of a file. Bytes that are no program give what looks like an import, or nothing.
pub(crate) fn imports(bytes: &[u8]) -> Imports {
    let mut script = Script::new(bytes);
    let mut search = Search::default();
    while let Some(token) = script.token() {
        search.take(&script, token);
    }
    search.found
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Idle,
    /// After `import`.
    Import,
    /// Between `import` or `export` and `from`.
    Clause,
    /// After `from`.
    From,
    /// After `require`, or `require.resolve`.
    Require,
    /// After `require.`.
    RequireDot,
    /// After the opening parenthesis of a call.
    Call,
    /// After the text that a call begins with, which may be all of it.
    CallText,
}

#[derive(Default)]
struct Search {
    found: Imports,
    state: State,
    is_member: bool,
    /// Where the statement began that is being read.
    began: usize,
    pending: String,
}

impl Search {
    fn take(&mut self, script: &Script<'_>, token: Token<'_>) {
        let state = self.state;
        self.state = match (state, token) {
            (State::Import | State::From, Token::Text(text)) => {
                self.add(script, text);
                State::Idle
            }
            (State::Import | State::Require, Token::Mark(b'(')) => State::Call,
            (State::Import, Token::Mark(b'{' | b'*')) => State::Clause,
            (State::Import, Token::Word(word)) if word != "from" => State::Clause,
            (State::Import, Token::Word(_)) => State::From,
            (State::Require, Token::Mark(b'.')) => State::RequireDot,
            (State::RequireDot, Token::Word("resolve")) => State::Require,
            (State::Call, Token::Text(text) | Token::Template { text, is_whole: true }) => {
                text.clone_into(&mut self.pending);
                State::CallText
            }
            (State::Call, Token::Template { text, is_whole: false }) => {
                text.clone_into(&mut self.pending);
                self.begins(script);
                State::Idle
            }
            (State::Call, _) => {
                self.computes(script);
                self.idle(script, token)
            }
            (State::CallText, Token::Mark(b'+')) => {
                self.begins(script);
                State::Idle
            }
            (State::CallText, _) => {
                let text = std::mem::take(&mut self.pending);
                self.add(script, &text);
                self.idle(script, token)
            }
            (State::Clause | State::From, Token::Word("from")) => State::From,
            (State::Clause | State::From, Token::Mark(b'{' | b'}' | b',' | b'*') | Token::Text(_)) => {
                State::Clause
            }
            (State::Clause | State::From, Token::Word(word)) if !is_opening(word) => State::Clause,
            (
                State::Idle
                | State::Import
                | State::Clause
                | State::From
                | State::Require
                | State::RequireDot,
                _,
            ) => self.idle(script, token),
        };
        self.is_member = token == Token::Mark(b'.');
    }

    fn idle(&mut self, script: &Script<'_>, token: Token<'_>) -> State {
        let state = match token {
            // `a.import` is a member of something, not a statement.
            _ if self.is_member => return State::Idle,
            Token::Word("import") => State::Import,
            Token::Word("export") => State::Clause,
            Token::Word("require") => State::Require,
            Token::Word(_) | Token::Text(_) | Token::Template { .. } | Token::Mark(_) => return State::Idle,
        };
        self.began = script.token_start();
        state
    }

    fn add(&mut self, script: &Script<'_>, text: &str) {
        if !text.is_empty() && !script.is_ignored(self.began) {
            self.found.specifiers.push(text.to_owned());
        }
    }

    fn begins(&mut self, script: &Script<'_>) {
        let text = std::mem::take(&mut self.pending);
        if text.is_empty() {
            self.computes(script);
        } else if !script.is_ignored(self.began) {
            self.found.beginnings.push(text);
        }
    }

    fn computes(&mut self, script: &Script<'_>) {
        if self.found.computed.is_none() && !script.is_ignored(self.began) {
            self.found.computed = Some(script.line_of(self.began));
        }
    }
}

/// Words with which another statement begins.
fn is_opening(word: &str) -> bool {
    matches!(word, "import" | "export" | "require")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Imports, imports, is_script};

    fn specifiers(text: &str) -> Vec<String> {
        imports(text.as_bytes()).specifiers
    }

    #[test]
    fn every_form_of_an_import() {
        let text = r#"
            import "./side-effect";
            import a from 'a';
            import * as b from "b"
            import c, { d as e, type f } from "@acme/c";
            import type { G } from "g";
            import { "odd name" as h } from 'h'
            import i = require("i");
            import defer * as dd from "dd";
            import data from "./data.json" with { type: "json" };
            export * from "j";
            export * as k from "k";
            export { l, default as m } from "l";
            export type { N } from "n";
            const o = require('o'), p = require.resolve(`p`);
            const q = await import(/* webpackChunkName: "no" */ "q");
            let r: import("r").R;
            import from from "s";
        "#;
        let expected = [
            "./side-effect",
            "a",
            "b",
            "@acme/c",
            "g",
            "h",
            "i",
            "dd",
            "./data.json",
            "j",
            "k",
            "l",
            "n",
            "o",
            "p",
            "q",
            "r",
            "s",
        ];
        assert_eq!(specifiers(text), expected);
    }

    #[test]
    fn what_only_looks_like_an_import() {
        for text in [
            "// import 'x'\n/* import 'y' */",
            "const a = \"import 'x'\", b = 'require(\"y\")';",
            "const a = `import 'x'; ${1} require('y')`;",
            r"const a = /import 'x'/, b = a.test(/[/]require('y')/);",
            "return /require('x')/.test(y)",
            "a.require('x'); b.import('y'); c?.require('z')",
            "export const from = 'x';",
            "export class From { a = 'x' }",
            "import.meta.url",
            "export { a }\nconst b = 'x'",
            "const o = { import: 'x', require: 'y' };",
            "export interface A { from: 'x' }",
            "const importer = 'x'; requires('y'); _import('z')",
        ] {
            assert_eq!(imports(text.as_bytes()), Imports::default(), "{text}");
        }
    }

    #[test]
    fn statements_without_semicolons_and_after_odd_things() {
        assert_eq!(specifiers("export { a }\nimport b from 'b'\nexport default a"), ["b"]);
        assert_eq!(specifiers("const x = a / b; const y = c / d; require('e')"), ["e"]);
        assert_eq!(
            specifiers("const x = `a ${ require('b') } c ${`d ${import('e')}`}`; import('f')"),
            ["b", "e", "f"]
        );
        assert_eq!(specifiers("const p = <p>don't</p>;\nimport('a')"), ["a"]);
        assert_eq!(specifiers("const p = <a>x</a>, q = <b/>; import('a')"), ["a"]);
        // A backtick that nothing closes is none of a template.
        assert_eq!(specifiers("const p = <p>a ` b</p>;\nimport('a'); import('b')"), ["a", "b"]);
        assert_eq!(specifiers("import {\n  a, // 'no'\n  b /* from 'no' */,\n} from 'yes'"), ["yes"]);
        assert_eq!(specifiers("#!/usr/bin/env node's\nrequire('a')"), ["a"]);
        assert_eq!(specifiers("x = {}\n/'/.test(y)\nrequire('a')"), ["a"]);
        assert_eq!(specifiers("f(() => require('a'), import('b'))"), ["a", "b"]);
    }

    #[test]
    fn imports_that_are_put_together() {
        let found = imports(b"import('./a/' + b);\nimport(`@acme/x/${y}`); require(z); import(`${q}`)");
        assert_eq!(found.beginnings, ["./a/", "@acme/x/"]);
        assert_eq!((found.specifiers.len(), found.computed), (0, Some(2)));
    }

    #[test]
    fn a_comment_of_nx_hides_the_next_line() {
        let text = "// nx-ignore-next-line\nimport 'a'\nimport 'b'\n/* nx-ignore-next-line */\nrequire('c'); require('d')\nrequire('e')";
        assert_eq!(specifiers(text), ["b", "e"]);
    }

    /// Were each of these read to the end of the line, this would not end.
    #[test]
    fn long_lines_of_what_is_not_ended_are_read_once() {
        for piece in
            ["/[", "=/[", "'", "`${", "`", "{/", "// nx-ignore-next-line\nrequire(", "import(`", "/*"]
        {
            let _ = imports(piece.repeat(200_000).as_bytes());
        }
        let text = format!("{}\nimport 'a'", "=/[".repeat(100_000));
        assert_eq!(specifiers(&text), ["a"]);
    }

    #[test]
    fn files_that_are_looked_at() {
        assert!(["a.ts", "a/b.spec.tsx", "x.d.ts", "a.mjs", "a.cts"].into_iter().all(is_script));
        assert!(!["a.json", "a.tsv", "ts", "a.ts.snap", "Dockerfile"].into_iter().any(is_script));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = imports(&bytes);
        }

        #[test]
        fn no_program_panics(text in "(import|export|require|from|\\(|\\)|\\{|\\}|`|\\$\\{|'|\"|/|\\*|\\\\|\n| |a|\u{e9}|,|;|\\.|<|=|\\+|\\[|\\]){0,60}") {
            let _ = imports(text.as_bytes());
        }

        #[test]
        fn an_import_is_found_after_any_lines(
            before in proptest::collection::vec("[a-z(){};=/ '\"\\[\\]<>]{0,30}", 0..6), name in "[a-z@/.-]{1,20}"
        ) {
            // Every line that is no comment over several lines and no template ends what it began.
            prop_assume!(!before.iter().any(|line| line.contains("/*")));
            let text = format!("{}\n;import {{ a }} from '{name}'\n", before.join("\n"));
            prop_assert!(specifiers(&text).contains(&name), "{}", text);
        }
    }
}
