//! Splits shell text into simple commands.

use super::{Command, Word};

/// How deep command substitutions are looked into.
const DEEPEST: u32 = 8;

/// Words that introduce commands and are none.
const CONTROL: [&str; 13] = [
    "if", "then", "elif", "else", "fi", "while", "until", "do", "done", "!", "{", "}", "esac",
];

/// The simple commands of a shell text, in the order of the text; those inside of `$(…)` come after their command.
pub(crate) fn commands(text: &str) -> Vec<Command> {
    let mut found = Vec::new();
    read(text, 0, 0, &mut found);
    found
}

fn read(text: &str, base: usize, depth: u32, found: &mut Vec<Command>) {
    let mut reader = Reader {
        text,
        at: 0,
        base,
        command: Command::default(),
        inner: Vec::new(),
        heredocs: Vec::new(),
        found,
    };
    reader.run();
    let inner = std::mem::take(&mut reader.inner);
    if depth < DEEPEST {
        for (start, end) in inner {
            if let Some(part) = text.get(start..end) {
                read(part, base + start, depth + 1, found);
            }
        }
    }
}

pub(super) struct Reader<'t, 'f> {
    text: &'t str,
    pub(super) at: usize,
    /// The offset of the text in the whole.
    pub(super) base: usize,
    command: Command,
    /// Command substitutions, to be read afterwards.
    pub(super) inner: Vec<(usize, usize)>,
    /// Delimiters of here-documents whose text begins on the next line, and whether tabs in front of them are ignored.
    heredocs: Vec<(String, bool)>,
    found: &'f mut Vec<Command>,
}

impl Reader<'_, '_> {
    pub(super) fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn take(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn run(&mut self) {
        while let Some(next) = self.peek() {
            match next {
                '\n' => {
                    self.take();
                    self.end(false);
                    self.skip_heredocs();
                }
                '\\' if self.rest().starts_with("\\\n") => self.at += 2,
                '\\' if self.rest().starts_with("\\\r\n") => self.at += 3,
                next if next.is_whitespace() => {
                    self.take();
                }
                '#' => self.skip_line(),
                ';' | '(' | ')' => {
                    self.take();
                    self.end(false);
                }
                '&' => self.ampersand(),
                '|' => {
                    self.take();
                    let or = self.peek() == Some('|');
                    if or || self.peek() == Some('&') {
                        self.take();
                    }
                    self.end(!or);
                }
                '<' => self.input(),
                '>' => self.output(true),
                _ => self.word(),
            }
        }
        self.end(false);
    }

    /// `&`, `&&`, or `&>` which sends all output to a file.
    fn ampersand(&mut self) {
        self.take();
        match self.peek() {
            Some('>') => self.output(true),
            Some('&') => {
                self.take();
                self.end(false);
            }
            _ => self.end(false),
        }
    }

    fn skip_line(&mut self) {
        self.at += self.rest().find('\n').unwrap_or(self.rest().len());
    }

    fn end(&mut self, piped: bool) {
        let mut command = std::mem::take(&mut self.command);
        command.piped = piped;
        if !command.words.is_empty() || !command.assignments.is_empty() {
            self.found.push(command);
        }
    }

    fn input(&mut self) {
        self.take();
        if self.peek() == Some('<') {
            self.take();
            if self.peek() == Some('<') {
                self.take();
                self.skip_blanks();
                self.scan_word();
                return;
            }
            let strip_tabs = self.peek() == Some('-');
            if strip_tabs {
                self.take();
            }
            self.skip_blanks();
            let delimiter = self.scan_word();
            self.command.has_heredoc = true;
            if !delimiter.text.is_empty() {
                self.heredocs.push((delimiter.text, strip_tabs));
            }
        } else if self.peek() != Some('(') {
            if self.peek() == Some('&') {
                self.take();
            }
            self.skip_blanks();
            self.scan_word();
        }
    }

    /// `>`, `>>`, `>&2`, `>|` and the target behind.
    fn output(&mut self, stdout: bool) {
        while matches!(self.peek(), Some('>' | '|')) {
            self.take();
        }
        if self.peek() == Some('&') {
            self.take();
            self.scan_word();
            return;
        }
        self.skip_blanks();
        let target = self.scan_word().text;
        let shown = ["/dev/stdout", "/dev/stderr", "/dev/tty", "/proc/1/fd/1"];
        if stdout && !target.is_empty() && !shown.contains(&target.as_str()) {
            self.command.redirected = true;
        }
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t')) {
            self.take();
        }
    }

    fn skip_heredocs(&mut self) {
        for (delimiter, strip_tabs) in std::mem::take(&mut self.heredocs) {
            loop {
                if self.rest().is_empty() {
                    return;
                }
                let line_start = self.at;
                self.skip_line();
                let line = self.text.get(line_start..self.at).unwrap_or_default();
                self.take();
                let line = line.trim_end_matches('\r');
                let line = if strip_tabs {
                    line.trim_start_matches('\t')
                } else {
                    line
                };
                if line == delimiter {
                    break;
                }
            }
        }
    }

