//! The failing part of what an instance's engine wrote: `eb-engine.log`, and the deployment log, which
//! has the same form.
//!
//! The form: entries that begin with date, time and a level in brackets
//! (`2026/11/20 10:00:00.123456 [ERROR] …`); lines without that belong to the entry before them. A log
//! holds many commands; only the last one counts. What the engine says last is a summary of what went
//! wrong first, so both ends of the failing part matter, and its end most.

use std::ops::Range;

/// How many lines before the first error are shown.
const CONTEXT: usize = 5;

/// What the engine writes when a command begins.
const COMMAND_BEGINS: &str = "Engine received EB command";

/// Answers to the control plane: one long line of JSON that repeats what was said before.
const ANSWER: &str = "CommandService Response";

/// The lines from shortly before the first error of the last command to the end of its last error; at
/// most `limit` lines, cut in front. Empty if the last command has no error.
#[must_use]
pub fn failing_part(lines: &[String], limit: usize) -> Vec<String> {
    let command = last_command(lines);
    let errors: Vec<Range<usize>> = entries(command)
        .into_iter()
        .filter(|entry| command.get(entry.start).is_some_and(|line| is_error(line)))
        .collect();
    let (Some(first), Some(last)) = (errors.first(), errors.last()) else {
        return Vec::new();
    };
    let from = first.start.saturating_sub(CONTEXT);
    let part: Vec<String> = command
        .iter()
        .take(last.end)
        .skip(from)
        .filter(|line| !line.is_empty() && !line.contains(ANSWER))
        .cloned()
        .collect();
    ending(&part, limit)
}

/// The last `limit` lines that say something. What was cut is counted in a line of its own.
#[must_use]
pub fn ending(lines: &[String], limit: usize) -> Vec<String> {
    let said: Vec<&String> = lines.iter().filter(|line| !line.is_empty()).collect();
    let cut = said.len().saturating_sub(limit);
    let note = (cut > 0).then(|| format!("({cut} lines before)"));
    note.into_iter()
        .chain(said.into_iter().skip(cut).cloned())
        .collect()
}

fn last_command(lines: &[String]) -> &[String] {
    let begin = lines
        .iter()
        .rposition(|line| line.contains(COMMAND_BEGINS))
        .unwrap_or(0);
    lines.get(begin..).unwrap_or_default()
}

/// Each entry with the lines that belong to it. Lines before the first entry are one of their own.
fn entries(lines: &[String]) -> Vec<Range<usize>> {
    let mut starts: Vec<usize> = (0..lines.len())
        .filter(|index| lines.get(*index).is_some_and(|line| level(line).is_some()))
        .collect();
    if starts.first() != Some(&0) {
        starts.insert(0, 0);
    }
    let ends = starts.iter().skip(1).copied().chain([lines.len()]);
    starts
        .iter()
        .copied()
        .zip(ends)
        .map(|(start, end)| start..end)
        .collect()
}

fn is_error(line: &str) -> bool {
    matches!(level(line), Some("ERROR" | "FATAL"))
}

/// The level of the entry that begins with this line. Date and time may be missing.
fn level(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches(|letter: char| {
        letter.is_ascii_digit() || matches!(letter, '/' | '-' | ':' | '.' | ' ' | 'T' | 'Z' | ',')
    });
    let (word, _) = rest.strip_prefix('[')?.split_once(']')?;
    let is_word = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase());
    is_word.then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by hand in the form of a Docker platform's log.
    const LOG: &str = "\
2026/11/20 09:12:01.104212 [INFO] Engine received EB command app-deploy
2026/11/20 09:12:01.120001 [ERROR] An error occurred during execution of command [app-deploy] - [old]. Stop running the command.
2026/11/20 10:02:11.004212 [INFO] Engine received EB command app-deploy
2026/11/20 10:02:11.104001 [INFO] Downloading EB Application...
2026/11/20 10:02:12.004113 [INFO] Executing instruction: StageApplication
2026/11/20 10:02:12.104513 [INFO] Unzipping /opt/elasticbeanstalk/deployment/app_source_bundle to /var/app/staging/
2026/11/20 10:02:13.004721 [INFO] Executing instruction: RunAppDeployPreBuildHooks
2026/11/20 10:02:13.104721 [INFO] Executing instruction: Docker Specific Build Application
2026/11/20 10:02:13.200721 [INFO] Running command: docker compose build
2026/11/20 10:02:44.700001 [ERROR] build of service web failed
#9 [web 5/7] RUN pip install -r requirements.txt
#9 1.104 ERROR: No matching distribution found for djangoo==5.2

