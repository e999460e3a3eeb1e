//! Python's regular expressions as Rust's.
//!
//! Both read nearly the same. What is a letter to Python's `re` and a sign to the crate `regex` is escaped, and the end of the
//! text has another letter. What only Python can search (looking around, what a group has matched) stays as it is, and is
//! refused where it is compiled.

/// The same pattern for the crate `regex`. What neither can read stays unreadable.
pub(super) fn in_rust(pattern: &str) -> String {
    let mut written = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find(['{', '\\', '[']) {
        let (before, from) = rest.split_at(at);
        written.push_str(before);
        rest = if from.starts_with('\\') {
            escaped(from, &mut written)
        } else if from.starts_with('[') {
            class(from, &mut written)
        } else {
            brace(from, &mut written)
        };
    }
    written + rest
}

/// A backslash and its letter. `\<` and `\>` are plain letters to Python and words' ends to Rust; `\Z` is the text's end.
fn escaped<'p>(from: &'p str, written: &mut String) -> &'p str {
    let behind = from.strip_prefix('\\').unwrap_or(from);
    let letter = behind.chars().next();
    match letter {
        Some('<' | '>') => {}
        Some('Z') => {
            written.push_str("\\z");
            return behind.strip_prefix('Z').unwrap_or(behind);
        }
        _ => written.push('\\'),
    }
    written.extend(letter);
    behind.split_at(letter.map_or(0, char::len_utf8)).1
}

/// A brace is a letter unless it counts repetitions: `{2}`, `{1,}`, `{,3}`.
fn brace<'p>(from: &'p str, written: &mut String) -> &'p str {
    let behind = from.strip_prefix('{').unwrap_or(from);
    let counts = behind.split_once('}').is_some_and(|(count, _)| {
        let is_count = |letter: char| letter == ',' || letter.is_ascii_digit();
        !matches!(count, "" | ",") && count.chars().all(is_count)
    });
    written.push_str(if counts { "{" } else { "\\{" });
    behind
}

/// A class of letters. To Rust, another bracket in it begins a class of its own, and `&&` and `~~` join classes.
fn class<'p>(from: &'p str, written: &mut String) -> &'p str {
    let mut rest = from;
    // A bracket that closes right behind the beginning is one of the letters.
    for sign in ["[", "^", "]"] {
        if let Some(behind) = rest.strip_prefix(sign) {
            written.push_str(sign);
            rest = behind;
        }
    }
    while let Some(at) = rest.find(['\\', ']', '[', '&', '~']) {
        let (before, sign) = rest.split_at(at);
        written.push_str(before);
        if sign.starts_with('\\') {
            rest = escaped(sign, written);
            continue;
        }
        // All of these are ASCII.
        let (sign, behind) = sign.split_at(1);
        rest = behind;
        if sign == "]" {
            written.push_str(sign);
            return rest;
        }
        written.push('\\');
        written.push_str(sign);
    }
    written.push_str(rest);
    ""
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn braces_are_letters_unless_they_count() {
        for (pattern, written) in [
            ("b = {}", r"b = \{}"),
            ("a{2}b{1,}c{,3}", "a{2}b{1,}c{,3}"),
            (r"\{x\}{name}", r"\{x\}\{name}"),
            ("{", r"\{"),
            ("{{2}", r"\{{2}"),
            (r"a \< 3 \\< \>", r"a < 3 \\< >"),
            (r"é\", r"é\"),
            (r"end\Z", r"end\z"),
        ] {
            assert_eq!(in_rust(pattern), written);
        }
    }

    #[test]
    fn classes_hold_letters_only() {
        for (pattern, written) in [
            ("[a&&b]{2}", r"[a\&\&b]{2}"),
            ("[[a]", r"[\[a]"),
            ("[]a]b", "[]a]b"),
            ("[^][]", r"[^]\[]"),
            (r"[\]~{]{", r"[\]\~{]\{"),
            (r"[é\", r"[é\"),
            ("[[:alpha:]]", r"[\[:alpha:]]"),
        ] {
            assert_eq!(in_rust(pattern), written);
        }
    }
    proptest! {
        #[test]
        fn never_panics(pattern in "(?s)[\\[\\]^{}\\\\&~<>Z,0-9aé.]{0,40}") {
            let _ = regex::Regex::new(&in_rust(&pattern));
        }

        #[test]
        fn what_has_no_sign_of_either_is_the_same(pattern in "[a-zé()|.*+?^$ -]{0,40}") {
            prop_assert_eq!(in_rust(&pattern), pattern);
        }
    }
}
