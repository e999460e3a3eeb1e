//! `settings-ssl-redirect`: plain HTTP is answered, or redirected for ever (Django's `security.W008`, and its documentation of
//! `SECURE_PROXY_SSL_HEADER`).

use super::Context;
use crate::report::Said;
use crate::settings::see::Source;
use crate::settings::state::Origin;
use crate::{Group, Rule};
use beanpole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "settings-ssl-redirect",
    group: Group::Settings,
    severity: Severity::Warning,
    summary: "no redirect to HTTPS, or one that a load balancer makes endless",
};

const NAME: &str = "SECURE_SSL_REDIRECT";

pub(super) fn check(context: &mut Context<'_>) {
    let knows_proxy = context
        .ways("SECURE_PROXY_SSL_HEADER")
        .iter()
        .all(|way| way.seen.is_some());
    for way in context.ways(NAME) {
        let Some(all) = &way.seen else {
            off(context, None, "is not set");
            continue;
        };
        for seen in all {
            match (seen.is_true(), seen.from) {
                (Some(false), Source::Default) => off(context, way.origin.as_ref(), "is off when its environment variable is missing"),
                (Some(false), _) => off(context, way.origin.as_ref(), "is off"),
                (None, Source::Code | Source::Default) => super::not_analysed::setting(context, NAME, way.origin.as_ref()),
                (Some(true), _) if !knows_proxy => context.say(&RULE, way.origin.as_ref(), Said {
                    message: format!("{NAME} is on, but SECURE_PROXY_SSL_HEADER is not set"),
                    reason: "behind a load balancer that ends TLS every request looks like plain HTTP and is redirected, for ever",
                    remedy: "write `SECURE_PROXY_SSL_HEADER = (\"HTTP_X_FORWARDED_PROTO\", \"https\")`, where the load balancer sets that \
                             header itself"
                        .to_owned(),
                }),
                _ => {}
            }
        }
    }
}

fn off(context: &mut Context<'_>, origin: Option<&Origin>, how: &str) {
    if context.settings.redirects_elsewhere {
        return;
    }
    context.say(&RULE, origin, Said {
        message: format!("{NAME} {how}"),
        reason: "what is typed without https:// is then answered in clear, with cookies and forms",
        remedy: format!(
            "write `{NAME} = True` and `SECURE_PROXY_SSL_HEADER`; if the load balancer redirects, set `checks.settings.redirects_elsewhere: true` in beanpole.yaml"
        ),
    });
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::settings::testing::{Case, SAFE};

    fn case(from: &str, to: &str) -> Case {
        let text = SAFE.replace(from, to);
        assert_ne!(text, SAFE);
        Case::production(&text)
    }

    #[test]
    fn no_redirect_is_a_warning_unless_something_else_redirects() {
        for to in [
            "",
            "SECURE_SSL_REDIRECT = False\n",
            "SECURE_SSL_REDIRECT = env.bool('R', False)\n",
        ] {
            let case = case("SECURE_SSL_REDIRECT = True\n", to);
            assert_eq!(case.clone().rules(), [RULE.id], "{to}");
            assert!(
                case.with(|settings| settings.redirects_elsewhere = true)
                    .rules()
                    .is_empty()
            );
        }
    }

    #[test]
    fn a_redirect_needs_to_know_the_proxy() {
        let found = case(
            "SECURE_PROXY_SSL_HEADER = ('HTTP_X_FORWARDED_PROTO', 'https')\n",
            "",
        )
        .check();
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("SECURE_PROXY_SSL_HEADER"));
    }
}
