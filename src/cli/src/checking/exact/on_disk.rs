//! What Django would read is compared with what is judged: Django reads the disk, and checks judge the index or a commit.

use beanpole_checks::SourceTree;
use beanpole_checks::migrations::{NewMigration, NotMade};
use camino::Utf8Path;

/// Why Django cannot be asked for this migration, if it cannot.
pub(super) fn refuse(
    migration: &NewMigration,
    judged: &SourceTree,
    directory: &Utf8Path,
) -> Option<NotMade> {
    let id = &migration.id;
    if [&id.app, &id.name].iter().any(|name| name.starts_with('-')) {
        return Some(NotMade {
            why: "a name that begins with `-` cannot be given to `sqlmigrate`".to_owned(),
            remedy: "give it another name".to_owned(),
        });
    }
    migration.files.iter().find_map(|path| {
        let found = fs_err::read(directory.join(path)).ok();
        let what = match (found, judged.get(path)) {
            (None, _) => "is not on disk, where Django would read it",
            (Some(found), Some(judged)) if is_same(&found, judged) => return None,
            (Some(_), _) => "is another one on disk, where Django would read it",
        };
        let which = if *path == id.path {
            "it".to_owned()
        } else {
            format!("`{path}`, which it imports,")
        };
        Some(NotMade {
            why: format!("{which} {what}"),
            remedy: "check out the commit that is judged, or put aside what is not in it with \
                     `git stash --keep-index --include-untracked`"
                .to_owned(),
        })
    })
}

/// Whether both are the same but for the ends of lines, which git may change on the way.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one == other || lines(one).eq(lines(other))
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use beanpole_checks::migrations::MigrationId;

    const PATH: &str = "shop/migrations/0002_change.py";

    fn refused(app: &str, judged: &[(&str, &str)], disk: &[(&str, &str)]) -> Option<String> {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        for (path, text) in disk {
            let path = root.join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        let migration = NewMigration {
            id: MigrationId {
                app: app.to_owned(),
                name: "0002_change".to_owned(),
                path: PATH.to_owned(),
            },
            files: judged.iter().map(|(path, _)| (*path).to_owned()).collect(),
        };
        let judged: SourceTree = judged.iter().copied().collect();
        refuse(&migration, &judged, root).map(|one| one.why)
    }

    #[test]
    fn only_what_is_judged_is_given_to_django() {
        let judged = [(PATH, "a = 1\nb = 2\n")];
        assert_eq!(refused("shop", &judged, &judged), None);
        assert_eq!(
            refused("shop", &judged, &[(PATH, "a = 1\r\nb = 2\r\n")]),
            None
        );
        assert!(
            refused("shop", &judged, &[(PATH, "a = 1\n")])
                .unwrap()
                .starts_with("it is another")
        );
        assert!(
            refused("shop", &judged, &[])
                .unwrap()
                .starts_with("it is not on disk")
        );
        assert!(
            refused("-shop", &judged, &judged)
                .unwrap()
                .contains("begins with")
        );
    }

    #[test]
    fn what_it_imports_has_to_be_the_judged_one_as_well() {
        let judged = [
            (PATH, "import shop.helpers\n"),
            ("shop/helpers.py", "x = 1\n"),
        ];
        assert_eq!(refused("shop", &judged, &judged), None);
        let disk = [
            (PATH, "import shop.helpers\n"),
            ("shop/helpers.py", "x = 2\n"),
        ];
        assert_eq!(
            refused("shop", &judged, &disk).unwrap(),
            "`shop/helpers.py`, which it imports, is another one on disk, where Django would read it"
        );
    }
}
