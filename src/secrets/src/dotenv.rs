//! A `.env` file, as `env_file` of docker compose reads it.
//!
//! Three ways of writing a value (compose file reference, "Env_file format"):
//! - as it is, when it has only characters that mean nothing to any reader of such files;
//! - in single quotes, where compose takes everything literally;
//! - in double quotes with escapes, for what single quotes cannot hold: `'`, `\` and line breaks.
//!
//! A backslash at the end is written `\0134`: versions of compose differ on whether `\\"` ends the
//! value. A NUL cannot be in an environment at all and is refused.

use std::collections::BTreeMap;
use std::io::Write as _;

use beanpole_model::Secret;
use camino::Utf8Path;

use crate::Error;

/// Renders variables as a `.env` file, in the order of their names. The result holds every value:
/// it is a secret as a whole.
///
/// # Errors
/// [`Error::DotEnv`] for a name that is no variable's name (`[A-Za-z_][A-Za-z0-9_]*`), and for a
/// value with a NUL.
pub fn render(variables: &BTreeMap<String, Secret>) -> Result<Secret, Error> {
    let mut file = String::new();
    for (name, value) in variables {
        let refused = |fault| Error::DotEnv {
            variable: name.clone(),
            fault,
        };
        if !is_name(name) {
            return Err(refused(
                "its name has other characters than letters, digits and `_`",
            ));
        }
        if value.expose().contains('\0') {
            return Err(refused("its value has a NUL"));
        }
        file.push_str(name);
        file.push('=');
        file.push_str(&quoted(value.expose()));
        file.push('\n');
    }
    Ok(Secret::new(file))
}

/// Writes a rendered file so that only its owner can read it (mode 0600), whole or not at all: into
/// a temporary file beside it, which then takes its place.
///
/// # Errors
/// [`Error::Write`].
pub fn write(path: &Utf8Path, content: &Secret) -> Result<(), Error> {
    let failed = |source| Error::Write {
        path: path.to_owned(),
        source,
    };
    let directory = match path.parent() {
        Some(parent) if !parent.as_str().is_empty() => parent,
        _ => Utf8Path::new("."),
    };
    // The temporary file is born with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
    file.write_all(content.expose().as_bytes())
        .map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|own| own.is_ascii_alphanumeric() || own == '_')
}

fn quoted(value: &str) -> String {
    let harmless = |own: char| own.is_ascii_alphanumeric() || "_-./:@%+,=~".contains(own);
    if value.chars().all(harmless) {
        return value.to_owned();
    }
    if !value.contains(['\'', '\\', '\n', '\r']) {
        return format!("'{value}'");
    }
    format!("\"{}\"", escaped(value))
}

