//! The tokens of a program in TypeScript or JavaScript, as far as imports need them.

use std::collections::VecDeque;

/// A piece of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'t> {
    /// A name, a keyword or a number.
    Word(&'t str),
    /// A text between quotes, without them and with its escapes as they are.
    Text(&'t str),
    /// A template up to its end or its first `${`.
    Template {
        /// What stands there.
        text: &'t str,
        /// Whether that is all of it.
        is_whole: bool,
    },
    /// Any other character.
    Mark(u8),
}

/// Reads the tokens of a program one by one.
pub(crate) struct Script<'t> {
    bytes: &'t [u8],
    at: usize,
    /// Where the last token began.
    start: usize,
    /// Whether a `/` begins a regular expression here rather than divides.
    value_expected: bool,
    last: u8,
    /// What the next `}` ends: `true` for the `${` of a template.
    open: Vec<bool>,
    /// From here on a backtick is no template: one was not closed, so that it stood in text of JSX.
    no_templates_from: usize,
    /// Where a line ends on which a regular expression was begun and not ended: up to there a `/` divides. Without this a long line
    /// of them would be read again for each.
    no_regex_before: usize,
    /// The last lines, from their first bytes to their last, whose imports do not count.
    ignored: VecDeque<(usize, usize)>,
}

/// Words after which a value follows, and so a `/` begins a regular expression.
const BEFORE_VALUES: [&str; 17] = [
    "return",
    "typeof",
    "case",
    "in",
    "of",
    "delete",
    "void",
    "throw",
    "new",
    "do",
    "else",
    "instanceof",
    "yield",
    "await",
    "default",
    "extends",
    "from",
];

/// A comment with these words hides the imports of the next line from Nx.
const IGNORE: &[u8] = b"nx-ignore-next-line";

impl<'t> Script<'t> {
    pub(crate) fn new(bytes: &'t [u8]) -> Self {
        let mut script = Self {
            bytes,
            at: 0,
            start: 0,
            value_expected: true,
            last: 0,
            open: Vec::new(),
            no_templates_from: usize::MAX,
            no_regex_before: 0,
            ignored: VecDeque::new(),
        };
        if bytes.starts_with(b"#!") {
            script.at = script.end_of_line(0);
        }
        script
    }

    /// Where the last token began.
    pub(crate) fn token_start(&self) -> usize {
        self.start
    }

    /// Whether a comment hides what begins here.
    pub(crate) fn is_ignored(&self, offset: usize) -> bool {
        self.ignored.iter().any(|(start, end)| (*start..*end).contains(&offset))
    }

