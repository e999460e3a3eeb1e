//! What git takes for a comment in the message of a commit.

use crate::error::Error;
use crate::repository::Repository;

/// The settings that decide about it (`git-config(1)`, `git-commit(1)` on `--cleanup`).
const SETTINGS: &str = r"^(core\.comment(char|string)|commit\.cleanup)$";

/// What begins a comment unless the settings say otherwise.
const USUAL: &str = "#";

impl Repository {
    /// What begins a comment line in a message that is being written. None: git leaves such lines in.
    ///
    /// # Errors
    /// What went wrong with git.
    pub fn comment_mark(&self) -> Result<Option<String>, Error> {
        let arguments = ["config", "-z", "--get-regexp", SETTINGS];
        let output = self.git().run(self.root(), &arguments)?;
        // Without any of these settings git ends with 1, and writes nothing.
        Ok(mark(&String::from_utf8_lossy(&output.stdout)))
    }
}

/// Reads `<key>LF<value>NUL`, of which the last one wins.
fn mark(settings: &str) -> Option<String> {
    let mut mark = USUAL;
    let mut keeps_comments = false;
    for setting in settings.split('\0') {
        match setting.split_once('\n') {
            Some(("commit.cleanup", how)) => {
                keeps_comments = matches!(how, "verbatim" | "whitespace");
            }
            // `auto` takes another character only if the message has lines that begin with the usual one.
            Some((_, "auto" | "")) => mark = USUAL,
            Some((_, value)) => mark = value,
            None => {}
        }
    }
    (!keeps_comments).then(|| mark.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_setting_wins() {
        let read = |text: &str| mark(text);
        assert_eq!(read("").as_deref(), Some("#"));
        assert_eq!(
            read("core.commentchar\n;\0core.commentstring\n//\0").as_deref(),
            Some("//")
        );
        assert_eq!(read("core.commentchar\nauto\0").as_deref(), Some("#"));
        assert_eq!(read("commit.cleanup\nverbatim\0"), None);
        assert_eq!(
            read("commit.cleanup\nverbatim\0commit.cleanup\nstrip\0").as_deref(),
            Some("#")
        );
    }
}
