//! Of what Python has written to stderr, the part that says why it ended.

/// The most lines of an exception that are shown. Drivers of databases explain themselves in several.
const MOST_LINES: usize = 4;

/// How many lines are shown of what is no exception. `docker run` says why in the second last one, and then how to get help.
const LAST_LINES: usize = 3;

/// The longest text that is shown, in characters.
const LONGEST: usize = 600;

/// The exception at the end of stderr in one line, or else its last lines. None if nothing was said.
pub(super) fn cause(stderr: &str) -> Option<String> {
    let lines: Vec<&str> = stderr
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let after_traceback = lines.iter().rposition(|line| line.starts_with("  "));
    let begin = after_traceback
        .map(|place| place + 1)
        .filter(|place| *place < lines.len())
        .or_else(|| lines.iter().rposition(|line| names_exception(line)))
        .unwrap_or(lines.len().saturating_sub(LAST_LINES));
    let shown: Vec<String> = (lines.get(begin..)?.iter())
        .take(MOST_LINES)
        .map(|line| line.trim().replace(|char: char| char.is_control(), " "))
        .collect();
    let text: String = shown.join("; ").chars().take(LONGEST).collect();
    (!text.is_empty()).then_some(text)
}

/// `CommandError: …`, as Django writes it without a traceback.
fn names_exception(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default();
    let is_dotted = name
        .chars()
        .all(|char| char.is_alphanumeric() || matches!(char, '.' | '_'));
    is_dotted && (name.ends_with("Error") || name.ends_with("Exception"))
}

#[cfg(test)]
mod tests {
    use super::cause;

    #[test]
    fn an_exception_is_what_follows_the_traceback() {
        let stderr = "Traceback (most recent call last):\n  File \"manage.py\", line 1\n    main()\n    ~~~~^^\n\
            django.db.utils.OperationalError: connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n\
            \tIs the server running on that host and accepting TCP/IP connections?\n\n";
        assert_eq!(
            cause(stderr).unwrap(),
            "django.db.utils.OperationalError: connection to server at \"127.0.0.1\", port 1 failed: Connection refused; \
             Is the server running on that host and accepting TCP/IP connections?"
        );
    }

    #[test]
    fn without_a_traceback_it_is_the_last_error_or_the_last_lines() {
        assert_eq!(
            cause("a warning\nCommandError: App 'shop' does not have migrations\n").unwrap(),
            "CommandError: App 'shop' does not have migrations"
        );
        assert_eq!(
            cause("SystemCheckError: issues:\nERRORS:\nshop: (E1) \u{1b}[31mno\nissue (0 silenced).\nmore\n").unwrap(),
            "SystemCheckError: issues:; ERRORS:; shop: (E1)  [31mno; issue (0 silenced)."
        );
        assert_eq!(
            cause("no such service: web\n").unwrap(),
            "no such service: web"
        );
        assert_eq!(cause("  all is\n  indented\n").unwrap(), "all is; indented");
        // Of docker 28.
        let docker = "one\nUnable to find image 'shop:0' locally\n\
            docker: Error response from daemon: pull access denied for shop\n\nRun 'docker run --help' for more information\n";
        assert_eq!(
            cause(docker).unwrap(),
            "Unable to find image 'shop:0' locally; docker: Error response from daemon: pull access denied for shop; \
             Run 'docker run --help' for more information"
        );
        assert_eq!(cause("\n \n"), None);
        assert!(cause(&"x".repeat(10_000)).unwrap().len() < 1_000);
    }
}
