//! `settings-time-zone`: Django's own default is Chicago.

use super::Context;
use crate::report::Said;
use crate::{Group, Rule};
use beanpole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "settings-time-zone",
    group: Group::Settings,
    severity: Severity::Warning,
    summary: "TIME_ZONE is not set",
};

pub(super) fn check(context: &mut Context<'_>) {
    for way in context.ways("TIME_ZONE") {
        if way.seen.is_none() {
            context.say(&RULE, None, Said {
                message: "TIME_ZONE is not set".to_owned(),
                reason: "Django's default is America/Chicago: dates in pages, mails and schedules are off by hours, and by a day at night",
                remedy: "write `TIME_ZONE = \"UTC\"`, or the zone that the project's people live in".to_owned(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::settings::testing::{Case, SAFE};

    #[test]
    fn missing_is_a_warning() {
        let text = SAFE.replace("TIME_ZONE = 'UTC'\n", "");
        assert_ne!(text, SAFE);
        assert_eq!(Case::production(&text).rules(), [RULE.id]);
    }
}
