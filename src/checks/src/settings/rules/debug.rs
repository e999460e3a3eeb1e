//! `settings-debug`: production shows its insides.

use super::{Context, verb};
use crate::report::Said;
use crate::settings::see::Source;
use crate::{Group, Rule};
use beanpole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "settings-debug",
    group: Group::Settings,
    severity: Severity::Error,
    summary: "DEBUG is on in the production settings, or on when a variable is missing",
};

pub(super) fn check(context: &mut Context<'_>) {
    for way in context.ways("DEBUG") {
        for seen in way.seen.iter().flatten() {
            match (seen.is_true(), seen.from) {
                (Some(true), from) => context.say(&RULE, way.origin.as_ref(), Said {
                    message: if from == Source::Code {
                        format!("DEBUG {} on in the production settings", verb(&way))
                    } else {
                        "DEBUG is on when its environment variable is missing".to_owned()
                    },
                    reason: "an error page then shows settings, source and variables to everyone, and memory grows with each query",
                    remedy: "write `DEBUG = False` in the production settings, or a default of False".to_owned(),
                }),
                (None, Source::Code | Source::Default) => super::not_analysed::setting(context, "DEBUG", way.origin.as_ref()),
                (Some(false), _) | (None, Source::Environment) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::settings::testing::{Case, SAFE};

    fn rules(debug: &str) -> Vec<String> {
        Case::production(&format!("{SAFE}{debug}\n")).rules()
    }

    #[test]
    fn on_by_code_or_by_default_is_an_error() {
        for debug in [
            "DEBUG = True",
            "DEBUG = 1",
            "DEBUG = env.bool('DEBUG', default=True)",
            "DEBUG = config('DEBUG', default=True, cast=bool)",
            "DEBUG = os.environ.get('DEBUG', 'True') == 'True'",
            "DEBUG = bool(os.environ.get('DEBUG', 'False'))",
            "DEBUG = not env.bool('LIVE', default=False)",
            "DEBUG = False\nif STAGE == 'eu':\n    DEBUG = True",
        ] {
            assert_eq!(rules(debug), [RULE.id], "{debug}");
        }
    }

    #[test]
    fn off_or_from_the_environment_is_right() {
        for debug in [
            "",
            "DEBUG = False",
            "DEBUG = env.bool('DEBUG', default=False)",
            "DEBUG = env.bool('DEBUG')",
            "DEBUG = os.environ['DEBUG'] == '1'",
            "DEBUG = os.environ.get('DEBUG') == 'True'",
            "DEBUG = True\nDEBUG = False",
        ] {
            assert!(rules(debug).is_empty(), "{debug}: {:?}", rules(debug));
        }
    }

    #[test]
    fn what_cannot_be_seen_is_a_note() {
        assert_eq!(rules("DEBUG = compute()"), ["settings-not-analysed"]);
    }

    #[test]
    fn later_modules_win() {
        let case = |production: &str| {
            Case::production(&format!("from .base import *\n{production}\n"))
                .file("config/settings/base.py", &format!("{SAFE}DEBUG = True\n"))
        };
        assert!(case("DEBUG = False").rules().is_empty());
        let found = case("").check();
        assert_eq!(found.len(), 1, "{found:?}");
        let location = found[0].location.as_ref().unwrap();
        assert!(
            location.path.ends_with("base.py")
                && location.line.is_some()
                && location.column == Some(1)
        );
    }
}
