//! `settings-append-slash`: links without the last slash are not found.

use super::Context;
use crate::report::Said;
use crate::{Group, Rule};
use beanpole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "settings-append-slash",
    group: Group::Settings,
    severity: Severity::Note,
    summary: "APPEND_SLASH is off",
};

pub(super) fn check(context: &mut Context<'_>) {
    for way in context.ways("APPEND_SLASH") {
        // Django's default is on.
        if way
            .seen
            .iter()
            .flatten()
            .any(|seen| seen.is_true() == Some(false))
        {
            context.say(&RULE, way.origin.as_ref(), Said {
                message: "APPEND_SLASH is off".to_owned(),
                reason: "who types `/orders` instead of `/orders/` is told that there is no such page",
                remedy: "remove it, or write `APPEND_SLASH = True`".to_owned(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::settings::testing::{Case, SAFE};

    #[test]
    fn only_off_is_said() {
        let rules = |text: &str| Case::production(&format!("{SAFE}{text}\n")).rules();
        assert_eq!(rules("APPEND_SLASH = False"), [RULE.id]);
        assert!(rules("APPEND_SLASH = True").is_empty());
    }
}
