//! What a team agrees on about its messages.

use serde::{Deserialize, Serialize};

/// Where the ticket has to stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TicketPlace {
    /// No ticket is asked for.
    #[default]
    None,
    /// First of all: `SHOP-1 feat: …` or `[SHOP-1] feat: …`.
    Start,
    /// Between type and colon: `feat [SHOP-1]: …`.
    AfterType,
    /// As the scope: `feat(SHOP-1): …`.
    Scope,
    /// First in the description: `feat: SHOP-1 …` or `feat: [SHOP-1] …`.
    Description,
    /// In a footer: `Refs: SHOP-1`.
    Footer,
    /// Anywhere in the message.
    Anywhere,
}

impl TicketPlace {
    /// All places.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Start,
        Self::AfterType,
        Self::Scope,
        Self::Description,
        Self::Footer,
        Self::Anywhere,
    ];
}

/// Settings of the checks of commit messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Settings {
    /// The allowed types.
    pub types: Vec<String>,
    /// The allowed scopes; empty: any.
    pub scopes: Vec<String>,
    /// Whether a scope has to be there.
    pub require_scope: bool,
    /// Where the ticket has to stand.
    pub ticket_place: TicketPlace,
    /// A regular expression for one ticket.
    pub ticket_pattern: String,
    /// The most characters of the subject; 0: any number.
    pub subject_length: u32,
    /// The most characters of a line of the body; 0: any number.
    pub body_line_length: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            types: [
                "build", "chore", "ci", "docs", "feat", "fix", "perf", "refactor", "revert",
                "style", "test",
            ]
            .map(str::to_owned)
            .to_vec(),
            scopes: Vec::new(),
            require_scope: false,
            ticket_place: TicketPlace::None,
            ticket_pattern: "[A-Z][A-Z0-9]+-[0-9]+".to_owned(),
            subject_length: 72,
            body_line_length: 100,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_in_kebab_case() {
        let read: Settings = serde_json::from_str(r#"{"ticket-place": "after-type"}"#).unwrap();
        assert_eq!(read.ticket_place, TicketPlace::AfterType);
        assert!(serde_json::from_str::<Settings>(r#"{"ticket-place": "end"}"#).is_err());
    }
}
