//! One file: by its name, then by its lines.

use super::hit::{Hit, URL, bad_setting, file_finding, not_scanned};
use super::search::Search;
use super::text::{LARGEST, searchable};
use super::{Settings, assignment, django, file_names};
use crate::ChangedLines;
use crate::globs::Globs;
use beanpole_model::Finding;
use regex::bytes::{Regex, RegexBuilder};

/// The memory, in bytes, that a compiled expression of the settings may take.
const LARGEST_EXPRESSION: usize = 256 * 1024;

/// The most findings of one file. Who has more of them needs no list.
pub(super) const MOST_FINDINGS: usize = 100;

/// Looks for secrets, with the settings of one project.
pub struct Scanner<'s> {
    settings: &'s Settings,
    allow_paths: Globs,
    allow_files: Globs,
    test_paths: Globs,
    allow: Vec<Regex>,
    /// Expressions of `allow` that cannot be read.
    unreadable: Vec<&'s str>,
}

impl<'s> Scanner<'s> {
    /// With those settings.
    #[must_use]
    pub fn new(settings: &'s Settings) -> Self {
        let mut allow = Vec::new();
        let mut unreadable = Vec::new();
        for expression in &settings.allow {
            let limited = RegexBuilder::new(expression)
                .size_limit(LARGEST_EXPRESSION)
                .build();
            match limited {
                Ok(read) => allow.push(read),
                Err(_) => unreadable.push(expression.as_str()),
            }
        }
        Self {
            allow,
            unreadable,
            settings,
            allow_paths: Globs::new(&settings.allow_paths),
            allow_files: Globs::new(&settings.allow_files),
            test_paths: Globs::new(&settings.test_paths),
        }
    }

    /// Globs and expressions of the settings that are none: nothing would be let pass by them.
    pub(super) fn setting_findings(&self) -> Vec<Finding> {
        let expressions = self
            .unreadable
            .iter()
            .map(|text| bad_setting("checks.secrets.allow", text, "is no regular expression"));
        let globs = [
            ("checks.secrets.examples", &self.allow_paths),
            ("checks.secrets.allow_files", &self.allow_files),
            ("checks.secrets.tests", &self.test_paths),
        ];
        globs
            .into_iter()
            .flat_map(|(key, globs)| globs.invalid.iter().map(move |fault| (key, fault)))
            .map(|(key, (glob, why))| bad_setting(key, glob, &format!("is no glob: {why}")))
            .chain(expressions)
            .collect()
    }

    /// The secrets on those lines of one file, and the file itself if it is one. `bytes` is none if nobody has read it.
    #[must_use]
    pub fn file(&self, path: &str, bytes: Option<&[u8]>, lines: &ChangedLines) -> Vec<Finding> {
        if self.allow_paths.fits(path) {
            return Vec::new();
        }
        let mut findings = Vec::new();
        if let Some(what) = file_names::secret_file(path, bytes)
            && !self.allow_files.fits(path)
        {
            findings.push(file_finding(path, what));
        }
        let Some(bytes) = bytes else {
            return findings;
        };
        let Some(text) = searchable(bytes) else {
            return findings;
        };
        let (hits, is_whole) = self.hits(path, &text, lines);
        let all = hits.len();
        findings.extend(hits.iter().take(MOST_FINDINGS).map(|hit| hit.finding(path)));
        if all > MOST_FINDINGS {
            findings.push(not_scanned(
                path,
                &format!("it has more than {MOST_FINDINGS} findings"),
            ));
        } else if bytes.len() > LARGEST || !is_whole {
            findings.push(not_scanned(path, &format!("it has {} bytes", bytes.len())));
        }
        findings
    }

