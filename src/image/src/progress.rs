//! What BuildKit tells during a build, as lines for people and as facts for the result.
//!
//! BuildKit sends the state of its vertexes again and again. This module remembers what was said and
//! says only what is new. It is pure: no clock, no I/O.

use std::collections::{BTreeMap, VecDeque};

use bollard::moby::buildkit::v1::{StatusResponse, Vertex};

use crate::error::one_line;

/// How many of a failing step's last lines are kept.
pub const LOG_TAIL_LINES: usize = 30;

/// Longest step name in an event; the rest of a long `RUN` helps nobody.
const LONGEST_NAME: usize = 160;

/// Something new to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// A step began, ended, or was found in the cache.
    Progress(String),
    /// A line that a step printed.
    Output(String),
}

/// The step that ended a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailedStep {
    pub(crate) name: String,
    pub(crate) log_tail: Vec<String>,
}

#[derive(Default)]
struct Seen {
    name: String,
    started: bool,
    completed: bool,
    cached: bool,
    error: String,
    tail: VecDeque<String>,
    /// Unfinished lines of each stream.
    partial: BTreeMap<i64, Vec<u8>>,
}

/// Follows one build.
#[derive(Default)]
pub(crate) struct Tracker {
    vertexes: BTreeMap<String, Seen>,
    /// The order in which vertexes were first seen.
    order: Vec<String>,
}

impl Tracker {
    /// Takes one message of BuildKit and tells what is new in it.
    pub(crate) fn apply(&mut self, response: &StatusResponse) -> Vec<News> {
        let mut news = Vec::new();
        for vertex in &response.vertexes {
            news.extend(self.apply_vertex(vertex));
        }
        for log in &response.logs {
            let seen = self.seen(&log.vertex);
            let partial = seen.partial.entry(log.stream).or_default();
            partial.extend_from_slice(&log.msg);
            while let Some(end) = partial.iter().position(|byte| *byte == b'\n') {
                let rest = partial.split_off(end + 1);
                let line = std::mem::replace(partial, rest);
                if let Some(line) = visible(&line) {
                    keep(&mut seen.tail, line.clone());
                    news.push(News::Output(line));
                }
            }
        }
        news
    }

    fn seen(&mut self, digest: &str) -> &mut Seen {
        if !self.vertexes.contains_key(digest) {
            self.order.push(digest.to_owned());
        }
        self.vertexes.entry(digest.to_owned()).or_default()
    }

    fn apply_vertex(&mut self, vertex: &Vertex) -> Option<News> {
        let seen = self.seen(&vertex.digest);
        if !vertex.name.is_empty() {
            seen.name = one_line(&vertex.name);
        }
        if !vertex.error.is_empty() {
            seen.error = one_line(&vertex.error);
        }
        let began = vertex.started.is_some() && !seen.started;
        let ended = vertex.completed.is_some() && !seen.completed;
        seen.started |= vertex.started.is_some();
        seen.completed |= vertex.completed.is_some();
        let newly_cached = vertex.cached && !seen.cached;
        seen.cached |= vertex.cached;
        let name = shortened(&seen.name);
        if is_internal(&seen.name) && seen.error.is_empty() {
            return None;
        }
        if ended && !seen.error.is_empty() {
            Some(News::Progress(format!("{name} (failed)")))
        } else if newly_cached {
            Some(News::Progress(format!("{name} (cached)")))
        } else if began && !ended {
            Some(News::Progress(name))
        } else if ended && !vertex.cached {
            Some(News::Progress(match (&vertex.started, &vertex.completed) {
                (Some(from), Some(to)) => {
                    let milliseconds = (to.seconds - from.seconds) * 1000
                        + i64::from(to.nanos - from.nanos) / 1_000_000;
                    format!(
                        "{name} (done in {}.{} s)",
                        milliseconds / 1000,
                        milliseconds % 1000 / 100
                    )
                }
                _ => format!("{name} (done)"),
            }))
        } else {
            None
        }
    }

