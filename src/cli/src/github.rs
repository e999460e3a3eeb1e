//! What a step of GitHub Actions leaves behind: outputs for later steps and a job summary
//! (docs.github.com, "Workflow commands", environment files).

use std::io::Write as _;

use beanpole_deploy::ReleaseReport;

use beanpole_model::Environment;

use crate::checking::Answer;
use crate::context::Context;

/// The address of the run, if this is a step of GitHub Actions (docs.github.com, "Default environment
/// variables").
pub(crate) fn run_url(environment: &Environment) -> Option<String> {
    let repository = environment.get("GITHUB_REPOSITORY")?;
    let run = environment.get("GITHUB_RUN_ID")?;
    let server = environment
        .get("GITHUB_SERVER_URL")
        .unwrap_or("https://github.com");
    let attempt = match environment.get("GITHUB_RUN_ATTEMPT") {
        None | Some("1") => String::new(),
        Some(attempt) => format!("/attempts/{attempt}"),
    };
    Some(format!("{server}/{repository}/actions/runs/{run}{attempt}"))
}

/// Who releases: whoever started the run in GitHub Actions, else the user of this machine.
pub(crate) fn actor(environment: &Environment) -> Option<String> {
    ["GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| environment.get(name))
        .map(str::to_owned)
}

/// Writes outputs and summary if this is a step of GitHub Actions. A file that cannot be written is
/// a warning: the release is what it is.
pub(crate) fn publish(context: &Context, report: &ReleaseReport) {
    if !context.terminal.settings().github {
        return;
    }
    let outputs = [
        ("exit-code", Some(report.exit_code.code().to_string())),
        ("version", report.version_label.clone()),
        ("url", report.url.clone()),
    ];
    let outputs: String = outputs
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| format!("{name}={value}\n")))
        .collect();
    append(context, "GITHUB_OUTPUT", &outputs);
    let summary = context.scrubber.scrub(&report.to_string());
    append(
        context,
        "GITHUB_STEP_SUMMARY",
        &format!("## beanpole deploy\n\n```text\n{summary}\n```\n"),
    );
}

/// Writes annotations, outputs and summary of a check if this is a step of GitHub Actions. `is_annotated`: the annotations are
/// the answer itself already.
pub(crate) fn publish_check(context: &Context, answer: &Answer, is_annotated: bool) {
    if !context.terminal.settings().github {
        return;
    }
    if !is_annotated {
        for line in answer.annotations() {
            context.terminal.annotate(&line);
        }
    }
    let counts = &answer.report.counts;
    let coverage = (answer.coverage.as_ref()).map_or_else(String::new, |figures| {
        format!("coverage={}\n", figures.percent())
    });
    let outputs = format!(
        "errors={}\nwarnings={}\nnotes={}\n{coverage}",
        counts.errors, counts.warnings, counts.notes
    );
    append(context, "GITHUB_OUTPUT", &outputs);
    append(context, "GITHUB_STEP_SUMMARY", &answer.markdown());
}

fn append(context: &Context, variable: &str, text: &str) {
    let Some(path) = context.environment.get(variable) else {
        return;
    };
    let written = fs_err::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    if let Err(error) = written {
        context.terminal.say(&format!(
            "warning: {variable} could not be written: {error}"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        pairs.iter().copied().collect()
    }

    #[test]
    fn a_run_has_an_address() {
        let run = [("GITHUB_REPOSITORY", "acme/blog"), ("GITHUB_RUN_ID", "7")];
        let plain = "https://github.com/acme/blog/actions/runs/7";
        assert_eq!(run_url(&environment(&run)).as_deref(), Some(plain));
        let mut again = run.to_vec();
        again.push(("GITHUB_RUN_ATTEMPT", "2"));
        again.push(("GITHUB_SERVER_URL", "https://ghe.example"));
        let second = "https://ghe.example/acme/blog/actions/runs/7/attempts/2";
        assert_eq!(run_url(&environment(&again)).as_deref(), Some(second));
        assert_eq!(run_url(&environment(&run[..1])), None);
    }

    #[test]
    fn whoever_started_the_run_goes_first() {
        let all = [("USER", "runner"), ("GITHUB_TRIGGERING_ACTOR", "ada")];
        assert_eq!(actor(&environment(&all)).as_deref(), Some("ada"));
        assert_eq!(actor(&environment(&all[..1])).as_deref(), Some("runner"));
    }
}
