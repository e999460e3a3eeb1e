//! `.dockerignore`: which paths of a context are left out.
//!
//! Docker's own rules (<https://docs.docker.com/build/concepts/context/#dockerignore-files>), not git's: a pattern is rooted at the
//! context, `**` stands for any number of directories, `!` takes a path in again, the last match counts.

/// The patterns of a file, in order: the pattern's parts, and whether it takes in again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct IgnoreFile {
    patterns: Vec<(Vec<String>, bool)>,
}

impl IgnoreFile {
    pub(super) fn read(text: &str) -> Self {
        let patterns = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| match line.strip_prefix('!') {
                Some(rest) => (rest.trim(), true),
                None => (line, false),
            })
            .map(|(pattern, again)| {
                let parts = pattern
                    .split('/')
                    .filter(|part| !part.is_empty() && *part != ".")
                    .map(str::to_owned)
                    .collect();
                (parts, again)
            })
            .filter(|(parts, _): &(Vec<String>, bool)| !parts.is_empty())
            .collect();
        Self { patterns }
    }

    /// Whether a path of the context is left out.
    pub(super) fn leaves_out(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let mut out = false;
        for (pattern, again) in &self.patterns {
            // What is inside of a directory that matches is meant as well.
            let matches = (1..=parts.len()).any(|length| {
                let parts = parts.get(..length).unwrap_or_default();
                matches_parts(pattern, parts)
            });
            if matches {
                out = !again;
            }
        }
        out
    }
}

/// Compares part by part. A table of what is reachable keeps many `**` from costing more than their product.
fn matches_parts(pattern: &[String], parts: &[&str]) -> bool {
    let mut reachable = vec![false; parts.len() + 1];
    if let Some(first) = reachable.first_mut() {
        *first = true;
    }
    for wanted in pattern {
        let mut next = vec![false; parts.len() + 1];
        let any = wanted == "**";
        let mut carried = false;
        for (index, slot) in next.iter_mut().enumerate() {
            let here = reachable.get(index).copied().unwrap_or_default();
            if any {
                carried |= here;
                *slot = carried;
            } else {
                *slot = index
                    .checked_sub(1)
                    .and_then(|before| Some((*reachable.get(before)?, parts.get(before)?)))
                    .is_some_and(|(reached, part)| reached && matches_name(wanted, part));
            }
        }
        reachable = next;
    }
    reachable.last().copied().unwrap_or_default()
}

/// `*`, `?` and `[a-z]` in one name, as Go's `filepath.Match` has them.
fn matches_name(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut position) = (0, 0);
    // Where to go on if what follows the last star does not fit.
    let mut retry: Option<(usize, usize)> = None;
    while position < name.len() || at < pattern.len() {
        let step = match (pattern.get(at), name.get(position)) {
            (Some('*'), _) => {
                retry = Some((at + 1, position + 1));
                Some((at + 1, position))
            }
            (Some('?'), Some(_)) => Some((at + 1, position + 1)),
            (Some('['), Some(one)) => class(pattern.get(at + 1..).unwrap_or_default(), *one)
                .and_then(|(fits, length)| fits.then_some((at + 1 + length, position + 1))),
            (Some('\\'), Some(one)) if pattern.get(at + 1) == Some(one) => {
                Some((at + 2, position + 1))
            }
            (Some(wanted), Some(one)) if wanted == one => Some((at + 1, position + 1)),
            _ => None,
        };
        match (step, retry) {
            (Some((next_at, next_position)), _) => (at, position) = (next_at, next_position),
            (None, Some((next_at, next_position))) if next_position <= name.len() => {
                (at, position) = (next_at, next_position);
                retry = Some((next_at, next_position + 1));
            }
            _ => return false,
        }
    }
    true
}

/// Whether a character is in the class that begins behind `[`, and how long the class is with its bracket.
fn class(pattern: &[char], one: char) -> Option<(bool, usize)> {
    let end = pattern
        .iter()
        .skip(1)
        .position(|character| *character == ']')?
        + 1;
    let content = pattern.get(..end)?;
    let (negated, content) = match content.split_first() {
        Some(('^', rest)) => (true, rest),
        _ => (false, content),
    };
    let mut fits = false;
    let mut at = 0;
    while let Some(first) = content.get(at) {
        if let (Some('-'), Some(last)) = (content.get(at + 1), content.get(at + 2)) {
            fits |= (*first..=*last).contains(&one);
            at += 3;
        } else {
            fits |= *first == one;
            at += 1;
        }
    }
    Some((fits != negated, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn left_out(text: &str, path: &str) -> bool {
        IgnoreFile::read(text).leaves_out(path)
    }

    #[test]
    fn patterns_are_dockers() {
        for (text, path, out) in [
            (".git", ".git", true),
            (".git", ".git/config", true),
            ("/.git/", ".git", true),
            (".git", "sub/.git", false),
            ("**/.git", "sub/deep/.git", true),
            ("**/.git", ".git", true),
            (".env*", ".env.local", true),
            ("*", ".env", true),
            ("*\n!app\n", "app/.env", false),
            ("*\n!app\n", ".env", true),
            ("!.env\n.env", ".env", true),
            (".env\n!.env", ".env", false),
            ("# .git", ".git", false),
            ("[.a]env", ".env", true),
            ("[^.]env", ".env", false),
            ("?env", ".env", true),
            (".e*v", ".env", true),
            (".e*x", ".env", false),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b/c", true),
            ("[", ".env", false),
            ("", ".env", false),
        ] {
            assert_eq!(left_out(text, path), out, "{text:?} {path}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[*?!/a.é\\[\\]^\\\\\n-]{0,40}", path in "[a./é]{0,20}") {
            let _ = left_out(&text, &path);
        }
    }

    #[test]
    fn many_stars_do_not_take_long() {
        let pattern = "**/".repeat(300) + &"a*".repeat(300) + "b";
        assert!(!left_out(
            &pattern,
            &format!("{}{}", "x/".repeat(50), "a".repeat(2000))
        ));
    }
}