failed to solve: process \"/bin/sh -c pip install\" did not complete: exit code: 1
2026/11/20 10:02:44.700104 [INFO] Cleaning up
2026/11/20 10:02:44.700201 [ERROR] An error occurred during execution of command [app-deploy] - [Docker Specific Build Application]. Stop running the command. Error: command failed with exit status 1

2026/11/20 10:02:44.700227 [INFO] Executing cleanup logic
2026/11/20 10:02:44.700338 [INFO] CommandService Response: {\"status\":\"FAILURE\",\"api_version\":\"1.0\"}
2026/11/20 10:02:44.700350 [INFO] Platform Engine finished execution on command: app-deploy";

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_last_commands_errors_with_what_led_to_them() {
        insta::assert_snapshot!(failing_part(&lines(LOG), 40).join("\n"), @r#"
        2026/11/20 10:02:12.004113 [INFO] Executing instruction: StageApplication
        2026/11/20 10:02:12.104513 [INFO] Unzipping /opt/elasticbeanstalk/deployment/app_source_bundle to /var/app/staging/
        2026/11/20 10:02:13.004721 [INFO] Executing instruction: RunAppDeployPreBuildHooks
        2026/11/20 10:02:13.104721 [INFO] Executing instruction: Docker Specific Build Application
        2026/11/20 10:02:13.200721 [INFO] Running command: docker compose build
        2026/11/20 10:02:44.700001 [ERROR] build of service web failed
        #9 [web 5/7] RUN pip install -r requirements.txt
        #9 1.104 ERROR: No matching distribution found for djangoo==5.2
        failed to solve: process "/bin/sh -c pip install" did not complete: exit code: 1
        2026/11/20 10:02:44.700104 [INFO] Cleaning up
        2026/11/20 10:02:44.700201 [ERROR] An error occurred during execution of command [app-deploy] - [Docker Specific Build Application]. Stop running the command. Error: command failed with exit status 1
        "#);
    }

    #[test]
    fn a_long_part_keeps_its_end_and_says_what_was_cut() {
        let mut text = lines("2026/11/20 10:00:00.1 [ERROR] the build failed");
        text.extend((0..100).map(|number| format!("output {number}")));
        let part = failing_part(&text, 10);
        assert_eq!(part.len(), 11);
        assert_eq!(part[0], "(91 lines before)");
        assert_eq!(part[10], "output 99");
    }

    #[test]
    fn a_command_without_errors_gives_nothing_even_if_an_older_one_failed() {
        let good = "2026/11/20 10:00:00.1 [ERROR] old\n\
            2026/11/20 11:00:00.1 [INFO] Engine received EB command app-deploy\n\
            2026/11/20 11:00:01.1 [INFO] all is well";
        assert_eq!(failing_part(&lines(good), 40), Vec::<String>::new());
        assert_eq!(failing_part(&[], 40), Vec::<String>::new());
    }

    #[test]
    fn levels_are_read_with_and_without_a_date() {
        assert_eq!(level("[ERROR] x"), Some("ERROR"));
        assert_eq!(level("2026-11-20T10:00:00.1Z [WARN] x"), Some("WARN"));
        assert_eq!(level("#9 [web 5/7] RUN"), None);
        assert_eq!(level("no level"), None);
        assert_eq!(level("[]"), None);
    }
}