fn escaped(value: &str) -> String {
    let (body, last_backslash) = match value.strip_suffix('\\') {
        Some(body) => (body, "\\0134"),
        None => (value, ""),
    };
    let mut text = String::with_capacity(value.len() + 8);
    for own in body.chars() {
        match own {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '$' => text.push_str("\\$"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            other => text.push(other),
        }
    }
    text.push_str(last_backslash);
    text
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;
    use proptest::prelude::*;

    use super::*;

    fn rendered(value: &str) -> String {
        let variables = [("X".to_owned(), Secret::new(value))].into();
        render(&variables).unwrap().expose().to_owned()
    }

    #[test]
    fn values_are_quoted_no_more_than_needed() {
        for (value, line) in [
            ("", "X=\n"),
            ("plain-1.2", "X=plain-1.2\n"),
            (
                "postgres://u:p%2F@h:5432/d",     // gitleaks:allow
                "X=postgres://u:p%2F@h:5432/d\n", // gitleaks:allow
            ),
            ("two words", "X='two words'\n"),
            ("a#b", "X='a#b'\n"),
            ("$HOME", "X='$HOME'\n"),
            ("say \"hi\"", "X='say \"hi\"'\n"),
            ("it's", "X=\"it's\"\n"),
            ("it's $5", "X=\"it's \\$5\"\n"),
            ("a\\b", "X=\"a\\\\b\"\n"),
            ("end\\", "X=\"end\\0134\"\n"),
            ("one\ntwo", "X=\"one\\ntwo\"\n"),
        ] {
            assert_eq!(rendered(value), line, "{value:?}");
        }
    }

    #[test]
    fn bad_names_and_nul_are_refused_without_the_value() {
        for name in ["", "1A", "A-B", "A B", "É"] {
            let variables = [(name.to_owned(), Secret::new("planted-1"))].into();
            assert!(
                matches!(render(&variables), Err(Error::DotEnv { .. })),
                "{name}"
            );
        }
        let variables = [("X".to_owned(), Secret::new("planted-1\0"))].into();
        let error = render(&variables).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("planted-1"));
    }

    #[test]
    #[cfg(unix)]
    fn only_the_owner_can_read_the_file() {
        use std::os::unix::fs::PermissionsExt;

        let directory = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(directory.path().join(".env")).unwrap();
        // A file that others can read is replaced, not written into.
        fs_err::write(&path, "OLD=1\n").unwrap();
        fs_err::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        write(&path, &Secret::new("X=1\n")).unwrap();
        assert_eq!(fs_err::read_to_string(&path).unwrap(), "X=1\n");
        assert_eq!(
            fs_err::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs_err::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_that_is_missing_is_named() {
        let path = Utf8Path::new("/no/such/directory/.env");
        let error = write(path, &Secret::new("X=1\n")).unwrap_err();
        assert!(error.to_string().contains("/no/such/directory/.env"));
    }

    /// How compose's reader tells whether a quote inside a value is escaped. Old versions look at
    /// the character before it, newer ones count.
    #[derive(Clone, Copy, Debug)]
    enum Reader {
        LooksBack,
        Counts,
    }

    /// Compose's reader, as far as our files go: `NAME=value` lines, three ways of quoting.
    fn read(file: &str, reader: Reader) -> BTreeMap<String, String> {
        let mut rest = file;
        let mut found = BTreeMap::new();
        while let Some((name, after)) = rest.split_once('=') {
            let (value, next) = match after.chars().next() {
                Some(quote @ ('\'' | '"')) => {
                    let body = &after[1..];
                    let end = closing(body, quote, reader);
                    let inner = strip_escaped_quotes(&body[..end], quote, reader);
                    let value = if quote == '"' { expand(&inner) } else { inner };
                    (value, &body[end + 1..])
                }
                _ => {
                    let (line, next) = after.split_once('\n').unwrap();
                    assert!(!line.contains([' ', '$', '#']), "{line:?}");
                    (line.to_owned(), next)
                }
            };
            found.insert(name.to_owned(), value);
            rest = next.strip_prefix('\n').unwrap_or(next);
        }
        assert_eq!(rest, "");
        found
    }

    fn closing(body: &str, quote: char, reader: Reader) -> usize {
        let mut backslashes = 0;
        for (index, own) in body.char_indices() {
            let escaped = match reader {
                Reader::LooksBack => backslashes > 0,
                Reader::Counts => backslashes % 2 == 1,
            };
            if own == quote && !escaped {
                return index;
            }
            backslashes = if own == '\\' { backslashes + 1 } else { 0 };
        }
        panic!("unterminated: {body:?}");
    }

    /// Newer versions take the backslash from before a quote while they look for the end.
    fn strip_escaped_quotes(inner: &str, quote: char, reader: Reader) -> String {
        if matches!(reader, Reader::LooksBack) {
            return inner.to_owned();
        }
        let mut text = String::new();
        let mut escaping = false;
        for own in inner.chars() {
            if escaping {
                if own != quote {
                    text.push('\\');
                }
                text.push(own);
                escaping = false;
            } else if own == '\\' {
                escaping = true;
            } else {
                text.push(own);
            }
        }
        text
    }

    /// The escapes of double quotes; a bare `$` would start a variable and must not be there.
    fn expand(inner: &str) -> String {
        let mut text = String::new();
        let mut rest = inner.chars();
        while let Some(own) = rest.next() {
            match own {
                '\\' => match rest.next().unwrap() {
                    'n' => text.push('\n'),
                    'r' => text.push('\r'),
                    '0' => {
                        let digits: String = rest.by_ref().take(3).collect();
                        text.push(char::from(u8::from_str_radix(&digits, 8).unwrap()));
                    }
                    literal @ ('\\' | '"' | '$') => text.push(literal),
                    other => panic!("an escape that compose does not know: {other:?}"),
                },
                '$' => panic!("a variable in {inner:?}"),
                other => text.push(other),
            }
        }
        text
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            values in proptest::collection::btree_map("[A-Z_][A-Z0-9_]{0,8}", "[^\\x00]{0,24}", 0..6),
        ) {
            let secrets = values.iter().map(|(name, own)| (name.clone(), Secret::new(own.as_str())));
            let file = render(&secrets.collect()).unwrap();
            for reader in [Reader::LooksBack, Reader::Counts] {
                prop_assert_eq!(&read(file.expose(), reader), &values);
            }
        }

        #[test]
        fn odd_characters_are_read_back(value in "['\"\\\\$#= \n\r\ta0{}]{0,12}") {
            let variables = [("X".to_owned(), Secret::new(value.as_str()))].into();
            let file = render(&variables).unwrap();
            for reader in [Reader::LooksBack, Reader::Counts] {
                prop_assert_eq!(&read(file.expose(), reader)["X"], &value);
            }
        }
    }
}