    /// The line of a byte, from one.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        self.bytes.iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
    }

    /// The next token; `None` at the end.
    pub(crate) fn token(&mut self) -> Option<Token<'t>> {
        loop {
            self.pass_blanks();
            let byte = *self.bytes.get(self.at)?;
            self.start = self.at;
            let token = match byte {
                b'"' | b'\'' => match self.text(byte) {
                    Some(text) => self.valued(Token::Text(text)),
                    None => self.mark(byte),
                },
                b'`' if self.at < self.no_templates_from => match self.template(self.at + 1) {
                    Some(token) => token,
                    None => continue,
                },
                b'/' if self.value_expected && self.last != b'<' && self.pass_regex() => {
                    // A value like a name, of which nothing is of interest.
                    self.valued(Token::Mark(b'/'))
                }
                b'{' => {
                    self.open.push(false);
                    self.mark(byte)
                }
                b'}' if self.open.pop() == Some(true) => {
                    // The rest of a template says nothing of what it began with.
                    match self.template(self.at + 1) {
                        Some(_) => self.after_template(),
                        None => continue,
                    }
                }
                byte if is_word(byte) => self.word(),
                byte => self.mark(byte),
            };
            return Some(token);
        }
    }

    fn after_template(&mut self) -> Token<'t> {
        self.last = b'`';
        Token::Mark(b'`')
    }

    fn valued(&mut self, token: Token<'t>) -> Token<'t> {
        self.value_expected = false;
        self.last = b'a';
        token
    }

    fn mark(&mut self, byte: u8) -> Token<'t> {
        self.at += 1;
        self.value_expected = !matches!(byte, b')' | b']');
        self.last = byte;
        Token::Mark(byte)
    }

    fn word(&mut self) -> Token<'t> {
        let length = self.bytes.iter().skip(self.at).take_while(|byte| is_word(**byte)).count();
        let word = self.slice(self.at, self.at + length);
        self.at += length;
        self.value_expected = BEFORE_VALUES.contains(&word);
        self.last = b'a';
        Token::Word(word)
    }

    /// White space and comments.
    fn pass_blanks(&mut self) {
        while let Some(byte) = self.bytes.get(self.at) {
            match (byte, self.bytes.get(self.at + 1)) {
                (byte, _) if byte.is_ascii_whitespace() => self.at += 1,
                (b'/', Some(b'/')) => self.pass_comment(self.end_of_line(self.at)),
                (b'/', Some(b'*')) => {
                    let inside = self.bytes.get(self.at + 2..).unwrap_or_default();
                    let end = inside.windows(2).position(|pair| pair == b"*/");
                    self.pass_comment(end.map_or(self.bytes.len(), |n| self.at + n + 4));
                }
                _ => return,
            }
        }
    }

    fn pass_comment(&mut self, end: usize) {
        let comment = self.bytes.get(self.at..end).unwrap_or_default();
        if comment.len() < 200 && comment.windows(IGNORE.len()).any(|part| part == IGNORE) {
            let next = self.end_of_line(end) + 1;
            self.ignored.push_back((next, self.end_of_line(next)));
            // Only the last can concern what is read now.
            if self.ignored.len() > 4 {
                self.ignored.pop_front();
            }
        }
        self.at = end;
    }

    fn end_of_line(&self, from: usize) -> usize {
        let rest = self.bytes.iter().skip(from);
        rest.take_while(|byte| **byte != b'\n').count() + from.min(self.bytes.len())
    }

    /// A text that begins here; `None` where its line ends before it does, so that the quote is none.
    fn text(&mut self, quote: u8) -> Option<&'t str> {
        let mut at = self.at + 1;
        loop {
            match self.bytes.get(at)? {
                b'\\' => at += 2,
                b'\n' => return None,
                byte if *byte == quote => break,
                _ => at += 1,
            }
        }
        let text = self.slice(self.at + 1, at);
        self.at = at + 1;
        Some(text)
    }

    /// A template from here to its end or the next `${`; `None` where neither comes.
    fn template(&mut self, from: usize) -> Option<Token<'t>> {
        let mut at = from;
        loop {
            match (self.bytes.get(at), self.bytes.get(at + 1)) {
                (None, _) => {
                    // Nothing was read since, so going on one byte further loses nothing.
                    self.no_templates_from = self.at;
                    self.at += usize::from(self.bytes.get(self.at) == Some(&b'}'));
                    self.open.clear();
                    return None;
                }
                (Some(b'\\'), _) => at += 2,
                (Some(b'`'), _) => {
                    self.at = at + 1;
                    return Some(self.valued(Token::Template { text: self.slice(from, at), is_whole: true }));
                }
                (Some(b'$'), Some(b'{')) => {
                    self.open.push(true);
                    self.at = at + 2;
                    self.value_expected = true;
                    self.last = b'{';
                    return Some(Token::Template { text: self.slice(from, at), is_whole: false });
                }
                _ => at += 1,
            }
        }
    }

    /// Passes over a regular expression; `false` where its line ends before it does.
    fn pass_regex(&mut self) -> bool {
        if self.at < self.no_regex_before {
            return false;
        }
        let mut at = self.at + 1;
        let mut in_class = false;
        loop {
            match self.bytes.get(at) {
                None | Some(b'\n') => {
                    self.no_regex_before = at;
                    return false;
                }
                Some(b'\\') => at += 2,
                Some(b'[') => {
                    in_class = true;
                    at += 1;
                }
                Some(b']') => {
                    in_class = false;
                    at += 1;
                }
                Some(b'/') if !in_class => {
                    self.at = at + 1;
                    return true;
                }
                Some(_) => at += 1,
            }
        }
    }

    /// The text between two offsets; nothing where it is not UTF-8.
    fn slice(&self, start: usize, end: usize) -> &'t str {
        let bytes = self.bytes.get(start..end).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'#' | b'@') || byte >= 0x80
}
