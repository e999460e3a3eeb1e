//! Files of environment variables (`.env`), in the form that Docker Compose reads.

use std::collections::BTreeMap;

/// The variables of a file, one `NAME=value` a line. `#` starts a comment at the start of a line and
/// after white space; values may stand in single quotes (as they are) or double quotes (with `\n`, `\"`,
/// `\\` and `\$`); `export ` before the name is dropped. A name without `=` is skipped: there is no
/// outer environment to take it from.
pub(super) fn parse(text: &str) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for line in text.strip_prefix('\u{feff}').unwrap_or(text).lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = line.split_once('=') {
            let name = name.trim();
            let name = name.strip_prefix("export ").unwrap_or(name).trim();
            variables.insert(name.to_owned(), unquote(value.trim()));
        }
    }
    variables
}

fn unquote(value: &str) -> String {
    if let Some((inner, _)) = value
        .strip_prefix('\'')
        .and_then(|rest| rest.split_once('\''))
    {
        return inner.to_owned();
    }
    let Some(quoted) = value.strip_prefix('"') else {
        let end = value.find(" #").unwrap_or(value.len());
        return value.get(..end).unwrap_or(value).trim_end().to_owned();
    };
    let mut plain = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => match characters.next() {
                Some('n') => plain.push('\n'),
                Some(other) => plain.push(other),
                None => {}
            },
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_line() {
        let text = "\u{feff}A=1\n# no\n\nexport B = two words # why\nC='a # b $x'\nD=\"x\\n\\\"y\\\"\" # c\nE=\nF\nG=a=b#c\r\n";
        let variables = parse(text);
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "a # b $x"),
            ("D", "x\n\"y\""),
            ("E", ""),
            ("G", "a=b#c"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(variables, expected.into_iter().collect());
    }
}
