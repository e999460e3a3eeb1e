//! Paths of reports to paths of the project: reports come from other checkouts, containers and Windows.

use std::collections::{BTreeMap, HashMap};

/// How many directories of a path are looked at, from its end.
const DEEPEST: usize = 64;

/// The project's paths by their endings.
pub(super) struct ProjectPaths<'p> {
    /// Every ending of every path; none where several paths have it.
    endings: HashMap<&'p str, Option<&'p str>>,
    /// Endings that are whole paths.
    whole: HashMap<&'p str, ()>,
    replaced: &'p BTreeMap<String, String>,
}

impl<'p> ProjectPaths<'p> {
    /// `replaced`: beginnings of paths in reports, with what stands there in the project.
    pub(super) fn new(
        paths: impl Iterator<Item = &'p str>,
        replaced: &'p BTreeMap<String, String>,
    ) -> Self {
        let mut made = Self {
            endings: HashMap::new(),
            whole: HashMap::new(),
            replaced,
        };
        for path in paths {
            made.whole.insert(path, ());
            for ending in endings(path) {
                made.endings
                    .entry(ending)
                    .and_modify(|known| *known = None)
                    .or_insert(Some(path));
            }
        }
        made
    }

    /// The project's path for one of a report with those roots.
    pub(super) fn find(&self, raw: &str, roots: &[String]) -> Option<&'p str> {
        let (raw, is_absolute) = plain(raw);
        if let Some(path) = self.replace(&raw) {
            return self
                .whole
                .get_key_value(path.as_str())
                .map(|(path, ())| *path);
        }
        if is_absolute {
            return self.by_ending(&raw);
        }
        let under_root = roots
            .iter()
            .filter_map(|root| {
                let (root, _) = plain(root);
                let joined = format!("{}/{raw}", root.trim_end_matches('/'));
                match self.replace(&joined) {
                    Some(path) => self
                        .whole
                        .get_key_value(path.as_str())
                        .map(|(path, ())| *path),
                    None => self.by_whole(&joined),
                }
            })
            .max_by_key(|path| path.len());
        under_root
            .or_else(|| {
                self.whole
                    .get_key_value(raw.as_str())
                    .map(|(path, ())| *path)
            })
            .or_else(|| self.endings.get(raw.as_str()).copied().flatten())
    }

    fn replace(&self, path: &str) -> Option<String> {
        self.replaced
            .iter()
            .filter(|(from, _)| path.starts_with(from.as_str()))
            .max_by_key(|(from, _)| from.len())
            .and_then(|(from, to)| Some(format!("{to}{}", path.strip_prefix(from.as_str())?)))
    }

    /// The longest whole path of the project that the path ends with.
    fn by_whole(&self, path: &str) -> Option<&'p str> {
        endings(path)
            .rev()
            .find_map(|ending| self.whole.get_key_value(ending))
            .map(|(path, ())| *path)
    }

    /// The path of another checkout: the longest ending that one path of the project has, and no other. A file name alone says
    /// nothing, unless it is the project's whole path.
    fn by_ending(&self, path: &str) -> Option<&'p str> {
        if is_installed(path) {
            return None;
        }
        for ending in endings(path).rev() {
            if let Some((whole, ())) = self.whole.get_key_value(ending) {
                return Some(whole);
            }
            match self.endings.get(ending) {
                Some(Some(found)) if ending.contains('/') => return Some(found),
                Some(_) => return None,
                None => {}
            }
        }
        None
    }
}

/// Whether it lies among installed packages, whose `shop/models.py` is not the project's.
fn is_installed(path: &str) -> bool {
    path.contains("/site-packages/")
        || path.contains("/dist-packages/")
        || path.contains("/lib/python")
}

/// The endings of a path that begin behind a `/`, and the path itself: shortest first.
fn endings(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    let mut starts: Vec<usize> = path
        .rmatch_indices('/')
        .map(|(at, _)| at + 1)
        .take(DEEPEST)
        .collect();
    if starts.len() < DEEPEST {
        starts.push(0);
    }
    starts
        .into_iter()
        .filter_map(|start| path.get(start..))
        .filter(|ending| !ending.is_empty())
}

/// The path with `/` between directories, without drive, `.` and `..`; and whether it was absolute.
fn plain(raw: &str) -> (String, bool) {
    let slashes = raw.replace('\\', "/");
    let without_drive = match slashes.as_bytes() {
        [drive, b':', ..] if drive.is_ascii_alphabetic() => slashes.get(2..).unwrap_or_default(),
        _ => &slashes,
    };
    let is_absolute = without_drive.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in without_drive.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    let joined = parts.join("/");
    (
        if is_absolute {
            format!("/{joined}")
        } else {
            joined
        },
        is_absolute,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: [&str; 7] = [
        "manage.py",
        "backend/shop/models.py",
        "backend/shop/views.py",
        "backend/blog/models.py",
        "shop/models.py",
        "tools/run.py",
        "models.py",
    ];

    fn find(raw: &str, roots: &[&str]) -> Option<String> {
        let roots: Vec<String> = roots.iter().map(|root| (*root).to_owned()).collect();
        let replaced = BTreeMap::from([("/srv/code/".to_owned(), "backend/".to_owned())]);
        ProjectPaths::new(PROJECT.into_iter(), &replaced)
            .find(raw, &roots)
            .map(str::to_owned)
    }

    #[test]
    fn relative_paths_follow_their_roots() {
        assert_eq!(find("shop/models.py", &[]).unwrap(), "shop/models.py");
        assert_eq!(find("./shop/models.py", &[]).unwrap(), "shop/models.py");
        assert_eq!(
            find("shop/models.py", &["/home/a/proj/backend"]).unwrap(),
            "backend/shop/models.py"
        );
        assert_eq!(
            find("models.py", &["/other", "/ci/backend/blog/"]).unwrap(),
            "backend/blog/models.py"
        );
        assert_eq!(
            find("shop/views.py", &["/app"]).unwrap(),
            "backend/shop/views.py"
        );
    }

    #[test]
    fn absolute_paths_of_another_checkout_are_found_by_their_ending() {
        assert_eq!(
            find("/home/runner/work/p/p/backend/shop/views.py", &[]).unwrap(),
            "backend/shop/views.py"
        );
        assert_eq!(
            find("/app/shop/views.py", &[]).unwrap(),
            "backend/shop/views.py"
        );
        assert_eq!(find("/app/manage.py", &[]).unwrap(), "manage.py");
    }

    #[test]
    fn windows_paths_are_paths() {
        assert_eq!(
            find("D:\\a\\p\\backend\\blog\\models.py", &[]).unwrap(),
            "backend/blog/models.py"
        );
        assert_eq!(
            find("shop\\views.py", &["C:\\p\\backend"]).unwrap(),
            "backend/shop/views.py"
        );
    }

    #[test]
    fn a_setting_replaces_the_beginning() {
        assert_eq!(
            find("/srv/code/shop/models.py", &[]).unwrap(),
            "backend/shop/models.py"
        );
        assert_eq!(find("/srv/code/gone.py", &[]), None);
    }

    #[test]
    fn what_is_not_the_projects_is_not_found() {
        assert_eq!(
            find("/usr/lib/python3.12/site-packages/shop/models.py", &[]),
            None
        );
        assert_eq!(
            find("/elsewhere/run.py", &[]),
            None,
            "a file name alone says nothing"
        );
        assert_eq!(find("gone/views.py", &[]), None);
        assert_eq!(find("", &[]), None);
        assert_eq!(find("/", &["/"]), None);
    }
}
