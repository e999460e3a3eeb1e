//! The rules, and the words of their findings: which never hold the secret.

use crate::report::{Said, file, place, say};
use crate::{Group, Rule};
use beanpole_model::{Finding, Severity};
use sha2::{Digest as _, Sha256};

const fn rule(id: &'static str, severity: Severity, summary: &'static str) -> Rule {
    Rule {
        id,
        group: Group::Secrets,
        severity,
        summary,
    }
}

/// A key of a known format; the message names the format.
pub(super) const KEY: Rule = rule(
    "secret-key",
    Severity::Error,
    "a key or token of a known service",
);
/// A private key.
pub(super) const PRIVATE_KEY: Rule = rule("secret-private-key", Severity::Error, "a private key");
/// A URL with a password.
pub(super) const URL: Rule = rule(
    "secret-url-password",
    Severity::Error,
    "a URL with a password in it",
);
/// Django's own secrets.
pub(super) const DJANGO: Rule = rule(
    "secret-django",
    Severity::Error,
    "a SECRET_KEY or database password in Django's settings",
);
/// A value that looks random, given to a name like `password`.
pub(super) const ASSIGNMENT: Rule = rule(
    "secret-assignment",
    Severity::Warning,
    "a random value given to a name like password or token",
);
/// A file that is a secret as a whole.
pub(super) const FILE: Rule = rule(
    "secret-file",
    Severity::Error,
    "a .env file, a private key file, or stored credentials",
);
/// What was not looked at.
pub(super) const NOT_SCANNED: Rule = rule(
    "secret-not-scanned",
    Severity::Note,
    "a file that was not searched for secrets, or not whole",
);

/// The rules of this group.
pub const RULES: &[Rule] = &[KEY, PRIVATE_KEY, URL, DJANGO, ASSIGNMENT, FILE, NOT_SCANNED];

const REASON: &str = "whoever reads the repository, now or from its history, can use it; robots try keys minutes after a push";

/// A secret that was found: where, and everything about it that may be shown.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    pub(super) rule: &'static Rule,
    /// What it is, with its article: `a Stripe secret key (stripe-access-token)`.
    pub(super) what: String,
    /// The public beginning of the format: `ghp_`. May be empty.
    pub(super) prefix: &'static str,
    /// The bytes of the text that hold the value.
    pub(super) bytes: std::ops::Range<usize>,
    /// Line and column.
    pub(super) place: (u32, u32),
    pub(super) fingerprint: String,
    pub(super) remedy: &'static str,
}

impl Hit {
    /// What is said of it.
    pub(super) fn finding(&self, path: &str) -> Finding {
        let shown = if self.prefix.is_empty() {
            String::new()
        } else {
            format!(", `{}…`,", self.prefix)
        };
        say(
            self.rule,
            Some(place(path, self.place)),
            Said {
                message: format!(
                    "{}{shown} is written into {path}; fingerprint {}",
                    self.what, self.fingerprint
                ),
                reason: REASON,
                remedy: self.remedy.to_owned(),
            },
        )
    }
}

/// What to do with most secrets.
pub(super) const REMEDY: &str = "revoke it where it was made, since taking it out leaves it in the history; put the new one into the \
                                 environment and read it with `os.environ[…]`. If it is none: `gitleaks:allow` on its line";

/// The finding of a file that is a secret as a whole.
pub(super) fn file_finding(path: &str, what: &str) -> Finding {
    say(
        &FILE,
        Some(file(path)),
        Said {
            message: format!("{path} is {what}"),
            reason: REASON,
            remedy: format!(
                "`git rm --cached {path}`, add it to .gitignore, and change what it holds if it was pushed; commit a `.env.example` \
             with names and no values"
            ),
        },
    )
}

/// The finding of what was not looked at.
pub(super) fn not_scanned(path: &str, why: &str) -> Finding {
    say(
        &NOT_SCANNED,
        Some(file(path)),
        Said {
            message: format!("{path} was not searched for secrets to its end: {why}"),
            reason: "a secret in the rest of it would pass",
            remedy: "search it with a scanner made for it, and name it in `checks.secrets.examples` in beanpole.yaml".to_owned(),
        },
    )
}

/// The finding of a setting that is none.
pub(super) fn bad_setting(key: &str, text: &str, why: &str) -> Finding {
    say(
        &NOT_SCANNED,
        None,
        Said {
            message: format!("`{key}` holds `{text}`, which {why}"),
            reason: "a setting that cannot be read lets nothing pass",
            remedy: format!("correct `{key}` in beanpole.yaml"),
        },
    )
}

/// Names a secret without telling it: eight digits of the SHA-256 of rule, path and value. Stable over lines and commits. So
/// short that one who guesses passwords cannot be sure of a hit.
#[must_use]
pub fn fingerprint(rule: &str, path: &str, value: &str) -> String {
    let mut hasher = Sha256::new();
    for part in [rule, path, value] {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    let digest = hasher.finalize();
    hex::encode(digest.get(..4).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{RULES, fingerprint};

    #[test]
    fn fingerprints_tell_rules_paths_and_values_apart() {
        let one = fingerprint("secret-key", "a.py", "v");
        assert_eq!(one.len(), 8);
        assert_eq!(one, fingerprint("secret-key", "a.py", "v"));
        for other in [
            ("secret-url", "a.py", "v"),
            ("secret-key", "b.py", "v"),
            ("secret-key", "a.py", "w"),
            ("secret-key", "a.pyv", ""),
        ] {
            assert_ne!(one, fingerprint(other.0, other.1, other.2));
        }
    }

    #[test]
    fn every_rule_has_its_page() {
        crate::pages::assert_pages(RULES);
    }
}
