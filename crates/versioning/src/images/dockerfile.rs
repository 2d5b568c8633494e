//! Which files of the build context a Dockerfile takes, and which images it is built on.
//!
//! Source: Dockerfile reference, "FROM", "ARG", "COPY", "ADD", "RUN --mount".

use std::collections::{BTreeMap, BTreeSet};

use parse_dockerfile::{Flag, Instruction, Source};

/// What a Dockerfile takes from its context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Paths and patterns as Docker understands them, relative to the context; `.` is all of it.
    pub(crate) sources: Vec<String>,
    /// Folders, of which something is taken that only a build knows, since an `ARG` is part of the path; `.` is the whole context.
    pub(crate) perhaps: Vec<String>,
    /// Images that it is built on or copies from, as they are written, defaults of `ARG` filled in. Its own stages are none.
    pub(crate) images: BTreeSet<String>,
    /// What is not understood, a sentence each.
    pub(crate) doubts: Vec<String>,
}

/// Largest Dockerfile in bytes.
const MOST_BYTES: usize = 1024 * 1024;

/// Reads a Dockerfile; where it cannot be read, anything of the context may be taken.
pub(crate) fn taken(bytes: &[u8]) -> Taken {
    let unknown =
        |doubt: String| Taken { perhaps: vec![".".to_owned()], doubts: vec![doubt], ..Taken::default() };
    let text = match std::str::from_utf8(bytes) {
        Ok(text) if text.len() <= MOST_BYTES => text,
        _ => {
            return unknown(
                "it is no UTF-8 text of at most 1 MiB: any file of the context may be in the image"
                    .to_owned(),
            );
        }
    };
    let dockerfile = match parse_dockerfile::parse(text) {
        Ok(dockerfile) => dockerfile,
        Err(cause) => {
            return unknown(format!(
                "line {} is not understood: any file of the context may be in the image",
                cause.line()
            ));
        }
    };
    let mut reading = Reading::default();
    for instruction in &dockerfile.instructions {
        reading.take(instruction);
    }
    reading.taken
}

/// A Dockerfile that is being read.
#[derive(Default)]
struct Reading {
    taken: Taken,
    /// Names of its stages, in small letters, as builders compare them.
    stages: BTreeSet<String>,
    /// Defaults of `ARG` before the first stage: those that `FROM` may use.
    defaults: BTreeMap<String, String>,
    has_begun: bool,
}

impl Reading {
    fn take(&mut self, instruction: &Instruction<'_>) {
        match instruction {
            Instruction::From(from) => {
                self.has_begun = true;
                self.image(&from.image.value);
                if let Some((_, name)) = &from.as_ {
                    self.stages.insert(name.value.to_ascii_lowercase());
                }
            }
            Instruction::Arg(arg) if !self.has_begun => {
                let words = arg.arguments.value.split_ascii_whitespace();
                for (name, value) in words.filter_map(|word| word.split_once('=')) {
                    self.defaults.insert(name.to_owned(), value.trim_matches(['"', '\'']).to_owned());
                }
            }
            Instruction::Copy(copy) => self.take_sources(&copy.options, &copy.src),
            Instruction::Add(add) => self.take_sources(&add.options, &add.src),
            Instruction::Run(run) => {
                for mount in run.options.iter().filter(|flag| flag.name.value == "mount") {
                    self.take_mount(mount.value.as_ref().map_or("", |value| &value.value));
                }
            }
            // What an image does to those that are built on it.
            Instruction::Onbuild(onbuild) => self.take(&onbuild.instruction),
            _ => {}
        }
    }

    fn take_sources(&mut self, options: &[Flag<'_>], sources: &[Source<'_>]) {
        // What comes from another stage or image comes not from the context.
        if let Some(from) = options.iter().find(|flag| flag.name.value == "from") {
            return self.image(from.value.as_ref().map_or("", |value| &value.value));
        }
        for source in sources {
            if let Source::Path(path) = source {
                add(&path.value, &mut self.taken);
            }
        }
    }

    /// `type=bind,source=package.json,target=/package.json`: a file of the context that a command sees.
    fn take_mount(&mut self, mount: &str) {
        let value_of = |names: &[&str]| {
            let fields = mount.split(',').filter_map(|field| field.split_once('='));
            fields.into_iter().find(|(name, _)| names.contains(name)).map(|(_, value)| value)
        };
        // A bind is what a mount is where no type is given.
        if value_of(&["type"]).unwrap_or("bind") != "bind" {
            return;
        }
        match value_of(&["from"]) {
            Some(from) => self.image(from),
            None => add(value_of(&["source", "src"]).unwrap_or("."), &mut self.taken),
        }
    }

    /// An image, unless it is a stage of this file, by its name or number.
    fn image(&mut self, written: &str) {
        let is_stage = written.bytes().all(|byte| byte.is_ascii_digit())
            || self.stages.contains(&written.to_ascii_lowercase());
        if !is_stage {
            let mut image = written.to_owned();
            for (name, value) in &self.defaults {
                image = image.replace(&format!("${{{name}}}"), value);
                // Without braces, a longer name may begin with this one: what is left over is told below.
                if image.ends_with(&format!("${name}")) || image == format!("${name}") {
                    image = image.replace(&format!("${name}"), value);
                }
            }
            if name_of_image(&image).contains('$') {
                let shown = landfall_secret::escape(written, 100);
                self.taken.doubts.push(format!(
                    "the image `{shown}` is known only when it is built: it is not taken for one of this repo"
                ));
            } else {
                self.taken.images.insert(image);
            }
        }
    }
}

