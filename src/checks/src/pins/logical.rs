//! The lines of a requirements file as pip joins them.

/// One logical line: continuation lines joined, the comment cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Logical {
    pub(super) text: String,
    /// From which byte of `text` on which byte of the file continues.
    pieces: Vec<(usize, usize)>,
}

impl Logical {
    /// The byte of the file where that byte of the text stands.
    pub(super) fn offset(&self, at: usize) -> usize {
        let index = self.pieces.partition_point(|(start, _)| *start <= at);
        let (start, source) = index
            .checked_sub(1)
            .and_then(|index| self.pieces.get(index))
            .copied()
            .unwrap_or_default();
        source + (at - start.min(at))
    }

    fn push(&mut self, text: &str, source: usize) {
        self.pieces.push((self.text.len(), source));
        self.text.push_str(text);
    }
}

/// The logical lines that are neither empty nor comments.
pub(super) fn logical_lines(text: &str) -> Vec<Logical> {
    let empty = Logical {
        text: String::new(),
        pieces: Vec::new(),
    };
    let mut lines = Vec::new();
    let mut open = empty.clone();
    let mut start = 0;
    for whole in text.split_inclusive('\n') {
        let line = whole.trim_end_matches(['\n', '\r']);
        let is_comment = line.trim_start().starts_with('#');
        match line.strip_suffix('\\') {
            // A comment line goes on with nothing, but it ends what went on before.
            Some(before) if !is_comment => open.push(before, start),
            _ => {
                if is_comment {
                    open.push(" ", start);
                }
                open.push(line, start);
                lines.push(std::mem::replace(&mut open, empty.clone()));
            }
        }
        start += whole.len();
    }
    lines.push(open);
    for line in &mut lines {
        let end = line
            .text
            .get(..comment_start(&line.text))
            .map_or(0, |text| text.trim_end().len());
        line.text.truncate(end);
    }
    lines.retain(|line| !line.text.trim().is_empty());
    lines
}

/// A `#` at the start or behind whitespace begins a comment; `#egg=` in an address does not.
fn comment_start(text: &str) -> usize {
    let mut before = ' ';
    for (at, letter) in text.char_indices() {
        if letter == '#' && before.is_whitespace() {
            return at;
        }
        before = letter;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        logical_lines(text)
            .into_iter()
            .map(|line| line.text)
            .collect()
    }

    #[test]
    fn comments_and_empty_lines_are_cut() {
        assert_eq!(
            texts("# a\n\ndjango==4 # b\r\n  \ngit+https://x/y#egg=z\n"),
            ["django==4", "git+https://x/y#egg=z"]
        );
    }

    #[test]
    fn continued_lines_are_one_and_know_their_places() {
        let text = "a==1 \\\n  --hash=x \\\n  --hash=y\nb==2\n";
        let lines = logical_lines(text);
        assert_eq!(lines.len(), 2);
        let second = lines[0].text.find("--hash=y").unwrap();
        assert_eq!(lines[0].offset(second), text.find("--hash=y").unwrap());
        assert_eq!(lines[1].offset(3), text.find("2\n").unwrap());
    }

    #[test]
    fn a_comment_is_not_continued_but_ends_a_line() {
        assert_eq!(texts("# a \\\nb==1\n"), ["b==1"]);
        assert_eq!(texts("a==1 \\\n# note \\\nb==1"), ["a==1", "b==1"]);
    }

    #[test]
    fn a_file_may_end_with_a_backslash() {
        assert_eq!(texts("a==1 \\"), ["a==1"]);
        assert_eq!(texts("\\"), [""; 0]);
    }
}