    fn word(&mut self) {
        let word = self.scan_word();
        if word.start == word.end {
            // Nothing was taken: step over the character, so that the loop ends.
            self.take();
            return;
        }
        // The number of a file: `2>file`.
        if word.text.len() == 1
            && word.text.starts_with(|first: char| first.is_ascii_digit())
            && matches!(self.peek(), Some('>'))
        {
            self.output(word.text == "1");
            return;
        }
        if self.command.words.is_empty() {
            if CONTROL.contains(&word.text.as_str()) {
                return;
            }
            if let Some((name, value)) = assignment(&word) {
                self.command.assignments.push((name, value));
                return;
            }
        }
        self.command.words.push(word);
    }
}

/// `NAME=value` as name and value.
fn assignment(word: &Word) -> Option<(String, Word)> {
    let (name, value) = word.text.split_once('=')?;
    let name = name.strip_suffix('+').unwrap_or(name);
    let is_name = !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .chars()
            .all(|one| one.is_ascii_alphanumeric() || one == '_');
    is_name.then(|| {
        let value = Word {
            text: value.to_owned(),
            ..word.clone()
        };
        (name.to_owned(), value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> Vec<String> {
        commands(text)
            .iter()
            .map(|command| command.texts().join("|"))
            .collect()
    }

    #[test]
    fn commands_are_split_where_a_shell_splits_them() {
        assert_eq!(
            shown("set -e; a b && c 'd e' || f\n# no\ng \"h $I\" | j &\n(k)"),
            ["set|-e", "a|b", "c|d e", "f", "g|h $I", "j", "k"]
        );
        assert_eq!(
            shown("while ! nc -z \"$HOST\" 1; do\n  sleep 1\ndone\nexec \"$@\""),
            ["nc|-z|$HOST|1", "sleep|1", "exec|$@"]
        );
        assert_eq!(shown("a \\\n  b\\\nc"), ["a|bc"]);
    }

    #[test]
    fn assignments_stand_apart() {
        let found = commands("A=1 B='x y' run C=2\nD=$(pwd)\n");
        assert_eq!(found[0].assignments[1].1.text, "x y");
        assert_eq!(found[0].texts(), ["run", "C=2"]);
        assert_eq!(found[1].assignments[0].1.text, "$(pwd)");
        assert_eq!(found[2].texts(), ["pwd"]);
    }

    #[test]
    fn here_documents_are_no_commands() {
        assert_eq!(shown("cat <<EOF > f\nrm -rf /\nEOF\nb\n"), ["cat", "b"]);
        assert_eq!(
            shown("python - \"$A\" <<-'X'\n\tb\n\tX\nc"),
            ["python|-|$A", "c"]
        );
        assert_eq!(shown("cat <<EOF\nnever ends"), ["cat"]);
        assert_eq!(shown("read x <<< word; b"), ["read|x", "b"]);
    }

    #[test]
    fn output_is_followed() {
        let found =
            commands("a > f; b >> $F; c >&2; d 2>/dev/null; e | f; g &> h; i > /dev/stderr; j 1>k");
        let states: Vec<(bool, bool)> = found
            .iter()
            .map(|command| (command.redirected, command.piped))
            .collect();
        assert_eq!(
            states,
            [
                (true, false),
                (true, false),
                (false, false),
                (false, false),
                (false, true),
                (false, false),
                (true, false),
                (false, false),
                (true, false)
            ]
        );
    }

    #[test]
    fn expressions_of_workflows_are_one_piece() {
        let found = commands("echo ${{ secrets.A }} \"x ${{ github.b }}\"");
        assert_eq!(
            found[0].texts(),
            ["echo", "${{ secrets.A }}", "x ${{ github.b }}"]
        );
        assert_eq!((found[0].words[1].start, found[0].words[1].end), (5, 21));
    }

    #[test]
    fn substitutions_are_looked_into_at_their_place() {
        let text = "until [ \"$(pg_isready -h db)\" ]; do :; done";
        let found = commands(text);
        let inner = found.last().unwrap();
        assert_eq!(inner.program(), "pg_isready");
        assert_eq!(
            text.get(inner.words[2].start..inner.words[2].end),
            Some("db")
        );
        let deep = "$(".repeat(50_000);
        assert!(!commands(&deep).is_empty());
    }

    proptest! {
        #[test]
        fn never_panics(text in "(?s).{0,200}") {
            let _ = commands(&text);
        }

        #[test]
        fn never_panics_on_shell_like_text(text in "[a-cé$(){}\\[\\]'\"\\\\`;|&<>\n\t #=0-2-]{0,80}") {
            for command in commands(&text) {
                for word in command.words {
                    prop_assert!(text.get(word.start..word.end).is_some());
                }
            }
        }
    }
}
