//! Which command is the project's `manage.py`.

use beanpole_model::Environment;
use camino::Utf8Path;

use crate::failure::Failure;

/// The names of Python, the one of a virtual environment first.
const PYTHONS: [&str; 2] = ["python", "python3"];

/// A program with its first arguments. The arguments are never shown: they may set a password.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Manage {
    pub(super) program: String,
    pub(super) words: Vec<String>,
}

impl Manage {
    /// A command as a person writes it: words, quoted as in a shell. `place` is where it was written.
    pub(super) fn parse(text: &str, place: &str, directory: &Utf8Path) -> Result<Self, Failure> {
        let mut words = shlex::split(text).unwrap_or_default().into_iter();
        let Some(program) = words.next().filter(|program| !program.is_empty()) else {
            return Err(Failure::ManageWords {
                place: place.to_owned(),
            });
        };
        // What is no name on the search path begins where the command runs.
        let program = if program.contains('/') {
            directory.join(program).into_string()
        } else {
            program
        };
        Ok(Self {
            program,
            words: words.collect(),
        })
    }

    /// `python manage.py`, in the project's directory.
    pub(super) fn usual(directory: &Utf8Path, environment: &Environment) -> Result<Self, Failure> {
        if !directory.join("manage.py").is_file() {
            return Err(Failure::NoManagePy {
                directory: directory.to_owned(),
            });
        }
        let path = environment.get("PATH").unwrap_or_default();
        let is_there = |name: &&str| {
            std::env::split_paths(path).any(|directory| directory.join(name).is_file())
        };
        let python = PYTHONS.into_iter().find(is_there).unwrap_or("python3");
        Ok(Self {
            program: python.to_owned(),
            words: vec!["manage.py".to_owned()],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<(String, Vec<String>), String> {
        let manage = Manage::parse(text, "--manage", Utf8Path::new("/shop"));
        manage
            .map(|manage| (manage.program, manage.words))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_command_is_split_as_a_shell_would() {
        let (program, words) = parsed("docker compose run --rm 'my web' python manage.py").unwrap();
        assert_eq!(program, "docker");
        assert_eq!(
            words,
            ["compose", "run", "--rm", "my web", "python", "manage.py"]
        );
        assert_eq!(
            parsed(".venv/bin/python manage.py").unwrap().0,
            "/shop/.venv/bin/python"
        );
        assert_eq!(
            parsed("/usr/bin/python3 manage.py").unwrap().0,
            "/usr/bin/python3"
        );
        for odd in ["", "  ", "python 'manage.py", "'' manage.py"] {
            assert!(parsed(odd).unwrap_err().contains("--manage"), "{odd}");
        }
    }

    #[test]
    fn without_a_word_it_is_the_manage_py_of_the_project() {
        let directory = tempfile::tempdir().unwrap();
        let shop = Utf8Path::from_path(directory.path()).unwrap();
        let environment = |path: &str| [("PATH", path)].into_iter().collect::<Environment>();
        let usual = |path: &str| Manage::usual(shop, &environment(path));
        assert!(matches!(usual(""), Err(Failure::NoManagePy { .. })));
        fs_err::write(shop.join("manage.py"), "").unwrap();
        assert_eq!(usual("").unwrap().program, "python3");
        assert_eq!(usual("").unwrap().words, ["manage.py"]);
        fs_err::write(shop.join("python"), "").unwrap();
        let path = format!("/nowhere:{shop}");
        assert_eq!(usual(&path).unwrap().program, "python");
    }
}
