//! `settings-connection-age` and `settings-connect-timeout`: each request opens a connection, or waits for one for minutes.

use super::Context;
use crate::report::Said;
use crate::settings::database::{Database, databases};
use crate::settings::see::{Plain, Seen, Source};
use crate::settings::state::{Given, Origin};
use crate::{Group, Rule};
use beanpole_model::Severity;

pub(super) const AGE: Rule = Rule {
    id: "settings-connection-age",
    group: Group::Settings,
    severity: Severity::Warning,
    summary: "a database without CONN_MAX_AGE: a new connection for each request",
};

pub(super) const TIMEOUT: Rule = Rule {
    id: "settings-connect-timeout",
    group: Group::Settings,
    severity: Severity::Warning,
    summary: "a database without connect_timeout",
};

pub(super) fn check(context: &mut Context<'_>) {
    let held = context.evaluated.state.get("DATABASES");
    for one in held.iter() {
        if one.given == Given::Nothing && one.edits.is_empty() {
            // A project without a database, or settings that cannot be seen, which is said elsewhere.
            continue;
        }
        match databases(&context.evaluated.state, one) {
            None => super::not_analysed::setting(context, "DATABASES", one.origin.as_ref()),
            Some(all) => {
                for (alias, database) in all.iter().filter(|(_, database)| database.is_remote()) {
                    age(context, alias, database, one.origin.as_ref());
                    timeout(context, alias, database, one.origin.as_ref());
                }
            }
        }
    }
}

fn age(context: &mut Context<'_>, alias: &str, database: &Database, origin: Option<&Origin>) {
    // Django 5.1's pool keeps connections itself, and demands an age of 0.
    let has_pool = database
        .option("pool")
        .is_some_and(|pool| pool.iter().any(|seen| seen.is_true() != Some(false)));
    if has_pool {
        return;
    }
    let is_zero = |seen: &Seen| seen.value == Plain::Int(0) && seen.from != Source::Environment;
    let how = match database.key("CONN_MAX_AGE") {
        None if database.is_open => {
            return super::not_analysed::setting(
                context,
                &format!("CONN_MAX_AGE of the database `{alias}`"),
                origin,
            );
        }
        None => "has no CONN_MAX_AGE",
        Some(age) if age.iter().any(is_zero) => "has a CONN_MAX_AGE of 0",
        Some(_) => return,
    };
    context.say(&AGE, origin, Said {
        message: format!("the database `{alias}` {how}"),
        reason: "every request then opens a connection of its own: tens of milliseconds each, and too many of them under load",
        remedy: if database.is_url {
            "pass `conn_max_age=60` to `dj_database_url.config`, or set `DATABASES[\"default\"][\"CONN_MAX_AGE\"] = 60`; with \
             `CONN_HEALTH_CHECKS`"
                .to_owned()
        } else {
            "add `\"CONN_MAX_AGE\": 60` and `\"CONN_HEALTH_CHECKS\": True`, or 0 with a pool in front of the database and a reason".to_owned()
        },
    });
}

fn timeout(context: &mut Context<'_>, alias: &str, database: &Database, origin: Option<&Origin>) {
    if database.option("connect_timeout").is_some() {
        return;
    }
    if database.is_open || database.is_url {
        let what = format!("connect_timeout of the database `{alias}`");
        return super::not_analysed::setting(context, &what, origin);
    }
    context.say(&TIMEOUT, origin, Said {
        message: format!("the database `{alias}` has no connect_timeout"),
        reason: "when the database is out of reach, each worker waits for minutes, and soon all of them do",
        remedy: if database.is_postgres() {
            "add `\"OPTIONS\": {\"connect_timeout\": 5, \"options\": \"-c statement_timeout=30000\"}`".to_owned()
        } else {
            "add `\"OPTIONS\": {\"connect_timeout\": 5}`".to_owned()
        },
    });
}

#[cfg(test)]
mod tests {
    use super::{AGE, TIMEOUT};
    use crate::settings::testing::{Case, SAFE};

    fn rules(databases: &str) -> Vec<String> {
        Case::production(&format!("{SAFE}{databases}\n")).rules()
    }

    const ENGINE: &str = "'ENGINE': 'django.db.backends.postgresql'";

    #[test]
    fn a_bare_database_has_both_faults() {
        assert_eq!(
            rules(&format!("DATABASES = {{'default': {{{ENGINE}}}}}")),
            [AGE.id, TIMEOUT.id]
        );
        assert_eq!(
            rules(&format!(
                "DATABASES = {{'default': {{{ENGINE}, 'CONN_MAX_AGE': 0, 'OPTIONS': {{'connect_timeout': 3}}}}}}"
            )),
            [AGE.id]
        );
    }

    #[test]
    fn a_careful_one_has_none() {
        let whole = format!(
            "DATABASES = {{'default': {{{ENGINE}, 'CONN_MAX_AGE': 60, 'OPTIONS': {{'connect_timeout': 3}}}}}}"
        );
        assert!(rules(&whole).is_empty());
        let parts = format!(
            "DATABASES = {{'default': {{{ENGINE}}}}}\nDATABASES['default']['CONN_MAX_AGE'] = env.int('A', default=60)\nDATABASES['default']['OPTIONS'] = {{'connect_timeout': 3}}"
        );
        assert!(rules(&parts).is_empty(), "{:?}", rules(&parts));
        let update = format!(
            "DATABASES = {{'default': {{{ENGINE}}}}}\nDATABASES['default'].update(CONN_MAX_AGE=60, OPTIONS={{'connect_timeout': 3}})"
        );
        assert!(rules(&update).is_empty(), "{:?}", rules(&update));
        let pool = format!(
            "DATABASES = {{'default': {{{ENGINE}, 'OPTIONS': {{'connect_timeout': 3, 'pool': True}}}}}}"
        );
        assert!(rules(&pool).is_empty());
        assert!(
            rules("DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3'}}").is_empty()
        );
    }

    #[test]
    fn urls_are_understood_as_far_as_they_can_be_seen() {
        let url = |given: &str| {
            rules(&format!(
                "DATABASES = {{'default': dj_database_url.config({given})}}"
            ))
        };
        assert_eq!(
            url("conn_max_age=600"),
            ["settings-not-analysed"],
            "the URL may have a connect_timeout"
        );
        assert_eq!(url(""), [AGE.id, "settings-not-analysed"]);
        let whole = "DATABASES = {'default': env.db()}\nDATABASES['default']['CONN_MAX_AGE'] = 60\nDATABASES['default'].setdefault('OPTIONS', {'connect_timeout': 5})";
        assert!(rules(whole).is_empty(), "{:?}", rules(whole));
    }

    #[test]
    fn either_of_two_may_hold() {
        let text = format!(
            "if x:\n    DATABASES = {{'default': {{{ENGINE}}}}}\nelse:\n    DATABASES = {{'default': {{'ENGINE': 'django.db.backends.sqlite3'}}}}"
        );
        assert_eq!(rules(&text), [AGE.id, TIMEOUT.id]);
    }
}