    /// How many numbered steps (`[2/5] RUN …`) the build had, and how many came from the cache.
    pub(crate) fn steps(&self) -> (usize, usize) {
        let numbered = self
            .vertexes
            .values()
            .filter(|seen| is_numbered(&seen.name));
        numbered.fold((0, 0), |(total, cached), seen| {
            (total + 1, cached + usize::from(seen.cached))
        })
    }

    /// The step that failed. When one step fails, BuildKit also ends those that ran beside it; the
    /// one whose error is part of the build's own `message` is the cause.
    pub(crate) fn failed(&self, message: &str) -> Option<FailedStep> {
        let message = one_line(message);
        let failed = || {
            self.order
                .iter()
                .filter_map(|digest| self.vertexes.get(digest))
                .filter(|seen| !seen.error.is_empty())
        };
        let cause = failed()
            .find(|seen| message.contains(&seen.error) || seen.error.contains(&message))
            .or_else(|| failed().next())?;
        let mut tail = cause.tail.clone();
        for rest in cause.partial.values() {
            if let Some(line) = visible(rest) {
                keep(&mut tail, line);
            }
        }
        Some(FailedStep {
            name: shortened(&cause.name),
            log_tail: tail.into_iter().collect(),
        })
    }
}

fn keep(tail: &mut VecDeque<String>, line: String) {
    if tail.len() == LOG_TAIL_LINES {
        tail.pop_front();
    }
    tail.push_back(line);
}

/// BuildKit's own chores, the unpacking of a context that came as a stream among them.
fn is_internal(name: &str) -> bool {
    name.starts_with("[internal]") || name == "copy /context /"
}

/// `[2/5] …` and `[builder 2/5] …`.
fn is_numbered(name: &str) -> bool {
    let inner = name
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .map(|(inner, _)| inner);
    inner
        .and_then(|inner| inner.rsplit(' ').next())
        .and_then(|number| number.split_once('/'))
        .is_some_and(|(step, of)| step.parse::<u32>().is_ok() && of.parse::<u32>().is_ok())
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= LONGEST_NAME {
        return name.to_owned();
    }
    let mut short: String = name.chars().take(LONGEST_NAME).collect();
    short.push('…');
    short
}

