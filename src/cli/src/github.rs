//! What a step of GitHub Actions leaves behind: outputs for later steps and a job summary
//! (docs.github.com, "Workflow commands", environment files).

use std::io::Write as _;

use beanpole_deploy::ReleaseReport;

use crate::context::Context;

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
