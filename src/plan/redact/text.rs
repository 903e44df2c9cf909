//! The form in which a text is compared with secrets: decoded and folded, with positions in the original.

/// A text after a number of decoding rounds.
pub(super) struct Layer {
    pub(super) bytes: Vec<u8>,
    /// The start of each byte in the original, and the end of the original. All bytes of an escape have the same start.
    starts: Vec<u32>,
}

impl Layer {
    /// The text itself.
    pub(super) fn of(text: &str) -> Self {
        let starts = 0..=u32::try_from(text.len()).unwrap_or(u32::MAX);
        Self { bytes: text.as_bytes().to_vec(), starts: starts.collect() }
    }

    /// Returns the text, and then, as long as there are such escapes, the text with them decoded once more.
    pub(super) fn decoded_by(text: &str, escapes: Escapes, times: usize) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(Self::of(text)), move |layer| layer.decoded(escapes)).take(times + 1)
    }

    /// Returns the text with its escapes decoded; none if it has none.
    fn decoded(&self, escapes: Escapes) -> Option<Self> {
        let mut next = Self { bytes: Vec::with_capacity(self.bytes.len()), starts: Vec::new() };
        next.starts.reserve(self.starts.len());
        let mut at = 0;
        while at < self.bytes.len() {
            let start = self.starts[at];
            let mut utf8 = [0; 4];
            let (bytes, length) = match escape(&self.bytes[at..], escapes) {
                Some((Escape::Byte(byte), length)) => {
                    utf8[0] = byte;
                    (&utf8[..1], length)
                }
                Some((Escape::Char(char), length)) => {
                    (char.encode_utf8(&mut utf8).as_bytes() as &[u8], length)
                }
                None => (&self.bytes[at..=at], 1),
            };
            next.bytes.extend_from_slice(bytes);
            next.starts.extend(bytes.iter().map(|_| start));
            at += length;
        }
        next.starts.extend(self.starts.last());
        (next.bytes.len() < self.bytes.len()).then_some(next)
    }

    /// Returns the text with the alphabets of base64 made equal.
    pub(super) fn folded(mut self) -> Self {
        fold(&mut self.bytes);
        self
    }

    /// The start in the original of a range that starts at that byte.
    pub(super) fn start(&self, at: usize) -> usize {
        place(self.starts[at])
    }

    /// Where in the original a range ends that ends before that byte. An escape is in the range as a whole or not at all.
    pub(super) fn end(&self, at: usize) -> usize {
        let last = at.checked_sub(1).map_or(0, |before| self.starts[before]);
        place(self.starts[at..].iter().copied().find(|start| *start > last).unwrap_or(last))
    }
}

fn place(start: u32) -> usize {
    usize::try_from(start).unwrap_or(usize::MAX)
}

/// Makes base64 and base64url equal. A space is not folded with the plus sign that forms write for it: the words of a message would
/// be taken for pieces of a secret with dashes.
pub(super) fn fold(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = match *byte {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        };
    }
}

/// Whether a range is not part of a longer word or number.
pub(super) fn is_word(bytes: &[u8], start: usize, end: usize) -> bool {
    let text = |range| std::str::from_utf8(bytes.get(range)?).ok();
    let before = (1..=4).find_map(|length| text(start.checked_sub(length)?..start)?.chars().next_back());
    let after = (1..=4).find_map(|length| text(end..end + length)?.chars().next());
    ![before, after].into_iter().flatten().any(char::is_alphanumeric)
}

/// Which escapes are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    All,
    /// Those of a URL.
    Percent,
    /// Those of JSON.
    Backslash,
    /// Those of HTML.
    Entity,
}

impl Escapes {
    /// A secret may contain what looks like an escape of another kind than the one with which it is repeated.
    pub(super) const KINDS: [Self; 4] = [Self::All, Self::Percent, Self::Backslash, Self::Entity];
}

enum Escape {
    Byte(u8),
    Char(char),
}

/// Returns the escape at the start of the bytes, and its length.
fn escape(bytes: &[u8], escapes: Escapes) -> Option<(Escape, usize)> {
    let char = |(char, length)| (Escape::Char(char), length);
    let is = |kind| escapes == Escapes::All || escapes == kind;
    match bytes.first()? {
        b'%' if is(Escapes::Percent) => {
            let byte = u8::try_from(number(bytes.get(1..3)?, 16)?).ok()?;
            Some((Escape::Byte(byte), 3))
        }
        b'\\' if is(Escapes::Backslash) => backslash(bytes).map(char),
        b'&' if is(Escapes::Entity) => entity(bytes).map(char),
        _ => None,
    }
}

fn backslash(bytes: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| number(bytes.get(at..at + 4)?, 16);
    let plain = match bytes.get(1)? {
        b'u' => {
            let first = unit(2)?;
            if !(0xd800..0xdc00).contains(&first) {
                return Some((char::from_u32(first)?, 6));
            }
            let second =
                unit(8).filter(|second| bytes[6..8] == *b"\\u" && (0xdc00..0xe000).contains(second))?;
            return Some((char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))?, 12));
        }
        b'x' => return Some((char::from_u32(number(bytes.get(2..4)?, 16)?)?, 4)),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        other @ (b'"' | b'\\' | b'/' | b'\'') => char::from(*other),
        _ => return None,
    };
    Some((plain, 2))
}

/// The HTML entities of characters in tokens, passwords and addresses.
const ENTITIES: [(&str, char); 35] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("sol", '/'),
    ("bsol", '\\'),
    ("plus", '+'),
    ("equals", '='),
    ("num", '#'),
    ("percnt", '%'),
    ("dollar", '$'),
    ("excl", '!'),
    ("quest", '?'),
    ("commat", '@'),
    ("colon", ':'),
    ("semi", ';'),
    ("comma", ','),
    ("period", '.'),
    ("lowbar", '_'),
    ("hyphen", '-'),
    ("dash", '-'),
    ("ast", '*'),
    ("lpar", '('),
    ("rpar", ')'),
    ("lsqb", '['),
    ("rsqb", ']'),
    ("lcub", '{'),
    ("rcub", '}'),
    ("verbar", '|'),
    ("vert", '|'),
    ("Hat", '^'),
    ("grave", '`'),
    ("Tab", '\t'),
    ("NewLine", '\n'),
];
/// The length of the longest entity, named or numeric, including its delimiters.
const LONGEST_ENTITY: usize = 12;

fn entity(bytes: &[u8]) -> Option<(char, usize)> {
    let text = &bytes[1..bytes.len().min(LONGEST_ENTITY)];
    let name_ends = |byte: &u8| !byte.is_ascii_alphanumeric() && *byte != b'#';
    let end = text.iter().position(name_ends).unwrap_or(text.len());
    let name = &text[..end];
    let length = 1 + end + usize::from(text.get(end) == Some(&b';'));
    let char = match name {
        [b'#', b'x' | b'X', digits @ ..] => char::from_u32(number(digits, 16)?),
        [b'#', digits @ ..] => char::from_u32(number(digits, 10)?),
        name => ENTITIES.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, char)| *char),
    };
    Some((char?, length))
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok()?;
    // `from_str_radix` would accept a sign.
    text.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(text, radix).ok())?
}
