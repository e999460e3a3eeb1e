//! `dockerignore-missing`, `dockerignore-incomplete`: what a build copies besides the code.

use crate::docker::dockerfile::Instruction;
use crate::docker::ignore::IgnoreFile;
use crate::docker::project::{Image, Project, sources};
use crate::findings::Report;
use crate::paths::inside;
use crate::report::Said;
use crate::source::Place;
use crate::{Group, Rule};
use beanpole_model::Severity;

/// After Docker's "Building best practices", Exclude with .dockerignore.
pub(in crate::docker) const MISSING: Rule = Rule {
    id: "dockerignore-missing",
    group: Group::Docker,
    severity: Severity::Warning,
    summary: "a Dockerfile copies the whole context, and no .dockerignore limits it",
};

/// After Docker's "Building best practices", Exclude with .dockerignore.
pub(in crate::docker) const INCOMPLETE: Rule = Rule {
    id: "dockerignore-incomplete",
    group: Group::Docker,
    severity: Severity::Warning,
    summary: "the .dockerignore lets .git or .env into the image",
};

/// What must never be in an image. A developer's `.env` is not in git, so that it is not seen here does not mean that it
/// is not there.
const PRIVATE: [&str; 2] = [".git", ".env"];

pub(super) fn check(project: &Project<'_>, image: &Image<'_>, report: &mut Report<'_>) {
    let Some(copy) = image.file.instructions.iter().find(|one| copies_all(one)) else {
        return;
    };
    // BuildKit prefers the file that is named after the Dockerfile.
    let own = format!("{}.dockerignore", image.path);
    let common = inside(&image.context, ".dockerignore").unwrap_or_default();
    let found = [own, common].into_iter().find_map(|path| {
        let bytes = project.scope.tree.get(&path)?;
        Some((path, IgnoreFile::read(&String::from_utf8_lossy(bytes))))
    });
    let Some((path, ignore)) = found else {
        missing(project, image, copy, report);
        return;
    };
    let let_in: Vec<&str> = PRIVATE
        .into_iter()
        .filter(|name| !ignore.leaves_out(name))
        .collect();
    if let_in.is_empty() {
        return;
    }
    let shown = let_in.join("` and `");
    let said = Said {
        message: format!(
            "`{path}` lets `{shown}` into the image, which `{}` copies whole",
            image.path
        ),
        reason: "the history holds what was ever committed, and `.env` holds secrets; whoever can pull the image can read both",
        remedy: format!("add to {path}: {}", PRIVATE.join(" and ")),
    };
    // The COPY may be new, or a line of the ignore file.
    if report.touches(image.path, copy.place) {
        report.always(&INCOMPLETE, image.path, copy.place, said);
    } else {
        let whole = Place::START.until(u32::MAX);
        report.missing(&INCOMPLETE, &path, whole, said);
    }
}

fn missing(project: &Project<'_>, image: &Image<'_>, copy: &Instruction, report: &mut Report<'_>) {
    let path = inside(&image.context, ".dockerignore").unwrap_or_default();
    // A file that was deleted or renamed by this change leaves the Dockerfile as it was.
    let went = report.changed(&path)
        || project.scope.changes.iter().any(
            |change| matches!(&change.kind, crate::ChangeKind::Renamed { from } if *from == path),
        );
    if !went && !report.touches(image.path, copy.place) {
        return;
    }
    report.always(
        &MISSING,
        image.path,
        copy.place,
        Said {
            message: format!("copies the whole context, and there is no {path}"),
            reason: "`.git`, `.env` and everything else that lies around is sent to the builder and ends up in the image",
            remedy: format!("write {path} with at least: .git and .env"),
        },
    );
}

/// Whether COPY or ADD takes the whole context.
fn copies_all(instruction: &Instruction) -> bool {
    sources(instruction)
        .iter()
        .any(|source| matches!(source.trim_end_matches('/'), "." | "" | "*" | "./*"))
}

#[cfg(test)]
mod tests {
    use crate::docker::testing::Case;

    fn case(copy: &str) -> Case {
        Case::new().file("Dockerfile", format!("FROM a:1\n{copy}\nUSER app\n"))
    }

    #[test]
    fn a_missing_file_is_found() {
        for copy in [
            "COPY . .",
            "COPY --chown=app:app ./ /app/",
            "ADD . /app",
            "COPY [\".\", \"/app\"]",
        ] {
            assert_eq!(
                case(copy).warnings(),
                ["Dockerfile:2:1 dockerignore-missing"],
                "{copy}"
            );
        }
        for copy in [
            "COPY --from=build . .",
            "COPY requirements.txt .",
            "COPY src/ src/",
        ] {
            assert!(case(copy).all().is_empty(), "{copy}");
        }
    }

    #[test]
    fn what_is_let_in_is_found() {
        for (ignore, ok) in [
            (".git\n.env\n", true),
            ("*\n!src\n", true),
            ("**/.git\n**/.env*\n", true),
            (".git\n", false),
            ("node_modules\n", false),
            (".git\n.env\n!.env\n", false),
        ] {
            let case = case("COPY . .").file(".dockerignore", ignore);
            assert_eq!(case.all().is_empty(), ok, "{ignore:?}");
            if !ok {
                assert_eq!(case.rules(), ["dockerignore-incomplete"]);
                // A change of the ignore file is judged where it was made.
                let changed = case.changed(".dockerignore", &[(1, 1)]);
                assert_eq!(
                    changed.warnings(),
                    [".dockerignore:1:1 dockerignore-incomplete"]
                );
            }
        }
    }

    #[test]
    fn the_file_of_the_dockerfile_counts_first() {
        let case = case("COPY . .")
            .file(".dockerignore", "")
            .file("Dockerfile.dockerignore", ".git\n.env\n");
        assert!(case.all().is_empty());
    }

    #[test]
    fn a_deletion_is_judged() {
        let case = case("COPY . .");
        assert!(
            case.clone()
                .changed("Dockerfile", &[(1, 1)])
                .all()
                .is_empty()
        );
        assert_eq!(
            case.changed(".dockerignore", &[]).rules(),
            ["dockerignore-missing"]
        );
    }
}
