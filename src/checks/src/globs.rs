//! Lists of path patterns, as settings give them.

use std::sync::OnceLock;

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

/// Patterns over paths from the project's root. `*` stays in its directory, `**` does not; a pattern without `/` fits a
/// file name in any directory, as in `.gitignore`.
pub(crate) struct Globs {
    globs: Vec<Glob>,
    /// All of them in one, made when a path is first asked for: that takes longer than all else in a small commit.
    set: OnceLock<Option<GlobSet>>,
    /// Patterns that are not valid, with the reason.
    pub(crate) invalid: Vec<(String, String)>,
}

impl Globs {
    /// Reads the patterns. One that is not valid matches nothing and is kept in `invalid`.
    pub(crate) fn new<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Self {
        let mut globs = Vec::new();
        let mut invalid = Vec::new();
        for pattern in patterns {
            let pattern = pattern.as_ref();
            let whole = if pattern.contains('/') {
                pattern.trim_start_matches('/').to_owned()
            } else {
                format!("**/{pattern}")
            };
            match GlobBuilder::new(&whole).literal_separator(true).build() {
                Ok(glob) => globs.push(glob),
                Err(error) => invalid.push((pattern.to_owned(), error.kind().to_string())),
            }
        }
        Self {
            globs,
            set: OnceLock::new(),
            invalid,
        }
    }

    /// Whether one of the patterns fits.
    pub(crate) fn fits(&self, path: &str) -> bool {
        if self.globs.is_empty() {
            return false;
        }
        let set = self.set.get_or_init(|| {
            let mut builder = GlobSetBuilder::new();
            for glob in &self.globs {
                builder.add(glob.clone());
            }
            builder.build().ok()
        });
        match set {
            Some(set) => set.is_match(path),
            // Together they are too large: one by one.
            None => (self.globs.iter()).any(|glob| glob.compile_matcher().is_match(path)),
        }
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
