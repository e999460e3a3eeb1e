//! `settings-connection-age` and `settings-connect-timeout`: each request opens a connection, or waits for one for minutes.

use super::Context;
use crate::report::Said;
use crate::settings::database::{Database, databases};
use crate::settings::see::{Plain, Seen, Source};
use crate::settings::state::{Given, Origin};
use crate::{Group, Rule};
use beanpole_model::{Finding, Severity};

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

/// What is wrong with the databases that one place gives.
struct Fault {
    rule: &'static Rule,
    origin: Option<Origin>,
    aliases: Vec<String>,
    /// What they have: `no CONN_MAX_AGE`.
    have: Vec<&'static str>,
    reason: &'static str,
    remedy: &'static str,
}

/// What is to be said of a database.
enum Answer {
    Fault(Fault),
    /// That cannot be seen.
    Unseen(String),
}

pub(super) fn check(context: &mut Context<'_>) {
    let held = context.evaluated.state.get("DATABASES");
    let mut faults = Vec::new();
    let mut unseen = Vec::new();
    for one in held.iter() {
        if one.given == Given::Nothing && one.edits.is_empty() {
            // A project without a database, or settings that cannot be seen, which is said elsewhere.
            continue;
        }
        match databases(&context.evaluated.state, one) {
            None => unseen.push(("DATABASES".to_owned(), one.origin.clone())),
            Some(all) => {
                for (alias, database) in all.iter().filter(|(_, database)| database.is_remote()) {
                    for answer in [age(alias, database), timeout(alias, database)] {
                        match answer {
                            Some(Answer::Fault(fault)) => {
                                let origin = one.origin.clone();
                                join(&mut faults, Fault { origin, ..fault });
                            }
                            Some(Answer::Unseen(what)) => unseen.push((what, one.origin.clone())),
                            None => {}
                        }
                    }
                }
            }
        }
    }
    for fault in faults {
        let words = fault.words();
        context.say(fault.rule, fault.origin.as_ref(), words);
    }
    for (what, origin) in unseen {
        super::not_analysed::setting(context, &what, origin.as_ref());
    }
}

/// One place may give several databases, each in several ways: that is one fault.
fn join(faults: &mut Vec<Fault>, fault: Fault) {
    let is_same =
        |known: &&mut Fault| known.rule.id == fault.rule.id && known.origin == fault.origin;
    let Some(known) = faults.iter_mut().find(is_same) else {
        return faults.push(fault);
    };
    for alias in fault.aliases {
        if !known.aliases.contains(&alias) {
            known.aliases.push(alias);
        }
    }
    for have in fault.have {
        if !known.have.contains(&have) {
            known.have.push(have);
        }
    }
}

impl Fault {
    fn words(&self) -> Said {
        let aliases: Vec<String> = (self.aliases.iter())
            .map(|alias| format!("`{alias}`"))
            .collect();
        let have = self.have.join(" or ");
        Said {
            message: match aliases.as_slice() {
                [alias] => format!("the database {alias} has {have}"),
                _ => format!("the databases {} have {have}", aliases.join(", ")),
            },
            reason: self.reason,
            remedy: self.remedy.to_owned(),
        }
    }
}

/// Whether what is found in one place of two settings modules is one fault, whichever databases each of them has.
pub(super) fn is_of_a_place(finding: &Finding) -> bool {
    finding
        .location
        .as_ref()
        .is_some_and(|place| place.line.is_some())
        && (finding.rule == AGE.id || finding.rule == TIMEOUT.id)
}

fn age(alias: &str, database: &Database) -> Option<Answer> {
    // Django 5.1's pool keeps connections itself, and demands an age of 0.
    let has_pool = database
        .option("pool")
        .is_some_and(|pool| pool.iter().any(|seen| seen.is_true() != Some(false)));
    if has_pool {
        return None;
    }
    let is_zero = |seen: &Seen| seen.value == Plain::Int(0) && seen.from != Source::Environment;
    let have = match database.key("CONN_MAX_AGE") {
        None if database.is_open => {
            let what = format!("CONN_MAX_AGE of the database `{alias}`");
            return Some(Answer::Unseen(what));
        }
        None => "no CONN_MAX_AGE",
        Some(age) if age.iter().any(is_zero) => "a CONN_MAX_AGE of 0",
        Some(_) => return None,
    };
    Some(Answer::Fault(Fault {
        rule: &AGE,
        origin: None,
        aliases: vec![alias.to_owned()],
        have: vec![have],
        reason: "every request then opens a connection of its own: tens of milliseconds each, and too many of them under load",
        remedy: if database.is_url {
            "pass `conn_max_age=60` to `dj_database_url.config`, or set `DATABASES[\"default\"][\"CONN_MAX_AGE\"] = 60`; with \
             `CONN_HEALTH_CHECKS`"
        } else {
            "add `\"CONN_MAX_AGE\": 60` and `\"CONN_HEALTH_CHECKS\": True`, or 0 with a pool in front of the database and a reason"
        },
    }))
}

fn timeout(alias: &str, database: &Database) -> Option<Answer> {
    if database.option("connect_timeout").is_some() {
        return None;
    }
    if database.is_open || database.is_url {
        let what = format!("connect_timeout of the database `{alias}`");
        return Some(Answer::Unseen(what));
    }
    Some(Answer::Fault(Fault {
        rule: &TIMEOUT,
        origin: None,
        aliases: vec![alias.to_owned()],
        have: vec!["no connect_timeout"],
        reason: "when the database is out of reach, each worker waits for minutes, and soon all of them do",
        remedy: if database.is_postgres() {
            "add `\"OPTIONS\": {\"connect_timeout\": 5, \"options\": \"-c statement_timeout=30000\"}`"
        } else {
            "add `\"OPTIONS\": {\"connect_timeout\": 5}`"
        },
    }))
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

    #[test]
    fn one_place_is_named_once() {
        let said = |text: &str| -> Vec<String> {
            let found = Case::production(&format!("{SAFE}{text}\n")).check();
            let ages = found.into_iter().filter(|finding| finding.rule == AGE.id);
            ages.map(|finding| finding.message).collect()
        };
        let two = format!(
            "DATABASES = {{'default': {{{ENGINE}}}, 'replica': {{{ENGINE}, 'CONN_MAX_AGE': 0}}}}"
        );
        assert_eq!(
            said(&two),
            ["the databases `default`, `replica` have no CONN_MAX_AGE or a CONN_MAX_AGE of 0"]
        );
        // Either way leads to the last line.
        let either = format!(
            "if x:\n    DATABASES = {{'default': env.db()}}\nelse:\n    DATABASES = {{'default': {{{ENGINE}}}}}\nDATABASES['default']['ATOMIC_REQUESTS'] = True"
        );
        assert_eq!(
            said(&either),
            ["the database `default` has no CONN_MAX_AGE"]
        );
    }
}
