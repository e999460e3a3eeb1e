//! `settings-allowed-hosts`: any host name is answered, or none.

use super::Context;
use crate::report::Said;
use crate::settings::see::{Plain, Source};
use crate::settings::state::Origin;
use crate::{Group, Rule};
use beanpole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "settings-allowed-hosts",
    group: Group::Settings,
    severity: Severity::Error,
    summary: "ALLOWED_HOSTS takes any host, or none",
};

const EMPTY: &str = "with DEBUG off Django then answers 400 to every request";

pub(super) fn check(context: &mut Context<'_>) {
    let ways = context.ways("ALLOWED_HOSTS");
    // `if "HOSTS" in os.environ: … else: ALLOWED_HOSTS = []`: no hosts by default, which is safe.
    let may_have_hosts = ways
        .iter()
        .any(|way| (way.seen.iter().flatten()).any(|seen| !is_empty(&seen.value)));
    for way in ways {
        let Some(all) = &way.seen else {
            if may_have_hosts {
                continue;
            }
            none(context, None, "ALLOWED_HOSTS is not set");
            continue;
        };
        for seen in all {
            let when = if seen.from == Source::Default {
                " when its environment variable is missing"
            } else {
                ""
            };
            match &seen.value {
                Plain::List(hosts)
                    if hosts
                        .iter()
                        .any(|host| matches!(host, Plain::Str(host) if host == "*")) =>
                {
                    let reason = "a forged Host header then decides where the links in password mails lead, and poisons caches";
                    context.say(
                        &RULE,
                        way.origin.as_ref(),
                        words(format!("ALLOWED_HOSTS takes any host{when}"), reason),
                    );
                }
                // Empty by default is safe: the release fails its health check, and says why.
                value if is_empty(value) && seen.from == Source::Code && !may_have_hosts => {
                    none(context, way.origin.as_ref(), "ALLOWED_HOSTS is empty");
                }
                Plain::Unseen if seen.from != Source::Environment => {
                    super::not_analysed::setting(context, "ALLOWED_HOSTS", way.origin.as_ref());
                }
                _ => {}
            }
        }
    }
}

/// No host is named, unless a file that cannot be seen does.
fn none(context: &mut Context<'_>, origin: Option<&Origin>, what: &str) {
    let evaluated = &context.evaluated;
    if evaluated.perhaps_set_elsewhere || evaluated.set_elsewhere {
        super::not_analysed::setting(context, "ALLOWED_HOSTS", origin);
    } else {
        context.say(&RULE, origin, words(what.to_owned(), EMPTY));
    }
}

fn is_empty(hosts: &Plain) -> bool {
    matches!(hosts, Plain::List(hosts) if hosts.is_empty())
}

fn words(message: String, reason: &'static str) -> Said {
    Said {
        message,
        reason,
        remedy: "name the hosts: `ALLOWED_HOSTS = [\"shop.example.com\"]`, or a list from the environment".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::settings::testing::{Case, SAFE};

    fn rules(hosts: &str) -> Vec<String> {
        let safe = SAFE.replace("ALLOWED_HOSTS = ['shop.example.com']\n", "");
        assert_ne!(safe, SAFE);
        Case::production(&format!("{safe}{hosts}\n")).rules()
    }

    #[test]
    fn any_host_and_no_host_are_errors() {
        for hosts in [
            "",
            "ALLOWED_HOSTS = []",
            "ALLOWED_HOSTS = ['*']",
            "ALLOWED_HOSTS = env.list('H', default=['*'])",
            "ALLOWED_HOSTS = os.environ.get('H', '*').split(',')",
            "ALLOWED_HOSTS = ['a']\nALLOWED_HOSTS += ['*']",
            "ALLOWED_HOSTS = ['a']\nALLOWED_HOSTS.append('*')",
        ] {
            assert_eq!(rules(hosts), [RULE.id], "{hosts}");
        }
    }

    #[test]
    fn what_a_file_outside_of_the_project_may_set_is_not_missed() {
        let found = rules("try:\n    from .local import *\nexcept ImportError:\n    pass");
        assert!(!found.contains(&RULE.id.to_owned()), "{found:?}");
        assert!(found.contains(&"settings-not-analysed".to_owned()));
        let set = rules(
            "ALLOWED_HOSTS = ['*']\ntry:\n    from .local import *\nexcept ImportError:\n    pass",
        );
        assert!(set.contains(&RULE.id.to_owned()), "{set:?}");
    }

    #[test]
    fn named_hosts_are_right() {
        for hosts in [
            "ALLOWED_HOSTS = ['a.example.com']",
            "ALLOWED_HOSTS = os.environ['H'].split(',')",
            "ALLOWED_HOSTS = env.list('H')",
            "ALLOWED_HOSTS = ['a']\nALLOWED_HOSTS.append(socket.gethostname())",
            "ALLOWED_HOSTS = config('H', cast=Csv(), default='')",
            "if 'H' in os.environ:\n    ALLOWED_HOSTS = os.environ['H'].split()\nelse:\n    ALLOWED_HOSTS = []",
            "if 'H' in os.environ:\n    ALLOWED_HOSTS = os.environ['H'].split()",
        ] {
            assert!(rules(hosts).is_empty(), "{hosts}: {:?}", rules(hosts));
        }
    }
}