/// A printed line as a terminal would leave it: what a carriage return overwrites is gone, and so are
/// colours and other control characters. `None` if nothing is left.
pub(crate) fn visible(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_end_matches(['\r', '\n']);
    let last = text.rsplit('\r').next().unwrap_or_default();
    let mut line = String::new();
    let mut characters = last.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            // A control sequence runs from `ESC [` to a letter.
            '\u{1b}' => {
                if characters.next_if_eq(&'[').is_some() {
                    for inner in characters.by_ref() {
                        if ('@'..='~').contains(&inner) {
                            break;
                        }
                    }
                }
            }
            '\t' => line.push(' '),
            other if other.is_control() => {}
            other => line.push(other),
        }
    }
    let line = line.trim_end();
    (!line.is_empty()).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use bollard::moby::buildkit::v1::VertexLog;

    use super::*;

    fn vertex(name: &str) -> Vertex {
        Vertex {
            digest: format!("sha256:{name}"),
            name: name.to_owned(),
            ..Vertex::default()
        }
    }

    fn started(name: &str, at: i64) -> Vertex {
        let mut vertex = vertex(name);
        vertex.started.get_or_insert_default().seconds = at;
        vertex
    }

    fn completed(name: &str, from: i64, to: i64, nanos: i32, error: &str) -> Vertex {
        let mut vertex = started(name, from);
        let end = vertex.completed.get_or_insert_default();
        end.seconds = to;
        end.nanos = nanos;
        vertex.error = error.to_owned();
        vertex
    }

    fn log(name: &str, text: &str) -> VertexLog {
        VertexLog {
            vertex: format!("sha256:{name}"),
            msg: text.as_bytes().to_vec(),
            stream: 1,
            ..VertexLog::default()
        }
    }

    fn response(vertexes: Vec<Vertex>, logs: Vec<VertexLog>) -> StatusResponse {
        StatusResponse {
            vertexes,
            logs,
            ..StatusResponse::default()
        }
    }

    fn progress(text: &str) -> News {
        News::Progress(text.to_owned())
    }

    #[test]
    fn each_piece_of_news_is_told_once() {
        let mut tracker = Tracker::default();
        let name = "[2/3] RUN  pip\ninstall";
        assert_eq!(tracker.apply(&response(vec![vertex(name)], vec![])), []);
        let begins = response(vec![started(name, 1)], vec![]);
        assert_eq!(tracker.apply(&begins), [progress("[2/3] RUN pip install")]);
        assert_eq!(tracker.apply(&begins), []);
        let ends = response(vec![completed(name, 1, 3, 250_000_000, "")], vec![]);
        assert_eq!(
            tracker.apply(&ends),
            [progress("[2/3] RUN pip install (done in 2.2 s)")]
        );
        assert_eq!(tracker.apply(&ends), []);
    }

    #[test]
    fn cached_steps_are_counted_and_named() {
        let mut tracker = Tracker::default();
        let mut cached = completed("[1/2] FROM a", 1, 1, 0, "");
        cached.cached = true;
        let news = tracker.apply(&response(
            vec![
                cached,
                completed("[builder 2/2] RUN x", 1, 2, 0, ""),
                started("exporting to image", 2),
                started("[internal] load build context", 1),
            ],
            vec![],
        ));
        assert_eq!(
            news,
            [
                progress("[1/2] FROM a (cached)"),
                progress("[builder 2/2] RUN x (done in 1.0 s)"),
                progress("exporting to image")
            ]
        );
        assert_eq!(tracker.steps(), (2, 1));
    }

    #[test]
    fn lines_are_put_together_and_cleaned() {
        let mut tracker = Tracker::default();
        let name = "[2/2] RUN x";
        assert_eq!(
            tracker.apply(&response(vec![], vec![log(name, "one\ntw")])),
            [News::Output("one".to_owned())]
        );
        let news = tracker.apply(&response(
            vec![],
            vec![log(name, "o\n 10%\r 90%\r\n\u{1b}[31mred\u{1b}[0m\n\n")],
        ));
        let lines = ["two", " 90%", "red"].map(|line| News::Output(line.to_owned()));
        assert_eq!(news, lines);
    }

    #[test]
    fn the_failing_step_is_the_one_that_the_build_names() {
        let mut tracker = Tracker::default();
        let printed: String = (1..=40).map(|number| format!("line {number}\n")).collect();
        tracker.apply(&response(
            vec![
                completed("[a 2/2] RUN sleep", 1, 2, 0, "context canceled"),
                completed(
                    "[b 2/2] RUN false",
                    1,
                    2,
                    0,
                    "executor failed running [/bin/sh -c false]: exit code: 1",
                ),
            ],
            vec![
                log("[b 2/2] RUN false", &printed),
                log("[b 2/2] RUN false", "no newline"),
            ],
        ));
        let failed = tracker
            .failed("failed to solve: executor failed running [/bin/sh -c false]: exit code: 1")
            .unwrap();
        assert_eq!(failed.name, "[b 2/2] RUN false");
        assert_eq!(failed.log_tail.len(), LOG_TAIL_LINES);
        assert_eq!(failed.log_tail.first().unwrap(), "line 12");
        assert_eq!(failed.log_tail.last().unwrap(), "no newline");
        assert_eq!(
            tracker.failed("something else").unwrap().name,
            "[a 2/2] RUN sleep"
        );
        assert_eq!(Tracker::default().failed("x"), None);
    }

    #[test]
    fn long_names_are_cut() {
        let mut tracker = Tracker::default();
        let news = tracker.apply(&response(vec![started(&"é".repeat(500), 1)], vec![]));
        let News::Progress(text) = news.first().unwrap() else {
            panic!("no progress")
        };
        assert_eq!(text.chars().count(), LONGEST_NAME + 1);
    }
}