    /// All hits in the order of their places, and whether all of the text was looked at.
    fn hits(&self, path: &str, text: &[u8], lines: &ChangedLines) -> (Vec<Hit>, bool) {
        let is_test = self.test_paths.fits(path);
        let mut search = Search::new(path, text, lines);
        if !is_test {
            for hit in django::hits(path, text, lines) {
                search.add(hit);
            }
        }
        search.formats();
        if !is_test && self.settings.assignments {
            assignment::find(&mut search);
        }
        let is_whole = search.is_whole();
        let mut hits = search.into_hits();
        hits.retain(|hit| !self.settings.baseline.contains(&hit.fingerprint));
        hits.retain(|hit| {
            let found = text.get(hit.bytes.clone()).unwrap_or_default();
            !self.allow.iter().any(|allowed| allowed.is_match(found))
        });
        hits.retain(|hit| hit.rule.id != URL.id || !is_nowhere(text, hit.bytes.end, is_test));
        hits.sort_by_key(|hit| hit.bytes.start);
        (hits, is_whole)
    }
}

/// Whether the host behind a password is nobody's: a name that is reserved for examples (RFC 2606) or made like one, or in a test
/// a name of one word, which is a container beside it.
fn is_nowhere(text: &[u8], password_end: usize, is_test: bool) -> bool {
    let Some(host) = text
        .get(password_end..)
        .and_then(|rest| rest.strip_prefix(b"@"))
    else {
        return false;
    };
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let length = host.iter().take_while(|byte| is_name(byte)).count();
    let host = host.get(..length).unwrap_or_default();
    let host = String::from_utf8_lossy(host).to_ascii_lowercase();
    let mut parts = host.rsplit('.');
    let (top, second) = (parts.next().unwrap_or_default(), parts.next());
    match second {
        None => is_test && !host.is_empty(),
        Some(second) => {
            matches!(top, "example" | "invalid" | "test" | "localhost")
                || second == "example"
                || second == "domain" && matches!(top, "com" | "tld")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::scan;
    use crate::secrets::testing::{SAMPLES, sample};
    use crate::secrets::window::column;

    const KEY: &str = crate::secrets::hit::KEY.id;

    fn rules(path: &str, text: &str) -> Vec<String> {
        scan(path, text.as_bytes(), &ChangedLines::All)
            .into_iter()
            .map(|finding| finding.rule)
            .collect()
    }

    #[test]
    fn every_format_is_found_in_its_place_and_never_shown() {
        for one in SAMPLES {
            let (line, secret) = sample(one);
            let text = format!("# żółw\n\n{line}\n");
            let found = scan("shop/config.py", text.as_bytes(), &ChangedLines::All);
            let hit = found
                .iter()
                .find(|finding| finding.message.contains(&format!("({})", one.id)))
                .unwrap_or_else(|| panic!("{}: {found:?}", one.id));
            let location = hit.location.as_ref().unwrap();
            let at = text.find(&secret).unwrap();
            let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
            assert_eq!(
                location.line,
                Some(
                    u32::try_from(text[..at].lines().count().max(1))
                        .unwrap()
                        .max(3)
                ),
                "{}",
                one.id
            );
            assert_eq!(
                location.column,
                Some(column(text.as_bytes(), line_start, at)),
                "{}",
                one.id
            );
            never_shows(&found, &secret, one.shown);
        }
    }

    /// No eight characters of the value behind its public beginning are anywhere in the findings.
    fn never_shows(found: &[Finding], secret: &str, shown: &str) {
        let told = serde_json::to_string(found).unwrap();
        let hidden = secret.strip_prefix(shown).unwrap_or(secret);
        let characters: Vec<char> = hidden.chars().collect();
        for part in characters.windows(8) {
            let part: String = part.iter().collect();
            assert!(!told.contains(&part), "{told} shows a part of the secret");
        }
    }

    #[test]
    fn only_changed_lines_are_judged() {
        let (line, _) = sample(
            SAMPLES
                .iter()
                .find(|one| one.id == "stripe-access-token")
                .unwrap(),
        );
        let text = format!("{line}\n{line}\n");
        let found = scan("a.py", text.as_bytes(), &ChangedLines::Only(vec![(2, 2)]));
        let lines: Vec<_> = found
            .iter()
            .map(|finding| finding.location.as_ref().unwrap().line)
            .collect();
        assert_eq!(lines, [Some(2)]);
        assert!(scan("a.py", text.as_bytes(), &ChangedLines::Only(vec![])).is_empty());
    }

    #[test]
    fn comments_let_a_line_pass() {
        let (line, _) = sample(
            SAMPLES
                .iter()
                .find(|one| one.id == "stripe-access-token")
                .unwrap(),
        );
        for comment in ["gitleaks:allow", "pragma: allowlist secret"] {
            assert!(rules("a.py", &format!("{line}  # {comment}\n")).is_empty());
            assert_eq!(
                rules("a.py", &format!("# {comment}\n{line}\n")),
                [KEY],
                "only on its own line"
            );
        }
    }

    #[test]
    fn documented_examples_are_let_be() {
        // In pieces, since other scanners know them less well.
        let pieces: [&[&str]; 14] = [
            &["AWS_ACCESS_KEY_ID = 'AKIA", "IOSFODNN7EXAMPLE'"],
            &[
                "aws_secret_access_key = wJalrXUtnFEMI/",
                "K7MDENG/bPxRfiCYEXAMPLEKEY",
            ],
            &["token = 'ghp", "_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'"],
            &[
                "https://hooks.slack.com/",
                "services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
            ],
            &["postgres://user:", "password@localhost/db"],
            &["postgres://shop:", "shop@db:5432/shop"],
            &["postgres://shop_reader:", "shop@db:5432/shop"],
            &["DATABASE_URL=postgres://app:", "${DB_PASSWORD}@db/app"],
            &["https://example.com:8000/path@x"],
            &["amqp://guest:", "guest@rabbit//"],
            &["-----BEGIN RSA PRIV", "ATE KEY----- is how a key begins"],
            &[
                "-----BEGIN PRIV",
                "ATE KEY-----\nProc-Type: 4,ENCRYPTED\nabc==",
            ],
            &["x = 'https://foo:b", "ar@shop.internal/'"],
            &[
                "'-----BEGIN OPENSSH PRIV",
                "ATE KEY-----\\nb3BlbnNzaC1rZXktdjEAAAAACmFl'",
            ],
        ];
        for text in pieces.map(<[&str]>::concat) {
            assert!(
                rules("shop/config.py", &format!("{text}\n")).is_empty(),
                "{text}"
            );
        }
    }

    #[test]
    fn the_baseline_and_allowed_paths_are_let_be() {
        let (line, _) = sample(SAMPLES.iter().find(|one| one.id == "github-pat").unwrap());
        let found = scan("a.py", line.as_bytes(), &ChangedLines::All);
        let (_, fingerprint) = found[0].message.rsplit_once(' ').unwrap();
        let judged = |settings: &Settings| {
            Scanner::new(settings)
                .file("a.py", Some(line.as_bytes()), &ChangedLines::All)
                .len()
        };
        assert_eq!(judged(&Settings::default()), 1);
        let known = Settings {
            baseline: [fingerprint.to_owned()].into(),
            ..Settings::default()
        };
        assert_eq!(judged(&known), 0);
        let allowed = Settings {
            allow_paths: vec!["a.py".to_owned()],
            ..Settings::default()
        };
        assert_eq!(judged(&allowed), 0);
        let expressions = |allow: &[&str]| Settings {
            allow: allow.iter().map(|text| (*text).to_owned()).collect(),
            ..Settings::default()
        };
        assert_eq!(judged(&expressions(&["^ghp_"])), 0);
        let wrong = expressions(&["^gho_", "("]);
        assert_eq!(judged(&wrong), 1);
        let said = Scanner::new(&wrong).setting_findings();
        assert_eq!(
            said[0].message,
            "`checks.secrets.allow` holds `(`, which is no regular expression"
        );
        let globs = Settings {
            allow_paths: vec!["[".to_owned()],
            allow_files: vec!["[".to_owned()],
            test_paths: vec!["[".to_owned()],
            ..Settings::default()
        };
        let said = Scanner::new(&globs).setting_findings();
        let keys: Vec<_> = said
            .iter()
            .filter_map(|finding| finding.remedy.as_deref())
            .collect();
        assert_eq!(
            keys,
            ["examples", "allow_files", "tests"]
                .map(|key| format!("correct `checks.secrets.{key}` in beanpole.yaml"))
        );
    }

    #[test]
    fn a_password_for_nobody_is_none() {
        let judged = |path: &str, host: &str| {
            rules(path, &format!("x = 'amqp://shop:{}@{host}/'\n", "kX3vQ9"))
        };
        let found = ["secret-url-password"];
        assert_eq!(judged("shop/queue.py", "mq.internal"), found);
        assert_eq!(judged("shop/queue.py", "mq"), found);
        assert_eq!(judged("shop/tests/test_queue.py", "mq.internal"), found);
        for (path, host) in [
            ("shop/tests/test_queue.py", "mq"),
            ("src/queue_tests.rs", "mq:5672"),
            ("shop/queue.py", "mq.example"),
            ("shop/queue.py", "mq.example.org:5672"),
            ("shop/queue.py", "mq.example.domain"),
            ("shop/queue.py", "domain.com"),
        ] {
            assert_eq!(judged(path, host), [""; 0], "{path} {host}");
        }
    }

    #[test]
    fn a_file_of_keywords_is_cheap_and_many_findings_are_bounded() {
        let found = scan(
            "a.txt",
            "ghp_eyJakia://".repeat(200_000).as_bytes(),
            &ChangedLines::All,
        );
        assert!(found.is_empty(), "{:?}", found.len());
        let (line, _) = sample(SAMPLES.iter().find(|one| one.id == "github-pat").unwrap());
        let found = scan(
            "a.txt",
            format!("{line}\n").repeat(1000).as_bytes(),
            &ChangedLines::All,
        );
        assert_eq!(found.len(), MOST_FINDINGS + 1);
        assert_eq!(found.last().unwrap().rule, "secret-not-scanned");
    }

    #[test]
    fn a_hundred_megabytes_are_searched_in_part_and_said() {
        let (line, _) = sample(SAMPLES.iter().find(|one| one.id == "github-pat").unwrap());
        let mut text = format!("{line}\n").into_bytes();
        text.resize(100 * 1024 * 1024, b'\n');
        let found = scan("a.txt", &text, &ChangedLines::All);
        let rules: Vec<_> = found.iter().map(|finding| finding.rule.as_str()).collect();
        assert_eq!(rules, [KEY, "secret-not-scanned"]);
    }

    #[test]
    fn a_key_at_the_end_of_a_long_line_is_found() {
        let (line, _) = sample(SAMPLES.iter().find(|one| one.id == "github-pat").unwrap());
        let text = format!("{} {line}", "ghp_ ".repeat(20_000));
        assert_eq!(rules("a.js", &text), [KEY]);
    }

    #[test]
    fn the_key_of_a_service_account_is_found_with_its_escaped_newlines() {
        let (line, _) = sample(SAMPLES.iter().find(|one| one.id == "private-key").unwrap());
        let json = format!("{{\"private_key\": \"{}\"}}", line.replace('\n', "\\n"));
        assert_eq!(rules("account.json", &json), ["secret-private-key"]);
    }

    #[test]
    fn utf_16_is_searched() {
        let (line, _) = sample(SAMPLES.iter().find(|one| one.id == "github-pat").unwrap());
        let bytes: Vec<u8> = [0xFF, 0xFE]
            .into_iter()
            .chain(line.encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        assert_eq!(scan("a.ps1", &bytes, &ChangedLines::All).len(), 1);
    }
}
