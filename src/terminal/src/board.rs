//! The live view of an environment under the running step. Pure: a snapshot in, lines out.
//!
//! Rules: every line fits the width that it is given. Words carry the meaning; colour only repeats it.
//! Instances that are being changed or are not well come first, so that a large fleet that is cut off
//! never hides trouble.

use std::collections::BTreeMap;

use beanpole_model::{InstanceSnapshot, Rates, Rollout, Snapshot};
use owo_colors::{OwoColorize as _, Style};

/// How many instances are shown, each on a line of its own.
const INSTANCES: usize = 8;

/// The width of an instance id: `i-0123456789abcdef0`.
const ID: usize = 19;

/// The width of a health word; the longest is `Suspended`.
const HEALTH: usize = 9;

/// One line of the view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// What it says.
    pub(crate) text: String,
    /// How grave that is.
    pub(crate) tone: Tone,
}

/// How grave a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// The usual.
    Plain,
    /// Under way.
    Moving,
    /// Not well.
    Bad,
}

impl Line {
    /// A line without a colour.
    pub(crate) fn plain(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            tone: Tone::Plain,
        }
    }

    /// The line with its colour.
    pub(crate) fn colored(&self) -> String {
        let style = match self.tone {
            Tone::Plain => return self.text.clone(),
            Tone::Moving => Style::new().cyan(),
            Tone::Bad => Style::new().red(),
        };
        self.text.style(style).to_string()
    }
}

/// The view of a snapshot, in lines of at most `width` letters.
pub(crate) fn board(snapshot: &Snapshot, width: usize) -> Vec<Line> {
    let mut lines = vec![Line {
        text: headline(snapshot),
        tone: Tone::Plain,
    }];
    if let Some(rates) = &snapshot.rates {
        lines.push(Line {
            text: rates_line(rates),
            tone: if rates.status_5xx > 0 {
                Tone::Bad
            } else {
                Tone::Plain
            },
        });
    }
    let mut instances: Vec<&InstanceSnapshot> = snapshot.instances.iter().collect();
    instances.sort_by_key(|instance| rank(instance));
    lines.extend(instances.iter().take(INSTANCES).map(|instance| Line {
        text: instance_line(instance),
        tone: tone(instance),
    }));
    let hidden = instances.len().saturating_sub(INSTANCES);
    if hidden > 0 {
        lines.push(Line {
            text: format!("and {hidden} more"),
            tone: Tone::Plain,
        });
    }
    for line in &mut lines {
        line.text = fit(&line.text, width);
    }
    lines
}

/// `shop-production is Updating, Info: 2 on v2, 2 on v1; 1 of 4 in progress`
fn headline(snapshot: &Snapshot) -> String {
    let Snapshot {
        environment,
        state,
        health,
        instances,
        ..
    } = snapshot;
    let mut text = format!("{environment} is {state}, {health}");
    let mut versions: BTreeMap<&str, usize> = BTreeMap::new();
    for version in instances
        .iter()
        .filter_map(|instance| instance.version.as_deref())
    {
        *versions.entry(version).or_default() += 1;
    }
    let counted: Vec<String> = versions
        .iter()
        .map(|(version, count)| format!("{count} on {version}"))
        .collect();
    if !counted.is_empty() {
        text.push_str(": ");
        text.push_str(&counted.join(", "));
    }
    let moving = instances
        .iter()
        .filter(|instance| instance.rollout == Rollout::InProgress)
        .count();
    if moving > 0 {
        text.push_str(&format!("; {moving} of {} in progress", instances.len()));
    }
    text
}

/// `12.0 requests/s, 1.7 % 5xx, 0 % 4xx, p50 12 ms, p99 340 ms`
fn rates_line(rates: &Rates) -> String {
    let per_second = f64::from(rates.requests) / f64::from(rates.seconds.max(1));
    let mut text = format!("{per_second:.1} requests/s");
    if rates.requests == 0 {
        return text;
    }
    for (count, name) in [(rates.status_5xx, "5xx"), (rates.status_4xx, "4xx")] {
        if count > 0 {
            let share = f64::from(count) * 100.0 / f64::from(rates.requests);
            text.push_str(&format!(", {share:.1} % {name}"));
        }
    }
    for (value, name) in [(rates.p50, "p50"), (rates.p99, "p99")] {
        if let Some(milliseconds) = value {
            text.push_str(&format!(", {name} {milliseconds} ms"));
        }
    }
    text
}

fn instance_line(instance: &InstanceSnapshot) -> String {
    let rollout = match instance.rollout {
        Rollout::Deployed => "deployed",
        Rollout::InProgress => "in progress",
        Rollout::Failed => "failed",
        Rollout::Unknown => "not reported",
    };
    let version = instance.version.as_deref().unwrap_or("no version");
    format!(
        "{:<ID$}  {:<HEALTH$}  {rollout:<12}  {version}",
        instance.id, instance.health
    )
}

