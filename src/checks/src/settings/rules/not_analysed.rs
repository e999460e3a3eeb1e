//! `settings-not-analysed`: what cannot be seen without running it.

use super::Context;
use crate::report::{Said, file, say};
use crate::settings::state::Origin;
use crate::{Group, Rule, Scope};
use beanpole_model::{Finding, Severity};

pub(super) const RULE: Rule = Rule {
    id: "settings-not-analysed",
    group: Group::Settings,
    severity: Severity::Note,
    summary: "a setting, or a source of settings, that cannot be seen without running it",
};

const REASON: &str = "what cannot be seen is not judged, and may be unsafe";

/// A setting whose value cannot be seen.
pub(super) fn setting(context: &mut Context<'_>, name: &str, origin: Option<&Origin>) {
    context.say(
        &RULE,
        origin,
        Said {
            message: format!("{name} cannot be seen without running the settings"),
            reason: REASON,
            remedy: "look at it with `manage.py check --deploy` in the production environment"
                .to_owned(),
        },
    );
}

/// Sources of settings that were met and not followed.
pub(super) fn check(context: &mut Context<'_>) {
    for blind in std::mem::take(&mut context.evaluated.blind) {
        let origin = Origin {
            path: blind.path,
            span: blind.span,
        };
        context.say(&RULE, Some(&origin), Said {
            message: format!("not all settings can be seen: {}", blind.what),
            reason: REASON,
            remedy: "see that it sets nothing that these rules judge, with `manage.py check --deploy` in the production environment".to_owned(),
        });
    }
}

/// The production settings were not found. Said when a file that may be one of settings has changed.
pub(super) fn unclear(scope: &Scope, why: &str) -> Option<Finding> {
    let about = scope.changes.iter().find(|change| {
        change.path.contains("settings")
            || change.path.ends_with("wsgi.py")
            || change.path.ends_with("manage.py")
    })?;
    Some(say(
        &RULE,
        Some(file(&about.path)),
        Said {
            message: format!("the production settings were not found: {why}"),
            reason: REASON,
            remedy: "name them in beanpole.yaml: `checks.settings.modules: [config.settings.production]`".to_owned(),
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::settings::testing::{Case, SAFE};

    #[test]
    fn what_a_class_may_set_is_not_missing() {
        for text in [
            "class Live(Base):\n    ALLOWED_HOSTS = ['shop.example.com']\n\n\nLive.load_settings(__name__)",
            "class Production(Configuration):\n    ALLOWED_HOSTS = ['shop.example.com']",
        ] {
            assert_eq!(
                Case::production(&format!("{text}\n")).rules(),
                [RULE.id],
                "{text}"
            );
        }
    }

    #[test]
    fn every_blind_spot_is_said() {
        for (text, part) in [
            ("from .gone import *", "gone"),
            (
                "try:\n    from .local import *\nexcept ImportError:\n    pass",
                "local",
            ),
            ("django_heroku.settings(locals())", "django_heroku"),
            ("globals().update(x)", "globals"),
            ("exec(open('a').read())", "exec"),
            ("include(optional('gone.py'))", "include"),
            (
                "class Production(Configuration):\n    DEBUG = True",
                "class Production",
            ),
        ] {
            let found = Case::production(&format!("{SAFE}{text}\n")).check();
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert_eq!(found[0].rule, RULE.id);
            assert!(found[0].message.contains(part), "{}", found[0].message);
        }
    }

    #[test]
    fn a_module_that_is_not_python_is_said() {
        let found = Case::production(&format!("{SAFE}from .base import *\n"))
            .file("config/settings/base.py", "def (")
            .check();
        assert!(
            found
                .iter()
                .any(|finding| finding.message.contains("not valid Python")),
            "{found:?}"
        );
    }

    #[test]
    fn modules_that_import_each_other_end() {
        let case = Case::production(&format!("from .base import *\n{SAFE}")).file(
            "config/settings/base.py",
            "from .production import *\nDEBUG = False\n",
        );
        assert!(case.rules().is_empty());
    }

    #[test]
    fn a_project_without_known_settings_is_said() {
        let found = Case::empty().file("manage.py", "").check();
        assert_eq!(found.len(), 1);
        assert!(
            found[0]
                .remedy
                .as_deref()
                .unwrap()
                .contains("`checks.settings.modules: [")
        );
        assert!(Case::empty().file("shop/models.py", "").check().is_empty());
    }
}
