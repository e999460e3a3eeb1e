//! The subject to its parts.

use super::{Settings, TicketPlace};
use git_conventional::{Commit, ErrorKind};
use regex::{Regex, RegexBuilder};

/// The memory, in bytes, that the compiled ticket pattern may take.
const LARGEST_PATTERN: usize = 256 * 1024;

/// The parts of a subject, with the bytes at which they start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// `feat`.
    pub(super) kind: (usize, String),
    /// `shop` of `feat(shop)`.
    pub(super) scope: Option<(usize, String)>,
    /// The text behind the colon.
    pub(super) description: (usize, String),
}

/// What is wrong with a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// What the parser says.
    Grammar(ErrorKind),
    /// `feat:x`. The parser takes it, and the convention wants a colon and a space.
    NoSpace,
}

/// The ticket pattern of the settings. The error says what is wrong with it, in one line.
pub(super) fn ticket_pattern(settings: &Settings) -> Result<Regex, String> {
    RegexBuilder::new(&format!("(?:{})", settings.ticket_pattern))
        .size_limit(LARGEST_PATTERN)
        .build()
        .map_err(|error| {
            let text = error.to_string();
            text.lines()
                .last()
                .unwrap_or_default()
                .trim_start_matches("error: ")
                .to_owned()
        })
}

/// Reads a subject by the grammar of Conventional Commits, where the agreed places of tickets are passed over.
pub(super) fn read(subject: &str, settings: &Settings) -> Result<Header, Fault> {
    // A pattern costs more than all the rest of a message's judgement, and mostly no place asks for one.
    let is_asked = matches!(
        settings.ticket_place,
        TicketPlace::Start | TicketPlace::AfterType | TicketPlace::Anywhere
    );
    let pattern = is_asked.then(|| ticket_pattern(settings).ok()).flatten();
    let (skipped, rest) = match (settings.ticket_place, &pattern) {
        (TicketPlace::Start | TicketPlace::Anywhere, Some(pattern)) => {
            let skipped = ticket_at(subject, pattern).map_or(0, |(_, end)| {
                let rest = subject.get(end..).unwrap_or_default();
                let spaces = rest.len() - rest.trim_start_matches([' ', ':']).len();
                if spaces == 0 { 0 } else { end + spaces }
            });
            (skipped, subject.get(skipped..).unwrap_or_default())
        }
        _ => (0, subject),
    };
    let cut = match (settings.ticket_place, &pattern) {
        (TicketPlace::AfterType | TicketPlace::Anywhere, Some(pattern)) => {
            ticket_before_colon(rest, pattern)
        }
        _ => None,
    };
    let without = match cut {
        Some((from, to)) => {
            let before = rest.get(..from).unwrap_or_default();
            format!("{before}{}", rest.get(to..).unwrap_or_default())
        }
        None => rest.to_owned(),
    };
    let commit = Commit::parse(&without).map_err(|error| Fault::Grammar(error.kind()))?;
    // It is all that is left of the line.
    let description = without.len().saturating_sub(commit.description().len());
    let before = without.get(..description).unwrap_or_default();
    if !before.ends_with(' ') {
        return Err(Fault::NoSpace);
    }
    let kind = commit.type_().as_str();
    let place = |at: usize, part: &str| {
        let added = cut.map_or(0, |(from, to)| if at >= from { to - from } else { 0 });
        (skipped + at + added, part.to_owned())
    };
    Ok(Header {
        kind: place(0, kind),
        scope: commit
            .scope()
            .map(|scope| place(kind.len() + 1, scope.as_str())),
        description: place(description, commit.description()),
    })
}

/// Whether a text holds a ticket that is no part of another word: `XSHOP-1` is none of `SHOP`.
pub(super) fn has_ticket(text: &str, pattern: &Regex) -> bool {
    pattern.find_iter(text).any(|found| {
        let before = text.get(..found.start()).unwrap_or_default();
        let behind = text.get(found.end()..).unwrap_or_default();
        let (first, last) = (found.as_str().chars().next(), found.as_str().chars().last());
        first.is_some()
            && !(is_of_word(before.chars().next_back()) && is_of_word(first))
            && !(is_of_word(last) && is_of_word(behind.chars().next()))
    })
}

fn is_of_word(letter: Option<char>) -> bool {
    letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
}

/// Where a ticket with or without brackets stands at the start of a text: the bytes of the ticket, and the end with brackets.
pub(super) fn ticket_at(text: &str, pattern: &Regex) -> Option<(usize, usize)> {
    let (open, inner) = match text.strip_prefix('[') {
        Some(inner) => (1, inner),
        None => (0, text),
    };
    let found = pattern
        .find(inner)
        .filter(|found| found.start() == 0 && found.end() > 0)?;
    let end = open + found.end();
    if open == 1 {
        text.get(end..)?.starts_with(']').then_some((open, end + 1))
    } else {
        // `SHOP-1x` is another word.
        let goes_on = text
            .get(end..)?
            .starts_with(|next: char| next.is_alphanumeric() || next == '_');
        (!goes_on).then_some((0, end))
    }
}

/// ` [SHOP-1]` right before the colon of the header: its first byte and the one behind it.
fn ticket_before_colon(text: &str, pattern: &Regex) -> Option<(usize, usize)> {
    let from = text.find(" [")?;
    let (_, length) = ticket_at(text.get(from + 1..)?, pattern)?;
    let to = from + 1 + length;
    let follows = text.get(to..)?;
    (follows.starts_with(':') || follows.starts_with("!:")).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(subject: &str, place: TicketPlace) -> Option<(usize, usize, Option<usize>)> {
        let settings = Settings {
            ticket_place: place,
            ..Settings::default()
        };
        let header = read(subject, &settings).ok()?;
        // Places are true: the part stands there.
        for (at, text) in [&header.kind, &header.description]
            .into_iter()
            .chain(&header.scope)
        {
            assert_eq!(subject.get(*at..at + text.len()), Some(text.as_str()));
        }
        Some((
            header.kind.0,
            header.description.0,
            header.scope.map(|scope| scope.0),
        ))
    }

    #[test]
    fn parts_know_their_places() {
        assert_eq!(parts("feat: x", TicketPlace::None), Some((0, 6, None)));
        assert_eq!(
            parts("feat(a b)!: x", TicketPlace::None),
            Some((0, 12, Some(5)))
        );
    }

    #[test]
    fn tickets_stand_where_it_is_agreed() {
        assert_eq!(
            parts("SHOP-1 feat: x", TicketPlace::Start),
            Some((7, 13, None))
        );
        assert_eq!(
            parts("[SHOP-1] feat: x", TicketPlace::Anywhere),
            Some((9, 15, None))
        );
        assert_eq!(
            parts("feat [SHOP-1]: x", TicketPlace::AfterType),
            Some((0, 15, None))
        );
        assert_eq!(
            parts("feat(a) [S1-1]!: x", TicketPlace::Anywhere),
            Some((0, 17, Some(5)))
        );
        assert_eq!(parts("SHOP-1 feat: x", TicketPlace::Footer), None);
        assert_eq!(parts("feat [SHOP-1]: x", TicketPlace::None), None);
    }

    #[test]
    fn a_broken_pattern_finds_no_ticket() {
        let settings = Settings {
            ticket_pattern: "(".to_owned(),
            ticket_place: TicketPlace::Start,
            ..Settings::default()
        };
        assert!(ticket_pattern(&settings).unwrap_err().contains("unclosed"));
        assert!(read("feat: x", &settings).is_ok());
    }
}
