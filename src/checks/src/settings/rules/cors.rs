//! `settings-cors`: any site may read the answers (django-cors-headers).

use super::Context;
use crate::report::Said;
use crate::settings::see::{Plain, Source};
use crate::{Group, Rule};
use beanpole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "settings-cors",
    group: Group::Settings,
    severity: Severity::Error,
    summary: "CORS lets any site read the answers",
};

/// The present name and the one before django-cors-headers 3.5.
const ALL: [&str; 2] = ["CORS_ALLOW_ALL_ORIGINS", "CORS_ORIGIN_ALLOW_ALL"];
const PATTERNS: [&str; 2] = ["CORS_ALLOWED_ORIGIN_REGEXES", "CORS_ORIGIN_REGEX_WHITELIST"];

pub(super) fn check(context: &mut Context<'_>) {
    if !is_a_public_part(context) {
        all_origins(context);
    }
    patterns(context);
}

/// Whether only some addresses are open to other sites, and no answer to a session is: what everyone may read anyway.
fn is_a_public_part(context: &Context<'_>) -> bool {
    let is_limited = context
        .ways("CORS_URLS_REGEX")
        .iter()
        .all(|way| way.seen.is_some());
    let credentials = context.ways("CORS_ALLOW_CREDENTIALS");
    let mut credentials = credentials.iter().filter_map(|way| way.seen.as_ref());
    let sends_none = credentials.all(|all| all.iter().all(|seen| seen.is_true() == Some(false)));
    is_limited && sends_none
}

fn all_origins(context: &mut Context<'_>) {
    for name in ALL {
        for way in context.ways(name) {
            for seen in way.seen.iter().flatten() {
                match seen.is_true() {
                    Some(true) => {
                        let when = if seen.from == Source::Default {
                            " when its environment variable is missing"
                        } else {
                            ""
                        };
                        context.say(
                            &RULE,
                            way.origin.as_ref(),
                            words(format!("{name} is on{when}")),
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

fn patterns(context: &mut Context<'_>) {
    for name in PATTERNS {
        for way in context.ways(name) {
            for seen in way.seen.iter().flatten() {
                if let Plain::List(patterns) = &seen.value
                    && patterns
                        .iter()
                        .any(|pattern| matches!(pattern, Plain::Str(text) if fits_anything(text)))
                {
                    context.say(
                        &RULE,
                        way.origin.as_ref(),
                        words(format!("{name} has a pattern that fits any origin")),
                    );
                }
            }
        }
    }
}

/// `.*`, `^.*$`, `https?://.*` and the like: nothing is left but wildcards.
fn fits_anything(pattern: &str) -> bool {
    let rest = pattern.trim_start_matches('^').trim_end_matches('$');
    let rest = ["https?://", "http://", "https://", "https?:\\/\\/"]
        .iter()
        .find_map(|scheme| rest.strip_prefix(scheme))
        .unwrap_or(rest);
    matches!(rest, ".*" | ".+" | "(.*)" | "(.+)" | "\\S+" | "[^/]+")
}

fn words(message: String) -> Said {
    Said {
        message,
        reason: "any web page can then call the API from its visitors' browsers, and with credentials act as them",
        remedy: "list the origins: `CORS_ALLOWED_ORIGINS = [\"https://shop.example.com\"]`"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::settings::testing::{Case, SAFE};

    fn rules(cors: &str) -> Vec<String> {
        Case::production(&format!("{SAFE}{cors}\n")).rules()
    }

    #[test]
    fn any_origin_is_an_error() {
        for cors in [
            "CORS_ALLOW_ALL_ORIGINS = True",
            "CORS_ORIGIN_ALLOW_ALL = env.bool('C', True)",
            "CORS_ALLOWED_ORIGIN_REGEXES = [r'^https?://.*$']",
            "CORS_ALLOW_ALL_ORIGINS = True\nCORS_URLS_REGEX = r'^/api/.*$'\nCORS_ALLOW_CREDENTIALS = True",
        ] {
            assert_eq!(rules(cors), [RULE.id], "{cors}");
        }
    }

    #[test]
    fn listed_origins_are_right() {
        for cors in [
            "CORS_ALLOWED_ORIGINS = ['https://shop.example.com']",
            "CORS_ALLOW_ALL_ORIGINS = DEBUG",
            "CORS_ALLOW_ALL_ORIGINS = False",
            "CORS_ALLOWED_ORIGIN_REGEXES = [r'^https://\\w+\\.example\\.com$']",
            "if DEBUG:\n    CORS_ALLOW_ALL_ORIGINS = True",
            "CORS_ALLOW_ALL_ORIGINS = True\nCORS_URLS_REGEX = r'^/public/.*$'",
        ] {
            let with_debug = format!("DEBUG = False\n{cors}");
            assert!(
                rules(&with_debug).is_empty(),
                "{cors}: {:?}",
                rules(&with_debug)
            );
        }
    }
}
