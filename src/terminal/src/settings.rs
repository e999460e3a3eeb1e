//! How the terminal behaves, decided once from flags, environment and the kind of the streams.

use beanpole_model::Environment;

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// Steps, warnings and errors, and the output of the release step.
    Normal,
    /// Also the output of builds, containers and Beanstalk events.
    Verbose,
}

/// Settings of a [`crate::Terminal`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Results as one JSON value on stdout.
    pub json: bool,
    /// How much is said on stderr.
    pub verbosity: Verbosity,
    /// Whether ANSI colours are written.
    pub color: bool,
    /// Whether stderr is a terminal that can redraw lines.
    pub interactive: bool,
    /// Whether this is a step of GitHub Actions.
    pub github: bool,
}

impl Settings {
    /// Decides from the flags, the environment and whether stderr is a terminal.
    ///
    /// `NO_COLOR` (any value, <https://no-color.org>) and `TERM=dumb` switch colour and redrawing
    /// off; `CI` switches redrawing off.
    #[must_use]
    pub fn decide(
        json: bool,
        verbosity: Verbosity,
        no_color: bool,
        environment: &Environment,
        stderr_is_terminal: bool,
    ) -> Self {
        let dumb = environment.get("TERM") == Some("dumb");
        let plain = no_color || environment.get("NO_COLOR").is_some() || dumb;
        Self {
            json,
            verbosity,
            color: stderr_is_terminal && !plain,
            interactive: stderr_is_terminal && !dumb && !environment.is_true("CI"),
            github: environment.is_true("GITHUB_ACTIONS"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(pairs: &[(&str, &str)], terminal: bool) -> Settings {
        let environment = pairs.iter().copied().collect();
        Settings::decide(false, Verbosity::Normal, false, &environment, terminal)
    }

    #[test]
    fn a_plain_terminal_gets_colour_and_redrawing() {
        let settings = decide(&[], true);
        assert!(settings.color && settings.interactive && !settings.github);
    }

    #[test]
    fn no_color_keeps_redrawing_and_ci_keeps_colour() {
        let settings = decide(&[("NO_COLOR", "1")], true);
        assert!(!settings.color && settings.interactive);
        let settings = decide(&[("CI", "true"), ("GITHUB_ACTIONS", "true")], true);
        assert!(settings.color && !settings.interactive && settings.github);
    }

    #[test]
    fn a_pipe_gets_neither() {
        let settings = decide(&[], false);
        assert!(!settings.color && !settings.interactive);
    }
}
