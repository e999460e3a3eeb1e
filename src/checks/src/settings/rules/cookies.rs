//! `settings-cookies`: session and CSRF cookies that travel in clear or that scripts may read (Django's `security.W012`, `W016`,
//! `W013`).

use super::{Context, verb};
use crate::report::Said;
use crate::settings::see::Source;
use crate::{Group, Rule};
use beanpole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "settings-cookies",
    group: Group::Settings,
    severity: Severity::Warning,
    summary: "session or CSRF cookies that are not secure",
};

/// Each setting with Django's default and what is lost.
const COOKIES: [(&str, bool, &str); 3] = [
    (
        "SESSION_COOKIE_SECURE",
        false,
        "the session cookie then travels over plain HTTP as well, for anyone on the way to take",
    ),
    (
        "CSRF_COOKIE_SECURE",
        false,
        "the CSRF cookie then travels over plain HTTP as well, for anyone on the way to take",
    ),
    (
        "SESSION_COOKIE_HTTPONLY",
        true,
        "a script on the page can then read the session cookie and send it away",
    ),
];

pub(super) fn check(context: &mut Context<'_>) {
    for (name, default, reason) in COOKIES {
        for way in context.ways(name) {
            let words = |message: String| Said {
                message,
                reason,
                remedy: format!("write `{name} = True` in the production settings"),
            };
            let Some(all) = &way.seen else {
                if !default {
                    context.say(
                        &RULE,
                        None,
                        words(format!("{name} {} not set, and off by default", verb(&way))),
                    );
                }
                continue;
            };
            for seen in all {
                match seen.is_true() {
                    Some(false) => {
                        let when = if seen.from == Source::Default {
                            " when its environment variable is missing"
                        } else {
                            ""
                        };
                        context.say(
                            &RULE,
                            way.origin.as_ref(),
                            words(format!("{name} {} off{when}", verb(&way))),
                        );
                    }
                    None if seen.from != Source::Environment => {
                        super::not_analysed::setting(context, name, way.origin.as_ref());
                    }
                    _ => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::settings::testing::{Case, SAFE};

    #[test]
    fn each_cookie_is_judged() {
        for (from, to) in [
            ("SESSION_COOKIE_SECURE = True\n", ""),
            (
                "CSRF_COOKIE_SECURE = True\n",
                "CSRF_COOKIE_SECURE = False\n",
            ),
            (
                "CSRF_COOKIE_SECURE = True\n",
                "CSRF_COOKIE_SECURE = env.bool('C', default=False)\n",
            ),
            (
                "CSRF_COOKIE_SECURE = True\n",
                "CSRF_COOKIE_SECURE = True\nSESSION_COOKIE_HTTPONLY = False\n",
            ),
            (
                "SESSION_COOKIE_SECURE = True\n",
                "if x:\n    SESSION_COOKIE_SECURE = True\n",
            ),
        ] {
            let text = SAFE.replace(from, to);
            assert_ne!(text, SAFE);
            assert_eq!(Case::production(&text).rules(), [RULE.id], "{to}");
        }
    }

    #[test]
    fn not_debug_holds_in_production() {
        let text = SAFE.replace(
            "SESSION_COOKIE_SECURE = True\n",
            "if not DEBUG:\n    SESSION_COOKIE_SECURE = True\n",
        );
        assert!(Case::production(&text).rules().is_empty());
        let text = SAFE.replace(
            "SESSION_COOKIE_SECURE = True\n",
            "DEBUG = False\nSESSION_COOKIE_SECURE = not DEBUG\n",
        );
        assert!(Case::production(&text).rules().is_empty());
    }
}
