//! One word: quotes, escapes and substitutions.

use super::Word;
use super::read::Reader;

impl Reader<'_, '_> {
    pub(super) fn scan_word(&mut self) -> Word {
        let start = self.at;
        let mut text = String::new();
        let mut literal = self.peek() == Some('\'');
        while let Some(next) = self.peek() {
            match next {
                '\'' => self.single_quoted(&mut text),
                '"' => {
                    literal = false;
                    self.double_quoted(&mut text);
                }
                '\\' => {
                    self.take();
                    if self.rest().starts_with("\r\n") {
                        self.at += 2;
                    } else if let Some(next) = self.take().filter(|next| *next != '\n') {
                        text.push(next);
                    }
                }
                '$' | '`' => {
                    literal = false;
                    self.substitution(&mut text);
                }
                next if next.is_whitespace() || ";&|()<>".contains(next) => break,
                next => {
                    literal = false;
                    text.push(next);
                    self.take();
                }
            }
        }
        Word {
            text,
            start: self.base + start,
            end: self.base + self.at,
            literal,
        }
    }

    fn single_quoted(&mut self, text: &mut String) {
        self.take();
        let end = self.rest().find('\'').unwrap_or(self.rest().len());
        text.push_str(self.rest().get(..end).unwrap_or_default());
        self.at += end;
        self.take();
    }

    fn double_quoted(&mut self, text: &mut String) {
        self.take();
        while let Some(next) = self.peek() {
            match next {
                '"' => {
                    self.take();
                    return;
                }
                '\\' => {
                    self.take();
                    match self.take() {
                        Some('\n') | None => {}
                        Some(next) => {
                            if !"$`\"\\".contains(next) {
                                text.push('\\');
                            }
                            text.push(next);
                        }
                    }
                }
                '$' | '`' => self.substitution(text),
                next => {
                    text.push(next);
                    self.take();
                }
            }
        }
    }

    /// `$NAME`, `${…}`, `${{ … }}` of GitHub Actions, `$(…)` and backticks, all kept as written.
    fn substitution(&mut self, text: &mut String) {
        let start = self.at;
        let rest = self.rest();
        let length = if rest.starts_with("${{") {
            rest.find("}}").map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("${") {
            balanced(rest, '{', '}')
        } else if rest.starts_with("$(") {
            let length = balanced(rest, '(', ')');
            self.inner
                .push((start + 2, (start + length).saturating_sub(1)));
            length
        } else if let Some(inside) = rest.strip_prefix('`') {
            let length = inside.find('`').map_or(rest.len(), |end| end + 2);
            self.inner
                .push((start + 1, (start + length).saturating_sub(1)));
            length
        } else {
            1
        };
        text.push_str(self.rest().get(..length).unwrap_or_default());
        self.at += length;
    }
}

/// The length of a text up to the bracket that closes the first one; the whole text if none does.
fn balanced(text: &str, open: char, close: char) -> usize {
    let mut depth = 0_u32;
    let mut quote = None;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match (character, quote) {
            ('\\', _) => escaped = true,
            (character, Some(quoted)) if character == quoted => quote = None,
            ('\'' | '"', None) => quote = Some(character),
            (character, None) if character == open => depth += 1,
            (character, None) if character == close => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + character.len_utf8();
                }
            }
            _ => {}
        }
    }
    text.len()
}
