//! Lists of path patterns, as settings give them.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// Patterns over paths from the project's root. `*` stays in its directory, `**` does not; a pattern without `/` fits a
/// file name in any directory, as in `.gitignore`.
pub(crate) struct Globs {
    set: GlobSet,
    /// Patterns that are not valid, with the reason.
    pub(crate) invalid: Vec<(String, String)>,
}

impl Globs {
    /// Reads the patterns. One that is not valid matches nothing and is kept in `invalid`.
    pub(crate) fn new<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Self {
        let mut builder = GlobSetBuilder::new();
        let mut invalid = Vec::new();
        for pattern in patterns {
            let pattern = pattern.as_ref();
            let whole = if pattern.contains('/') {
                pattern.trim_start_matches('/').to_owned()
            } else {
                format!("**/{pattern}")
            };
            match GlobBuilder::new(&whole).literal_separator(true).build() {
                Ok(glob) => {
                    builder.add(glob);
                }
                Err(error) => invalid.push((pattern.to_owned(), error.kind().to_string())),
            }
        }
        let set = builder.build().unwrap_or_else(|error| {
            invalid.push(("all patterns together".to_owned(), error.to_string()));
            GlobSet::empty()
        });
        Self { set, invalid }
    }

    /// Whether one of the patterns fits.
    pub(crate) fn fits(&self, path: &str) -> bool {
        self.set.is_match(path)
    }
}

#[cfg(test)]
mod tests {
    use super::Globs;

    #[test]
    fn a_star_stays_in_its_directory_and_a_bare_name_fits_anywhere() {
        let globs = Globs::new(["shop/*.py", "**/migrations/**", "*.lock"]);
        assert!(globs.fits("shop/models.py") && !globs.fits("shop/api/views.py"));
        assert!(globs.fits("migrations/0001.py") && globs.fits("shop/migrations/a/b.py"));
        assert!(globs.fits("uv.lock") && globs.fits("a/b/poetry.lock"));
    }

    #[test]
    fn a_pattern_that_is_not_valid_is_kept() {
        let globs = Globs::new(["a[", "b"]);
        assert_eq!(globs.invalid.len(), 1);
        assert!(globs.fits("b"));
    }
}