fn tone(instance: &InstanceSnapshot) -> Tone {
    if instance.rollout == Rollout::Failed {
        Tone::Bad
    } else if instance.rollout == Rollout::InProgress {
        Tone::Moving
    } else if instance.is_well {
        Tone::Plain
    } else {
        Tone::Bad
    }
}

fn rank(instance: &InstanceSnapshot) -> u8 {
    match tone(instance) {
        Tone::Bad => 0,
        Tone::Moving => 1,
        Tone::Plain => 2,
    }
}

/// At most `width` letters; what is cut off is marked. Our words, ids and labels are narrow letters.
pub(crate) fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.trim_end().to_owned();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    if width > 0 {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(number: usize, rollout: Rollout, version: &str) -> InstanceSnapshot {
        InstanceSnapshot {
            id: format!("i-{number:017x}"),
            health: if rollout == Rollout::InProgress {
                "Info"
            } else {
                "Ok"
            }
            .to_owned(),
            is_well: true,
            version: Some(version.to_owned()),
            rollout,
        }
    }

    fn snapshot() -> Snapshot {
        let old = "aaaaaaaaaaaa-bbbbbbbbbbbb";
        let new = "0123456789ab-fedcba987654";
        let mut sick = instance(4, Rollout::Deployed, new);
        sick.health = "Severe".to_owned();
        sick.is_well = false;
        Snapshot {
            environment: "shop-production".to_owned(),
            state: "Updating".to_owned(),
            health: "Info".to_owned(),
            instances: vec![
                instance(1, Rollout::Deployed, old),
                instance(2, Rollout::InProgress, new),
                instance(3, Rollout::Deployed, new),
                sick,
            ],
            rates: Some(Rates {
                seconds: 10,
                requests: 120,
                status_4xx: 0,
                status_5xx: 2,
                p50: Some(12),
                p99: Some(340),
            }),
        }
    }

    fn text(snapshot: &Snapshot, width: usize) -> String {
        let lines: Vec<String> = board(snapshot, width)
            .into_iter()
            .map(|line| line.text)
            .collect();
        lines.join("\n")
    }

    #[test]
    fn a_rollout_under_way_on_eighty_columns() {
        insta::assert_snapshot!(text(&snapshot(), 76), @r"
        shop-production is Updating, Info: 3 on 0123456789ab-fedcba987654, 1 on aaa…
        12.0 requests/s, 1.7 % 5xx, p50 12 ms, p99 340 ms
        i-00000000000000004  Severe     deployed      0123456789ab-fedcba987654
        i-00000000000000002  Info       in progress   0123456789ab-fedcba987654
        i-00000000000000001  Ok         deployed      aaaaaaaaaaaa-bbbbbbbbbbbb
        i-00000000000000003  Ok         deployed      0123456789ab-fedcba987654
        ");
    }

    #[test]
    fn a_narrow_terminal_cuts_and_says_so() {
        insta::assert_snapshot!(text(&snapshot(), 30), @r"
        shop-production is Updating, …
        12.0 requests/s, 1.7 % 5xx, p…
        i-00000000000000004  Severe  …
        i-00000000000000002  Info    …
        i-00000000000000001  Ok      …
        i-00000000000000003  Ok      …
        ");
        for width in 0..120 {
            for line in board(&snapshot(), width) {
                assert!(line.text.chars().count() <= width, "{width}: {}", line.text);
            }
        }
    }

    #[test]
    fn a_large_fleet_shows_trouble_first_and_counts_the_rest() {
        let mut large = snapshot();
        large.rates = None;
        large.instances = (0..40)
            .map(|number| instance(number, Rollout::Deployed, "v1"))
            .collect();
        large.instances[33].rollout = Rollout::Failed;
        let lines = board(&large, 80);
        assert_eq!(lines.len(), 1 + INSTANCES + 1);
        assert!(lines[1].text.contains("failed"), "{lines:?}");
        assert_eq!(lines[1].tone, Tone::Bad);
        assert_eq!(lines.last().unwrap().text, "and 32 more");
    }

    #[test]
    fn without_enhanced_health_there_is_one_line() {
        let plain = Snapshot {
            environment: "shop".to_owned(),
            state: "Ready".to_owned(),
            health: "Green".to_owned(),
            ..Snapshot::default()
        };
        assert_eq!(text(&plain, 80), "shop is Ready, Green");
    }

    #[test]
    fn colour_only_repeats_what_the_words_say() {
        let line = Line {
            text: "failed".to_owned(),
            tone: Tone::Bad,
        };
        assert_eq!(line.colored(), "\u{1b}[31mfailed\u{1b}[0m");
    }
}
