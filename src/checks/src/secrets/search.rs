//! The search through one text: windows around keywords, and the hits so far.

use super::formats::{Format, Formats};
use super::hit::{Hit, REMEDY, fingerprint};
use super::scan::MOST_FINDINGS;
use super::window::{Cursor, Window, column};
use crate::ChangedLines;
use memchr::memmem;
use regex::bytes::Captures;

/// Comments by which gitleaks and detect-secrets let a line pass.
const ALLOWED: [&[u8]; 3] = [
    b"gitleaks:allow",
    b"pragma: allowlist secret",
    b"pragma: whitelist secret",
];

/// A keyword that far before the end of what was looked at has been seen with all that belongs to it.
const SEEN: usize = 2048;

/// The most bytes that patterns look at in one file, so that a file of keywords and nothing else stays cheap.
const MOST_LOOKED_AT: usize = 128 * 1024 * 1024;

/// The search through one text.
pub(super) struct Search<'t> {
    pub(super) path: &'t str,
    pub(super) text: &'t [u8],
    pub(super) lines: &'t ChangedLines,
    /// Whether comments let a line pass.
    heeds_comments: bool,
    hits: Vec<Hit>,
    looked_at: usize,
}

impl<'t> Search<'t> {
    pub(super) fn new(path: &'t str, text: &'t [u8], lines: &'t ChangedLines) -> Self {
        Self {
            path,
            text,
            lines,
            heeds_comments: true,
            hits: Vec::new(),
            looked_at: 0,
        }
    }

    /// Through words that are about to be shown: what may stand in a file need not stand in an answer.
    pub(super) fn of_words(text: &'t str) -> Self {
        Self {
            heeds_comments: false,
            ..Self::new("", text.as_bytes(), &ChangedLines::All)
        }
    }

    /// Whether all that was worth a look has been looked at.
    pub(super) fn is_whole(&self) -> bool {
        self.looked_at < MOST_LOOKED_AT
    }

    pub(super) fn into_hits(self) -> Vec<Hit> {
        self.hits
    }

    /// Adds a hit, unless another holds its bytes already: the rule that knows more about them comes first.
    pub(super) fn add(&mut self, hit: Hit) {
        let overlaps =
            |known: &Hit| known.bytes.start < hit.bytes.end && hit.bytes.start < known.bytes.end;
        if self.hits.len() <= MOST_FINDINGS && !self.hits.iter().any(overlaps) {
            self.hits.push(hit);
        }
    }

    /// The bytes of a window on a changed line that nothing lets pass. None as well when enough has been looked at.
    pub(super) fn look(&mut self, window: Window) -> Option<&'t [u8]> {
        if !self.lines.contains(window.line)
            || self.looked_at >= MOST_LOOKED_AT
            || self.hits.len() > MOST_FINDINGS
        {
            return None;
        }
        let bytes = self.text.get(window.start..window.end)?;
        self.looked_at += bytes.len();
        let mut words = ALLOWED.iter();
        let is_allowed =
            self.heeds_comments && words.any(|word| memmem::find(bytes, word).is_some());
        (!is_allowed).then_some(bytes)
    }

    /// Where a value stands that begins at that byte of a window.
    pub(super) fn place(&self, window: Window, start: usize) -> (u32, u32) {
        (window.line, column(self.text, window.line_start, start))
    }

    /// Adds the keys of known formats.
    pub(super) fn formats(&mut self) {
        let formats = Formats::get();
        let mut cursor = Cursor::new(self.text);
        let mut seen = vec![0_usize; formats.len()];
        for (offset, index) in formats.keywords(self.text) {
            let window = cursor.window(offset);
            let Some(seen) = seen.get_mut(index) else {
                continue;
            };
            if !is_new(*seen, offset, window) {
                continue;
            }
            *seen = window.end;
            let Some((format, pattern)) = formats.format(index) else {
                continue;
            };
            let Some(bytes) = self.look(window) else {
                continue;
            };
            for captures in pattern.captures_iter(bytes) {
                if let Some(hit) = self.judge(format, window, &captures) {
                    self.add(hit);
                }
            }
        }
    }

    fn judge(
        &self,
        format: &'static Format,
        window: Window,
        captures: &Captures<'_>,
    ) -> Option<Hit> {
        let found = captures.name("secret").or_else(|| captures.get(0))?;
        let start = window.start + found.start();
        let mut end = window.start + found.end();
        if format.id == "private-key" {
            end = key_body(self.text, end)?;
        }
        let value = std::str::from_utf8(self.text.get(start..end)?).ok()?;
        // `shop:shop@db`, `shop_reader:shop@db`: a password that is the user's name, or a part of it, is a default of
        // development.
        let is_user = captures
            .name("user")
            .is_some_and(|user| memmem::find(user.as_bytes(), value.as_bytes()).is_some());
        if is_user || !format.accepts(value) {
            return None;
        }
        Some(Hit {
            rule: format.rule,
            what: format!("{} ({})", format.what, format.id),
            prefix: format.prefix(value),
            bytes: start..end,
            place: self.place(window, start),
            fingerprint: fingerprint(format.rule.id, self.path, value),
            remedy: REMEDY,
        })
    }
}

/// Whether a window has something that was not looked at yet.
pub(super) fn is_new(seen: usize, offset: usize, window: Window) -> bool {
    seen < window.end && (seen == 0 || offset + SEEN > seen) || (seen == 0 && window.end == 0)
}

/// Where the first line of a private key's body ends. None if no body follows the head: then it is a sentence about keys.
fn key_body(text: &[u8], from: usize) -> Option<usize> {
    /// The least base64 that makes a body. Lines of keys have 64 or 70; the 24 that every OpenSSH key begins with are none.
    const LEAST: usize = 40;
    let rest = text.get(from..from.saturating_add(400).min(text.len()))?;
    let mut start = 0;
    // Newlines, escaped ones, quotes and indentation, and the headers of an encrypted body.
    while let Some(byte) = rest.get(start) {
        if rest
            .get(start..)
            .is_some_and(|rest| rest.starts_with(b"\\n") || rest.starts_with(b"\\r"))
        {
            start += 2;
        } else if matches!(
            byte,
            b'\n' | b'\r' | b' ' | b'\t' | b'"' | b'\'' | b'\\' | b'+' | b'#'
        ) {
            start += 1;
        } else {
            break;
        }
    }
    let rest = rest.get(start..)?;
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let length = rest.iter().take_while(|byte| is_base64(byte)).count();
    let headers: [&[u8]; 3] = [b"Version:", b"Proc-Type:", b"ssh-"];
    let has_headers = headers.iter().any(|header| rest.starts_with(header));
    let mut words = rest.split(|byte| !is_base64(byte));
    let has_body = length >= LEAST || has_headers && words.any(|word| word.len() >= LEAST);
    has_body.then_some(from + start + length)
}
