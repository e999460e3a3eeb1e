//! `settings-hsts`: browsers are not told to stay with HTTPS (Django's `security.W004`).

use super::{Context, verb};
use crate::report::Said;
use crate::settings::see::{Plain, Source};
use crate::{Group, Rule};
use beanpole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "settings-hsts",
    group: Group::Settings,
    severity: Severity::Warning,
    summary: "no HTTP Strict Transport Security",
};

const NAME: &str = "SECURE_HSTS_SECONDS";

pub(super) fn check(context: &mut Context<'_>) {
    for way in context.ways(NAME) {
        let is_off = match &way.seen {
            None => Some(true),
            Some(all) => all
                .iter()
                .filter(|seen| seen.from != Source::Environment)
                .map(|seen| match &seen.value {
                    Plain::Int(seconds) => Some(*seconds <= 0),
                    Plain::Unseen => None,
                    other => Some(matches!(other, Plain::None | Plain::Bool(false))),
                })
                .reduce(|left, right| if left == Some(true) { left } else { right })
                .unwrap_or(Some(false)),
        };
        match is_off {
            Some(true) => context.say(&RULE, way.origin.as_ref(), Said {
                message: format!("{NAME} {} 0 or not set", verb(&way)),
                reason: "the first request of each visit may go over plain HTTP, where it can be taken over",
                remedy: format!("write `{NAME} = 3600` first, and 31536000 once every subdomain answers over HTTPS"),
            }),
            None => super::not_analysed::setting(context, NAME, way.origin.as_ref()),
            Some(false) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::settings::testing::{Case, SAFE};

    fn rules(hsts: &str) -> Vec<String> {
        let text = SAFE.replace("SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365\n", hsts);
        assert_ne!(text, SAFE);
        Case::production(&text).rules()
    }

    #[test]
    fn none_is_a_warning() {
        for hsts in [
            "",
            "SECURE_HSTS_SECONDS = 0\n",
            "SECURE_HSTS_SECONDS = env.int('H', default=0)\n",
        ] {
            assert_eq!(rules(hsts), [RULE.id], "{hsts}");
        }
        assert!(rules("SECURE_HSTS_SECONDS = env.int('H', default=3600)\n").is_empty());
        assert!(rules("SECURE_HSTS_SECONDS = int(os.environ['H'])\n").is_empty());
    }
}
