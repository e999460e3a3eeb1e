//! Shell text as simple commands: enough to see what a script runs, in which words, and where its output goes.
//!
//! Not a shell: control words are passed over, both branches of a condition are read, functions are not called. Looked at
//! before: `shlex` (in the tree already) knows words but no commands, comments, here-documents or places; `brush-parser` refuses
//! a script as a whole for one construct that it does not know, such as an expression of GitHub Actions; `conch-parser`
//! is abandoned; `yash-syntax` is under the GPL.

mod expand;
mod read;
mod word;

pub(crate) use expand::{expand, variables};
pub(crate) use read::commands;

/// A simple command: assignments and words up to the next separator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Command {
    /// `NAME=value` in front of the words, or alone.
    pub(crate) assignments: Vec<(String, Word)>,
    /// Name and arguments, quotes taken off; variables stay as written.
    pub(crate) words: Vec<Word>,
    /// Whether its output is read by another command.
    pub(crate) piped: bool,
    /// Whether its output is written to a file.
    pub(crate) redirected: bool,
    /// Whether a here-document is its input.
    pub(crate) has_heredoc: bool,
}

/// A word and the bytes that it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Whether single quotes keep `$` from being read in all of it.
    pub(crate) literal: bool,
}

impl Command {
    /// The words as text.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.words.iter().map(|word| word.text.as_str()).collect()
    }

    /// The program, without its directory.
    pub(crate) fn program(&self) -> &str {
        self.words
            .first()
            .map_or("", |word| crate::paths::base_name(&word.text))
    }

    /// The offset of the first byte of the command.
    pub(crate) fn start(&self) -> usize {
        let word = self.words.first().map(|word| word.start);
        let assignment = self.assignments.first().map(|(_, value)| value.start);
        match (word, assignment) {
            (Some(word), Some(assignment)) => word.min(assignment),
            (one, other) => one.or(other).unwrap_or_default(),
        }
    }
}

/// The words of a command that others run: `exec`, `env A=b`, `sudo -u x`, `gosu user`, `tini --`, `sh -c "…"` are taken off.
pub(crate) fn unwrapped<'w>(words: &[&'w str]) -> Vec<&'w str> {
    let mut rest = words;
    for _ in 0..8 {
        let Some((first, after)) = rest.split_first() else {
            break;
        };
        let skip = match crate::paths::base_name(first) {
            "exec" | "nohup" | "time" | "command" | "dumb-init" => options(after),
            "tini" => options(after),
            "env" | "sudo" | "nice" | "ionice" => {
                options(after)
                    + after
                        .iter()
                        .skip(options(after))
                        .take_while(|word| word.contains('='))
                        .count()
            }
            "gosu" | "su-exec" | "setpriv" | "timeout" => options(after) + 1,
            // `newrelic-admin run-program gunicorn`, `poetry run`, `uv run`, `pipenv run`, `ddtrace-run`.
            "newrelic-admin" | "poetry" | "uv" | "pipenv" | "pdm" | "hatch" | "rye"
                if matches!(after.first(), Some(&("run" | "run-program"))) =>
            {
                1 + options(after.get(1..).unwrap_or_default())
            }
            "ddtrace-run" | "opentelemetry-instrument" => options(after),
            _ => break,
        };
        rest = after.get(skip..).unwrap_or_default();
    }
    rest.to_vec()
}

/// How many options stand in front.
fn options(words: &[&str]) -> usize {
    words
        .iter()
        .take_while(|word| word.starts_with('-'))
        .count()
}

/// The script inside of `sh -c "script"`, given the words without wrappers.
pub(crate) fn inline_script<'w>(words: &[&'w str]) -> Option<&'w str> {
    let (first, rest) = words.split_first()?;
    if !is_shell(first) {
        return None;
    }
    let at = rest
        .iter()
        .position(|word| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c'))?;
    rest.get(at + 1).copied()
}

/// Whether a program is a shell.
pub(crate) fn is_shell(program: &str) -> bool {
    matches!(
        crate::paths::base_name(program),
        "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers_are_taken_off() {
        for (words, left) in [
            ("exec gunicorn a", "gunicorn a"),
            ("exec env A=1 B=2 python x", "python x"),
            ("/usr/bin/tini -- python x", "python x"),
            ("gosu app python x", "python x"),
            ("newrelic-admin run-program gunicorn", "gunicorn"),
            ("uv run --no-sync python manage.py", "python manage.py"),
            ("poetry install", "poetry install"),
        ] {
            let words: Vec<&str> = words.split(' ').collect();
            assert_eq!(unwrapped(&words).join(" "), left);
        }
        assert!(unwrapped(&["exec"]).is_empty() && unwrapped(&[]).is_empty());
    }

    #[test]
    fn inline_scripts_are_found() {
        assert_eq!(inline_script(&["sh", "-c", "a b"]), Some("a b"));
        assert_eq!(inline_script(&["/bin/bash", "-lc", "a"]), Some("a"));
        assert_eq!(inline_script(&["bash", "entrypoint.sh", "-c"]), None);
        assert_eq!(inline_script(&["python", "-c", "a"]), None);
    }
}
