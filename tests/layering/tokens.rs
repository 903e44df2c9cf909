//! Splits Rust source into tokens with line numbers. Comments, texts and characters are left out.

/// A word, `::` or one sign of punctuation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// Returns the tokens of `source`; a text or character becomes one empty token.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let mut reader = Reader { rest: source, line: 1, found: Vec::new() };
    while !reader.rest.is_empty() {
        reader.next();
    }
    reader.found
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
    found: Vec<Token>,
}

impl Reader<'_> {
    fn next(&mut self) {
        let rest = self.rest;
        let first = rest.chars().next().unwrap_or_default();
        if rest.starts_with("//") {
            self.skip(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.skip(block_comment(rest));
        } else if let Some(length) = raw_text(rest) {
            self.push(String::new(), length);
        } else if first == '"' || rest.starts_with("b\"") || rest.starts_with("c\"") {
            self.push(String::new(), quoted(rest, '"'));
        } else if rest.starts_with("b'") || first == '\'' && is_character(rest) {
            self.push(String::new(), quoted(rest, '\''));
        } else if first == '_' || first.is_alphanumeric() {
            let raw = if rest.starts_with("r#") { 2 } else { 0 };
            let is_part = |character: char| character == '_' || character.is_alphanumeric();
            let length = rest[raw..].find(|character| !is_part(character)).unwrap_or(rest.len() - raw);
            self.push(rest[raw..raw + length].to_owned(), raw + length);
        } else if rest.starts_with("::") {
            self.push("::".to_owned(), 2);
        } else if first.is_whitespace() {
            self.skip(first.len_utf8());
        } else {
            self.push(first.to_string(), first.len_utf8());
        }
    }

    fn push(&mut self, text: String, length: usize) {
        self.found.push(Token { text, line: self.line });
        self.skip(length);
    }

    fn skip(&mut self, length: usize) {
        let (gone, rest) = self.rest.split_at(length);
        self.line += gone.matches('\n').count();
        self.rest = rest;
    }
}

/// Returns the length of a block comment; these may be nested.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Returns the length of a raw text such as `r#"…"#`, if one begins here.
fn raw_text(text: &str) -> Option<usize> {
    let prefix = text.starts_with('b').into();
    let hashes = text[prefix..].strip_prefix('r')?;
    let count = hashes.len() - hashes.trim_start_matches('#').len();
    hashes[count..].starts_with('"').then_some(())?;
    let begin = prefix + 1 + count + 1;
    let end = format!("\"{}", "#".repeat(count));
    Some(text[begin..].find(&end).map_or(text.len(), |length| begin + length + end.len()))
}

/// Returns the length of a text or character that ends with `quote`, with its prefix.
fn quoted(text: &str, quote: char) -> usize {
    let begin = text.find(quote).unwrap_or(0) + 1;
    let mut is_escaped = false;
    for (at, character) in text[begin..].char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if character == quote => return begin + at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Tells `'a'` and `'\n'` from the lifetime `'a`.
fn is_character(text: &str) -> bool {
    let mut inside = text.chars().skip(1);
    match inside.next() {
        Some('\\') => true,
        Some(_) => inside.next() == Some('\''),
        None => false,
    }
}