/// The last name of an image's reference: `proxy` of `registry:5000/shop/proxy:1.2@sha256:..`.
pub(crate) fn name_of_image(reference: &str) -> &str {
    let bare = reference.split('@').next().unwrap_or_default();
    let last = bare.rsplit('/').next().unwrap_or_default();
    // What stands in braces may have a colon (`${TAG:-1}`), and is after the name's end anyway.
    last.split(':').next().unwrap_or_default()
}

fn add(path: &str, taken: &mut Taken) {
    let is_elsewhere = path.contains("://") || path.starts_with("git@");
    if is_elsewhere {
        return;
    }
    if let Some((known, _)) = path.split_once('$') {
        let folder = known.rsplit_once('/').map_or("", |(folder, _)| folder);
        taken.perhaps.push(cleaned(folder));
        let shown = landfall_secret::escape(path, 100);
        taken
            .doubts
            .push(format!("`{shown}` is known only when it is built: any file that it may be counts"));
    } else {
        taken.sources.push(cleaned(path));
    }
}

/// A path as it is in the context: Docker takes `/a`, `./a` and `../a` for `a`.
fn cleaned(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    if names.is_empty() { ".".to_owned() } else { names.join("/") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::taken;

    fn sources(text: &str) -> String {
        taken(text.as_bytes()).sources.join(" ")
    }

    #[test]
    fn what_is_copied_and_added() {
        let text = r#"# syntax=docker/dockerfile:1
FROM node:20 AS build
ARG MODE=x
COPY package.json yarn.lock \
     # a comment between
     ./libs/money /app/
COPY ["with space.txt", "/dist/*.js", "/app/"]
ADD --chown=1:1 ../assets https://example.com/x.tgz git@example.com:a/b.git /app/
RUN --mount=type=bind,source=tools,target=/t --mount=type=cache,target=/cache/npm \
    --mount=type=bind,from=build,source=/x,target=/y make
COPY <<EOF /etc/hello
COPY not-a-source /x
EOF
ONBUILD COPY later /later
FROM scratch
COPY --from=build /app/dist /dist
copy --chmod=755 lower /lower
CMD ["COPY", "x", "y"]
"#;
        assert_eq!(
            sources(text),
            "package.json yarn.lock libs/money with space.txt dist/*.js assets tools later lower"
        );
        assert!(taken(text.as_bytes()).doubts.is_empty());
        assert_eq!(sources("FROM scratch\nCOPY . /\nCOPY ./ /x"), ". .");
        assert_eq!(sources("FROM x\nRUN --mount=target=/src make"), ".");
    }

    #[test]
    fn what_only_a_build_knows() {
        let found = taken(b"FROM x\nARG APP\nCOPY dist/functions/${APP} /app\nCOPY $X /y\n");
        assert_eq!(
            (found.sources.len(), found.perhaps),
            (0, vec!["dist/functions".to_owned(), ".".to_owned()])
        );
        insta::assert_snapshot!(found.doubts.join("\n"), @r"
        `dist/functions/${APP}` is known only when it is built: any file that it may be counts
        `$X` is known only when it is built: any file that it may be counts
        ");
        let broken = taken(b"FROM x\nNONSENSE a b\n");
        assert_eq!(broken.perhaps, ["."]);
        assert_eq!(broken.doubts, ["line 2 is not understood: any file of the context may be in the image"]);
        assert_eq!(taken(b"\xff").perhaps, ["."]);
    }

    #[test]
    fn images_that_it_is_built_on() {
        let found = taken(
            br"ARG BASE=registry.example.com:5000/shop/base TAG=1
FROM ${BASE}:$TAG AS build
FROM Build AS second
COPY --from=build /a /a
COPY --from=0 /a /b
COPY --from=shop/tools:latest@sha256:0123 /t /t
RUN --mount=type=bind,from=certs,target=/c true
FROM $UNKNOWN/proxy:${TAG:-1}
FROM registry/$NAME
",
        );
        let names: Vec<&str> = found.images.iter().map(|image| super::name_of_image(image)).collect();
        assert_eq!(names, ["proxy", "certs", "base", "tools"]);
        assert_eq!(
            found.doubts,
            [
                "the image `registry/$NAME` is known only when it is built: it is not taken for one of this repo"
            ]
        );
    }

    proptest! {
        #[test]
        fn no_dockerfile_panics(
            text in "(FROM|COPY|ADD|RUN|--from=|--mount=|<<EOF|EOF|\\[|\\]|\"|,|\\$|\\{|\\}|/|\\.|a|\\\\|\n| |#|\u{e9}){0,40}"
        ) {
            let _ = taken(text.as_bytes());
        }
    }
}
