//! A text to its statements, by quotes, comments and semicolons alone.

/// The pieces between semicolons that stand outside of texts, quoted names, dollar quotes and comments; with their offsets.
/// Pieces of nothing but space and comments are left out.
pub(super) fn statements(text: &str) -> Vec<(usize, &str)> {
    let mut pieces = Vec::new();
    let mut scanner = Scanner {
        bytes: text.as_bytes(),
        at: 0,
    };
    let mut start = 0;
    let mut has_words = false;
    while let Some(byte) = scanner.peek() {
        match byte {
            b';' => {
                scanner.at += 1;
                if has_words && let Some(piece) = text.get(start..scanner.at) {
                    pieces.push((start, piece));
                }
                start = scanner.at;
                has_words = false;
            }
            b'-' if scanner.starts_with(b"--") => scanner.until(b"\n"),
            b'/' if scanner.starts_with(b"/*") => scanner.block_comment(),
            byte if byte.is_ascii_whitespace() => scanner.at += 1,
            b'\'' | b'"' | b'`' => {
                has_words = true;
                scanner.quoted(byte);
            }
            b'$' => {
                has_words = true;
                scanner.dollar_quoted();
            }
            _ => {
                has_words = true;
                scanner.at += 1;
            }
        }
    }
    if has_words && let Some(piece) = text.get(start..) {
        pieces.push((start, piece));
    }
    pieces
}

struct Scanner<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn starts_with(&self, word: &[u8]) -> bool {
        self.rest().starts_with(word)
    }

    /// Moves behind the next occurrence of a word, or to the end.
    fn until(&mut self, word: &[u8]) {
        while self.at < self.bytes.len() {
            if self.starts_with(word) {
                self.at += word.len();
                return;
            }
            self.at += 1;
        }
    }

    /// Comments of this kind nest in Postgres.
    fn block_comment(&mut self) {
        let mut depth = 0_u32;
        while self.at < self.bytes.len() {
            if self.starts_with(b"/*") {
                depth += 1;
                self.at += 2;
            } else if self.starts_with(b"*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return;
                }
            } else {
                self.at += 1;
            }
        }
    }

    /// A doubled quote ends one text and begins the next, which comes to the same.
    fn quoted(&mut self, quote: u8) {
        self.at += 1;
        self.until(&[quote]);
    }

    fn dollar_quoted(&mut self) {
        let rest = self.rest();
        let tag_length = rest
            .iter()
            .skip(1)
            .position(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_'))
            .map(|length| length + 2);
        let tag = tag_length
            .and_then(|length| rest.get(..length))
            .filter(|tag| tag.ends_with(b"$"))
            .map(<[u8]>::to_vec);
        match tag {
            Some(tag) => {
                self.at += tag.len();
                self.until(&tag);
            }
            None => self.at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::statements;

    fn texts(text: &str) -> Vec<&str> {
        statements(text)
            .into_iter()
            .map(|(_, piece)| piece.trim())
            .collect()
    }

    #[test]
    fn semicolons_split_only_where_they_are_meant_to() {
        assert_eq!(texts("a; b;"), ["a;", "b;"]);
        assert_eq!(texts("a ';' b"), ["a ';' b"]);
        assert_eq!(texts("a 'it''s;' b; c"), ["a 'it''s;' b;", "c"]);
        assert_eq!(texts("a \";\"; b"), ["a \";\";", "b"]);
        assert_eq!(texts("do $$ a; b; $$; c"), ["do $$ a; b; $$;", "c"]);
        assert_eq!(texts("do $x$ a; $$ ; $x$; c"), ["do $x$ a; $$ ; $x$;", "c"]);
        assert_eq!(texts("a -- ; b\n; c"), ["a -- ; b\n;", "c"]);
        assert_eq!(
            texts("a /* ; /* ; */ ; */ b; c"),
            ["a /* ; /* ; */ ; */ b;", "c"]
        );
        assert_eq!(texts("select $1; b"), ["select $1;", "b"]);
    }

    #[test]
    fn comments_alone_are_no_statement() {
        assert!(texts(" -- drop table a;\n /* drop */ ; ;").is_empty());
        assert!(texts("'").len() == 1 && texts("$a$").len() == 1 && texts("/*").is_empty());
    }
}
