//! Where the symbolic links of a bundle lead. Pure.
//!
//! Rules: a link is followed as the kernel does, through other links, inside the bundle alone. What
//! the working tree or this machine has does not count: on an instance there is only the bundle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How many links one path may lead through (Linux, `path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// Where a link leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// To a file or directory of the bundle.
    Inside,
    /// Out of the bundle.
    Outside,
    /// To nothing.
    Nowhere,
    /// Back to itself.
    Circle,
}

/// The paths of a bundle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paths<'a> {
    files: BTreeSet<&'a str>,
    directories: BTreeSet<&'a str>,
    links: BTreeMap<&'a str, &'a str>,
}

impl<'a> Paths<'a> {
    /// `files` are all paths, those of links included; `links` are the links with their targets.
    pub(crate) fn new(
        files: impl IntoIterator<Item = &'a str>,
        links: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut paths = Self {
            links: links.into_iter().collect(),
            ..Self::default()
        };
        for file in files {
            let mut rest = file;
            while let Some((directory, _)) = rest.rsplit_once('/') {
                if !paths.directories.insert(directory) {
                    break;
                }
                rest = directory;
            }
            if !paths.links.contains_key(file) {
                paths.files.insert(file);
            }
        }
        paths
    }

    /// Where the link at `link` leads.
    pub(crate) fn destination(&self, link: &str) -> Destination {
        let mut place: Vec<&str> = link.split('/').collect();
        let Some(target) = self.links.get(link) else {
            return Destination::Inside;
        };
        place.pop();
        let mut rest: VecDeque<&str> = target.split('/').collect();
        let mut followed = 1;
        if target.starts_with('/') {
            return Destination::Outside;
        }
        while let Some(part) = rest.pop_front() {
            match part {
                "" | "." => continue,
                ".." => {
                    if place.pop().is_none() {
                        return Destination::Outside;
                    }
                    continue;
                }
                name => place.push(name),
            }
            let here = place.join("/");
            if let Some(target) = self.links.get(here.as_str()) {
                followed += 1;
                if followed > MOST_LINKS {
                    return Destination::Circle;
                }
                if target.starts_with('/') {
                    return Destination::Outside;
                }
                place.pop();
                for part in target.rsplit('/') {
                    rest.push_front(part);
                }
            } else if self.files.contains(here.as_str()) {
                // Only a directory has something below it, be it nothing but a slash.
                return if rest.is_empty() {
                    Destination::Inside
                } else {
                    Destination::Nowhere
                };
            } else if !self.directories.contains(here.as_str()) {
                return Destination::Nowhere;
            }
        }
        Destination::Inside
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn destination(target: &str) -> Destination {
        let links = [
            ("static/link", target),
            ("current", "static"),
            ("out", "../elsewhere"),
            ("one", "two"),
            ("two", "one"),
            ("absolute", "/var/log"),
        ];
        let files = [
            "logo.svg",
            "static/css/a.css",
            "static/link",
            "current",
            "out",
            "one",
            "two",
            "absolute",
        ];
        Paths::new(files, links).destination("static/link")
    }

    #[test]
    fn links_are_followed_as_on_an_instance() {
        for (target, expected) in [
            ("../logo.svg", Destination::Inside),
            ("css", Destination::Inside),
            ("./css/", Destination::Inside),
            ("../current/css/a.css", Destination::Inside),
            ("../current/../logo.svg", Destination::Inside),
            ("..", Destination::Inside),
            ("../..", Destination::Outside),
            ("../../blog/logo.svg", Destination::Outside),
            ("/etc/passwd", Destination::Outside),
            ("../out", Destination::Outside),
            ("../absolute/nginx", Destination::Outside),
            ("../gone.svg", Destination::Nowhere),
            ("../logo.svg/..", Destination::Nowhere),
            ("../logo.svg/", Destination::Nowhere),
            ("gone/../css", Destination::Nowhere),
            ("link", Destination::Circle),
            ("../one", Destination::Circle),
        ] {
            assert_eq!(destination(target), expected, "{target}");
        }
    }

    proptest! {
        #[test]
        fn ends_for_any_target(target in "[a-z./]{0,30}") {
            let _ = destination(&target);
        }
    }
}
