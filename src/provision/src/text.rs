//! The plan as text: one line a resource with its sign, the fields that differ below it, findings,
//! counts. Stable, so that two plans can be compared with `diff`.

use std::fmt;

use beanpole_model::Severity;

use crate::plan::{Action, Change, Disruption, Plan};

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "Environment `{}` of application `{}` in {} (account {})",
            self.environment, self.application, self.region, self.account
        )?;
        writeln!(formatter)?;
        for change in &self.changes {
            write_change(formatter, change)?;
        }
        for finding in &self.findings {
            writeln!(formatter)?;
            writeln!(
                formatter,
                "{}: {}",
                severity(finding.severity),
                finding.message
            )?;
            writeln!(formatter, "  why: {}", finding.reason)?;
            if let Some(remedy) = &finding.remedy {
                writeln!(formatter, "  do: {remedy}")?;
            }
        }
        writeln!(formatter)?;
        write!(formatter, "{}", summary(self))
    }
}

/// The last line: `2 to create, 1 to change, 9 unchanged`.
#[must_use]
pub fn summary(plan: &Plan) -> String {
    let mut parts = Vec::new();
    for (action, words) in [
        (Action::Create, "to create"),
        (Action::Update, "to change"),
        (Action::Replace, "cannot be changed in place"),
        (Action::Nothing, "unchanged"),
    ] {
        let count = plan.count(action);
        if count > 0 {
            parts.push(format!("{count} {words}"));
        }
    }
    let blockers = plan.blockers().count();
    if blockers > 0 {
        let noun = if blockers == 1 {
            "error keeps"
        } else {
            "errors keep"
        };
        parts.push(format!("{blockers} {noun} it from being applied"));
    }
    parts.join(", ")
}

fn write_change(formatter: &mut fmt::Formatter<'_>, change: &Change) -> fmt::Result {
    write!(formatter, "{} {}", change.action.sign(), change.resource)?;
    if change.action == Action::Nothing {
        return writeln!(formatter);
    }
    writeln!(formatter, ": {}", change.reason)?;
    let width = change
        .fields
        .iter()
        .map(|field| field.name.chars().count())
        .max()
        .unwrap_or(0);
    for field in &change.fields {
        let to = field.to.as_deref().unwrap_or("(unset)");
        write!(formatter, "    {:width$}  ", field.name)?;
        match &field.from {
            Some(from) => writeln!(formatter, "{from} -> {to}")?,
            None if change.action == Action::Update => writeln!(formatter, "(unset) -> {to}")?,
            None => writeln!(formatter, "{to}")?,
        }
    }
    for own in &change.notes {
        writeln!(
            formatter,
            "    {}: {}",
            disruption(own.disruption),
            own.note
        )?;
    }
    Ok(())
}

const fn disruption(disruption: Disruption) -> &'static str {
    match disruption {
        Disruption::None => "no disruption",
        Disruption::Brief => "brief disruption",
        Disruption::Outage => "outage",
    }
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}
