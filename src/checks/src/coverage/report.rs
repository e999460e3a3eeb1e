//! One report: which lines of which files can be executed, and which were.

use super::lines::Parts;

/// The largest report that is read, in bytes. 26,000 lines make 1 MB of XML.
const LARGEST: usize = 128 * 1024 * 1024;

/// A report that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// By the path as the report writes it.
    pub(super) files: Parts,
    /// The directories to which paths are relative, if the report names them.
    pub(super) roots: Vec<String>,
}

/// Why a report could not be read, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) why: String,
    pub(super) remedy: String,
}

impl Unreadable {
    pub(super) fn damaged(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            remedy: "write the report anew: `coverage json`, `coverage xml` or `coverage lcov`"
                .to_owned(),
        }
    }
}

/// Refuses what is too large for the memory.
pub(super) fn check_size(bytes: &[u8]) -> Result<(), Unreadable> {
    if bytes.len() > LARGEST {
        return Err(Unreadable::damaged(format!(
            "it has {} bytes; up to {LARGEST} are read",
            bytes.len()
        )));
    }
    Ok(())
}

/// Reads a report of any kind; its first bytes say which it is.
pub(super) fn read(bytes: &[u8]) -> Result<Report, Unreadable> {
    check_size(bytes)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Unreadable::damaged(format!("byte {} is not UTF-8", error.valid_up_to()))
    })?;
    match text.trim_start().as_bytes().first() {
        None => Err(Unreadable::damaged("it is empty")),
        Some(b'{') => super::json::read(text),
        Some(b'<') => super::xml::read(text),
        Some(_) if text.lines().any(|line| line.starts_with("SF:")) => super::lcov::read(text),
        Some(_) => Err(Unreadable {
            why: "it is neither coverage.py's JSON or database nor Cobertura XML nor LCOV"
                .to_owned(),
            remedy: "give the output of `coverage json`, `coverage xml` or `coverage lcov`"
                .to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_report_is_said() {
        for (bytes, part) in [
            (b"".as_slice(), "empty"),
            (b"   \n", "empty"),
            (b"Name Stmts Miss", "neither"),
            (b"\xff\xfe<", "UTF-8"),
        ] {
            let error = read(bytes).unwrap_err();
            assert!(error.why.contains(part), "{error:?}");
        }
    }
}
