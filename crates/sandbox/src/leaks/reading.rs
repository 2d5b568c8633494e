//! Reading texts back from what they are written in.

/// A way to read a text back. Each takes whatever it can read and leaves the rest as it is: what surrounds a secret is of no matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// `\"`, `\n`, `\/`, `\u0022`, `\u{22}`, `\x22`, and `\` before anything else.
    Backslashes,
    /// `'\''` and `'"'"'`, which stand for `'` in a shell's quotes.
    ShellQuotes,
    /// `%22`.
    Percent,
    /// The same with `+` for a space.
    Form,
    /// `&quot;`, `&#34;`, `&#x22;`.
    Entities,
    /// Both alphabets at all four offsets, whatever stands between the characters.
    Base64,
    /// Both cases at both offsets, whatever stands between the digits.
    Hex,
}

/// Shorter texts that come of decoding are noise.
const SHORTEST: usize = 6;

impl Reading {
    pub(super) const ALL: [Self; 7] = [
        Self::Backslashes,
        Self::ShellQuotes,
        Self::Percent,
        Self::Form,
        Self::Entities,
        Self::Base64,
        Self::Hex,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Backslashes => "escapes by backslash",
            Self::ShellQuotes => "shell quotes",
            Self::Percent => "percent encoding",
            Self::Form => "form encoding",
            Self::Entities => "HTML entities",
            Self::Base64 => "base64",
            Self::Hex => "hex",
        }
    }

    /// The text as it reads; `None` where nothing of the kind stands in it.
    pub(super) fn read(self, text: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Backslashes => text.contains(&b'\\').then(|| backslashes(text)),
            Self::ShellQuotes => shell_quotes(text),
            Self::Percent => text.contains(&b'%').then(|| percent(text, false)),
            Self::Form => text.contains(&b'+').then(|| percent(text, true)),
            Self::Entities => text.contains(&b'&').then(|| entities(text)),
            Self::Base64 => Some(base64(text)),
            Self::Hex => Some(hex(text)),
        }
    }
}

/// The runs of printable ASCII of at least this length, a line each.
pub(super) fn printable(bytes: &[u8], shortest: usize) -> Vec<u8> {
    let mut lines = Vec::new();
    for run in bytes.split(|byte| !(b' '..=b'~').contains(byte)).filter(|run| run.len() >= shortest) {
        lines.extend_from_slice(run);
        lines.push(b'\n');
    }
    lines
}

fn backslashes(text: &[u8]) -> Vec<u8> {
    let mut read = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        let (b'\\', [kind, behind @ ..]) = (*first, after) else {
            read.push(*first);
            continue;
        };
        rest = behind;
        match kind {
            b'n' => read.push(b'\n'),
            b'r' => read.push(b'\r'),
            b't' => read.push(b'\t'),
            b'b' => read.push(8),
            b'f' => read.push(12),
            b'e' => read.push(27),
            b'0' => read.push(0),
            b'\n' => {}
            b'u' | b'x' => {
                let (digits, left) = match (kind, behind) {
                    (b'u', [b'{', inner @ ..]) => {
                        let end = inner.iter().position(|byte| *byte == b'}').unwrap_or(inner.len());
                        (inner.get(..end), inner.get(end + 1..))
                    }
                    (b'u', _) => (behind.get(..4), behind.get(4..)),
                    _ => (behind.get(..2), behind.get(2..)),
                };
                match digits.and_then(character) {
                    Some(character) => {
                        push(&mut read, character);
                        rest = left.unwrap_or_default();
                    }
                    None => read.push(*kind),
                }
            }
            other => read.push(*other),
        }
    }
    read
}

/// The character of hex digits.
fn character(digits: &[u8]) -> Option<char> {
    let text = std::str::from_utf8(digits).ok().filter(|text| !text.is_empty() && text.len() <= 6)?;
    char::from_u32(u32::from_str_radix(text, 16).ok()?)
}

fn push(read: &mut Vec<u8>, character: char) {
    read.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

fn shell_quotes(text: &[u8]) -> Option<Vec<u8>> {
    const WAYS: [&[u8]; 2] = [b"'\\''", b"'\"'\"'"];
    let way = |rest: &[u8]| WAYS.into_iter().find(|way| rest.starts_with(way));
    let mut read = Vec::with_capacity(text.len());
    let (mut rest, mut is_there) = (text, false);
    while let [first, after @ ..] = rest {
        let found = if *first == b'\'' { way(rest) } else { None };
        read.push(*first);
        rest = found.and_then(|way| rest.get(way.len()..)).unwrap_or(after);
        is_there |= found.is_some();
    }
    is_there.then_some(read)
}

fn percent(text: &[u8], plus_is_space: bool) -> Vec<u8> {
    let mut read = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'%', [high, low, behind @ ..]) if let (Some(high), Some(low)) = (digit(*high), digit(*low)) => {
                read.push(high << 4 | low);
                rest = behind;
            }
            (b'+', _) if plus_is_space => read.push(b' '),
            _ => read.push(*first),
        }
    }
    read
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn entities(text: &[u8]) -> Vec<u8> {
    const NAMED: [(&[u8], u8); 5] =
        [(b"amp", b'&'), (b"lt", b'<'), (b"gt", b'>'), (b"quot", b'"'), (b"apos", b'\'')];
    let mut read = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        let end = if *first == b'&' { after.iter().take(10).position(|byte| *byte == b';') } else { None };
        let name = end.and_then(|end| Some((after.get(..end)?, after.get(end + 1..)?)));
        let meant = name.and_then(|(name, _)| match name {
            [b'#', b'x' | b'X', digits @ ..] => character(digits),
            [b'#', digits @ ..] => char::from_u32(std::str::from_utf8(digits).ok()?.parse().ok()?),
            _ => NAMED.iter().find(|(known, _)| *known == name).map(|(_, byte)| char::from(*byte)),
        });
        match (meant, name) {
            (Some(character), Some((_, behind))) => {
                push(&mut read, character);
                rest = behind;
            }
            _ => read.push(*first),
        }
    }
    read
}

/// Every character of the alphabets counts and everything else is passed over, line breaks among it. Where a text begins among other
/// characters does not matter, since all four offsets are read.
fn base64(text: &[u8]) -> Vec<u8> {
    let values: Vec<u32> = text.iter().filter_map(|byte| value(*byte)).collect();
    let mut read = Vec::new();
    for offset in 0..4 {
        let mut bytes = Vec::with_capacity(values.len());
        for group in values.get(offset..).unwrap_or_default().chunks(4) {
            let number =
                (0..4).fold(0, |number, at| number << 6 | group.get(at).copied().unwrap_or_default());
            let [_, decoded @ ..] = number.to_be_bytes();
            bytes.extend_from_slice(decoded.get(..group.len().saturating_sub(1)).unwrap_or_default());
        }
        read.extend_from_slice(&printable(&bytes, SHORTEST));
    }
    read
}

fn value(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

fn hex(text: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = text.iter().filter_map(|byte| digit(*byte)).collect();
    let mut read = Vec::new();
    for offset in 0..2 {
        let pairs = digits.get(offset..).unwrap_or_default().chunks_exact(2);
        let bytes: Vec<u8> = pairs.map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
        read.extend_from_slice(&printable(&bytes, SHORTEST));
    }
    read
}
