//! The migrations between two commits, read from git and handed to the rules.
//!
//! Rules: the commits are read, never the working tree. A file that both commits have is read once. Two commits between which
//! no migration was added, changed, moved or removed need no reading at all.

use std::collections::HashMap;

use beanpole_checks::migrations::{
    MigrationReview, Review, RollbackReview, Settings, is_near, may_define, review, review_rollback,
};
use beanpole_checks::{LARGEST_FILE, SourceTree};
use beanpole_git::{BlobReader, CommitId, Mode, Repository};
use camino::Utf8Path;

use crate::error::Error;

/// Judges the migrations that `next` has and `serving` has not, with the code of `serving` still at work. `under` is the
/// project's directory: absolute, or relative to the repository's root. Without a serving commit nothing serves yet, and the
/// database is taken as empty.
///
/// # Errors
/// What went wrong with git; among it a commit that a shallow clone does not have.
pub fn review_release(
    repository: &Repository,
    serving: Option<&CommitId>,
    next: &CommitId,
    under: &Utf8Path,
    settings: &Settings,
) -> Result<MigrationReview, Error> {
    let mut reader = TreeReader::new(repository, under)?;
    if let Some(serving) = serving
        && !reader.moves_migrations(serving, next, settings)?
    {
        return Ok(MigrationReview::default());
    }
    let base = serving.map(|commit| reader.read(commit)).transpose()?;
    let head = reader.read(next)?;
    Ok(review(&Review {
        base: base.as_ref(),
        head: &head,
        settings,
    }))
}

/// Judges whether the code of `target` can live with the database that the migrations of `current` have made.
///
/// # Errors
/// As [`review_release`].
pub fn review_way_back(
    repository: &Repository,
    current: &CommitId,
    target: &CommitId,
    under: &Utf8Path,
    settings: &Settings,
) -> Result<RollbackReview, Error> {
    let mut reader = TreeReader::new(repository, under)?;
    if !reader.moves_migrations(current, target, settings)? {
        return Ok(RollbackReview::default());
    }
    let (current, target) = (reader.read(current)?, reader.read(target)?);
    Ok(review_rollback(&current, &target, settings))
}

struct TreeReader<'r> {
    repository: &'r Repository,
    under: &'r Utf8Path,
    blobs: BlobReader,
    /// Contents by the id of their blob.
    known: HashMap<String, Vec<u8>>,
}

impl<'r> TreeReader<'r> {
    fn new(repository: &'r Repository, under: &'r Utf8Path) -> Result<Self, Error> {
        Ok(Self {
            repository,
            under,
            blobs: repository.read_blobs().map_err(Error::Git)?,
            known: HashMap::new(),
        })
    }

    /// Whether something between two commits can change which migrations there are: a file in a package of migrations, one
    /// that defines a migration somewhere else, or an `apps.py`, which may name the app anew.
    fn moves_migrations(
        &mut self,
        one: &CommitId,
        other: &CommitId,
        settings: &Settings,
    ) -> Result<bool, Error> {
        let differences = self
            .repository
            .differences(one, other, self.under)
            .map_err(Error::Git)?;
        for difference in differences {
            if difference.path.extension() != Some("py") {
                continue;
            }
            if is_near(difference.path.as_str(), settings) {
                return Ok(true);
            }
            for object in [difference.before, difference.after].into_iter().flatten() {
                if may_define(&self.blob(&object)?) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The Python files of a commit. A directory that the commit does not have yet is empty.
    fn read(&mut self, commit: &CommitId) -> Result<SourceTree, Error> {
        let entries = match self.repository.files(commit, self.under) {
            Ok(entries) => entries,
            Err(beanpole_git::Error::PathMissing { .. }) => Vec::new(),
            Err(error) => return Err(Error::Git(error)),
        };
        let mut tree = SourceTree::new();
        for entry in entries {
            let is_file = matches!(entry.mode, Mode::File | Mode::Executable);
            if !is_file || entry.path.extension() != Some("py") {
                continue;
            }
            let content = match self.known.get(&entry.object) {
                Some(content) => content.clone(),
                None => {
                    let content = self.blob(&entry.object)?;
                    self.known.insert(entry.object.clone(), content.clone());
                    content
                }
            };
            tree.insert(entry.path.into_string(), content);
        }
        Ok(tree)
    }

    /// The content of a blob; of one that is too large to be judged as much as says so.
    fn blob(&mut self, object: &str) -> Result<Vec<u8>, Error> {
        let mut head = Head::default();
        self.blobs.copy(object, &mut head).map_err(Error::Git)?;
        Ok(head.bytes)
    }
}

/// Keeps the first bytes of what is written, one more than is judged.
#[derive(Default)]
struct Head {
    bytes: Vec<u8>,
}

impl std::io::Write for Head {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let room = (LARGEST_FILE + 1).saturating_sub(self.bytes.len());
        let kept = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.bytes.extend_from_slice(kept);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{review_release, review_way_back};
    use beanpole_checks::migrations::Settings;
    use beanpole_git::{CommitId, Repository};
    use beanpole_testkit::Sandbox;
    use camino::Utf8Path;

    const DROP: &str = r#"from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("posts", "0004_post_published_at")]
    operations = [migrations.RemoveField("post", "published_at")]
"#;

    fn head(sandbox: &Sandbox) -> CommitId {
        CommitId::new(sandbox.git(&["rev-parse", "HEAD"])).unwrap()
    }

    #[test]
    fn a_dropped_column_of_the_example_blocks_the_release_and_the_way_back() {
        let sandbox = Sandbox::blog();
        let before = head(&sandbox);
        sandbox.write("posts/migrations/0005_drop.py", DROP);
        sandbox.commit("feat: forget when");
        let after = head(&sandbox);
        let repository = Repository::discover(sandbox.project()).unwrap();
        let settings = Settings::default();
        let root = Utf8Path::new("");

        let same = review_release(&repository, Some(&before), &before, root, &settings).unwrap();
        assert!(
            same.added.is_empty() && same.findings.is_empty(),
            "{same:?}"
        );

        let found = review_release(&repository, Some(&before), &after, root, &settings).unwrap();
        assert_eq!(found.added[0].to_string(), "posts.0005_drop");
        assert!(found.blocked, "{found:?}");
        assert_eq!(found.findings[0].rule, "drop-column");

        let back = review_way_back(&repository, &after, &before, root, &settings).unwrap();
        assert_eq!(back.unknown_to_target.len(), 1);
        assert_eq!(back.breaking[0].rule, "drop-column");

        // What has nothing to do with migrations is not read, and a migration in another place is.
        sandbox.write("posts/new.py", "print('hello')\n");
        sandbox.commit("feat: a module");
        let module = head(&sandbox);
        let found = review_release(&repository, Some(&after), &module, root, &settings).unwrap();
        assert_eq!(
            found,
            beanpole_checks::migrations::MigrationReview::default()
        );
        let mut reader = super::TreeReader::new(&repository, root).unwrap();
        assert!(!reader.moves_migrations(&after, &module, &settings).unwrap());
        assert!(
            reader
                .moves_migrations(&before, &module, &settings)
                .unwrap()
        );
        sandbox.write("posts/changes/0001_x.py", DROP);
        sandbox.commit("feat: migrations elsewhere");
        let elsewhere = head(&sandbox);
        assert!(
            reader
                .moves_migrations(&module, &elsewhere, &settings)
                .unwrap()
        );

        let first = review_release(&repository, None, &after, root, &settings).unwrap();
        assert_eq!(first.added.len(), 5);
        assert!(!first.blocked, "{first:?}");
    }
}
