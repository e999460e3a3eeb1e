//! What git takes for a comment in the message of a commit.

use crate::error::Error;
use crate::repository::Repository;

/// The settings that decide about it (`git-config(1)`, `git-commit(1)` on `--cleanup`).
const SETTINGS: &str = r"^(core\.comment(char|string)|commit\.cleanup)$";

/// The same, one by one. Names of settings have no case; git tells them in lower case.
const NAMES: [&str; 3] = ["core.commentchar", "core.commentstring", "commit.cleanup"];

/// What begins a comment unless the settings say otherwise.
const USUAL: &str = "#";

impl Repository {
    /// What begins a comment line in a message that is being written. None: git leaves such lines in.
    ///
    /// # Errors
    /// What went wrong with git.
    pub fn comment_mark(&self) -> Result<Option<String>, Error> {
        if let Some(direct) = self.direct()
            && let Some(settings) = direct.settings(&NAMES)
            // Of both, the last one in the file wins.
            && !matches!(settings.as_slice(), [Some(_), Some(_), ..])
        {
            let named = NAMES.into_iter().zip(&settings);
            let set = named.filter_map(|(name, value)| Some((name, value.as_deref()?)));
            return Ok(mark(set));
        }
        let arguments = ["config", "-z", "--get-regexp", SETTINGS];
        let output = self.git().run(self.root(), &arguments)?;
        // Without any of these settings git ends with 1, and writes nothing.
        let settings = String::from_utf8_lossy(&output.stdout);
        Ok(mark(
            settings
                .split('\0')
                .filter_map(|setting| setting.split_once('\n')),
        ))
    }
}

/// The mark by the settings, named in lower case, of which the last one wins.
fn mark<'a>(settings: impl Iterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let mut mark = USUAL;
    let mut keeps_comments = false;
    for (name, value) in settings {
        match (name, value) {
            ("commit.cleanup", how) => {
                keeps_comments = matches!(how, "verbatim" | "whitespace");
            }
            // `auto` takes another character only if the message has lines that begin with the usual one.
            (_, "auto" | "") => mark = USUAL,
            (_, value) => mark = value,
        }
    }
    (!keeps_comments).then(|| mark.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_setting_wins() {
        let read = |settings: &[(&str, &str)]| mark(settings.iter().copied());
        assert_eq!(read(&[]).as_deref(), Some("#"));
        assert_eq!(
            read(&[("core.commentchar", ";"), ("core.commentstring", "//")]).as_deref(),
            Some("//")
        );
        assert_eq!(read(&[("core.commentchar", "auto")]).as_deref(), Some("#"));
        assert_eq!(read(&[("commit.cleanup", "verbatim")]), None);
        assert_eq!(
            read(&[("commit.cleanup", "verbatim"), ("commit.cleanup", "strip")]).as_deref(),
            Some("#")
        );
    }
}
