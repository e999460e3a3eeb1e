//! The components of a health page.

use std::fmt;

use serde::Serialize;

use crate::result::optional_seconds;

/// One component of a health page: the database, the cache, the disk.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Component {
    /// Its name, without the name of the host that answered.
    pub name: String,
    /// The host that answered, where the page names it. Behind a load balancer it changes.
    pub host: Option<String>,
    /// True if it works.
    pub ok: bool,
    /// What the page says about it, several messages joined by `; `.
    pub message: String,
    /// How long its check took, where the page says so.
    #[serde(serialize_with = "optional_seconds", rename = "seconds")]
    pub elapsed: Option<std::time::Duration>,
}

impl fmt::Display for Component {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.name, self.message)?;
        if let Some(elapsed) = self.elapsed {
            write!(formatter, " ({:.3} s)", elapsed.as_secs_f64())?;
        }
        Ok(())
    }
}

/// Words that stand for "it works", in lower case: `working` up to 3.20, `OK` since.
const WORKING: [&str; 2] = ["working", "ok"];
/// How messages of failing components begin, in lower case.
const FAILING: [&str; 4] = [
    "unavailable",
    "warning",
    "unexpected result",
    "unknown error",
];

/// True if a message says that the component works. `good_status` is the verdict of the whole page:
/// it decides about words in a language that we do not know.
pub(crate) fn is_working(message: &str, good_status: bool) -> bool {
    let message = message.trim().to_lowercase();
    if WORKING.contains(&message.as_str()) {
        return true;
    }
    good_status
        && !message.contains('\n')
        && !FAILING
            .iter()
            .any(|beginning| message.starts_with(beginning))
}

/// The messages of one component in one line.
pub(crate) fn one_line(message: &str) -> String {
    message
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("; ")
}

/// Takes the host name out of a Python repr: `Disk(path='/', hostname='vm')` is `Disk(path='/')` on
/// `vm`. Everything else stays as it is.
pub(crate) fn split_host(name: &str) -> (String, Option<String>) {
    let name = name.trim();
    let whole = || (name.to_owned(), None);
    let Some((class, arguments)) = name.strip_suffix(')').and_then(|name| name.split_once('('))
    else {
        return whole();
    };
    let Some(arguments) = split_arguments(arguments) else {
        return whole();
    };
    let mut host = None;
    let mut kept = Vec::new();
    for argument in arguments {
        match argument.strip_prefix("hostname=") {
            Some(value) if host.is_none() => {
                host = Some(value.trim_matches(['\'', '"']).to_owned());
            }
            _ => kept.push(argument),
        }
    }
    match host {
        None => whole(),
        Some(host) if kept.is_empty() => (class.to_owned(), Some(host)),
        Some(host) => (format!("{class}({})", kept.join(", ")), Some(host)),
    }
}

/// Splits `a='x, y', b=[1, 2]` at the commas that stand outside of quotes and brackets. `None` if
/// quotes or brackets do not match.
fn split_arguments(text: &str) -> Option<Vec<&str>> {
    let mut arguments = Vec::new();
    let mut quote = None;
    let mut depth = 0_u32;
    let mut escaped = false;
    let mut start = 0;
    for (index, character) in text.char_indices() {
        if let Some(mark) = quote {
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                other if other == mark => quote = None,
                _ => {}
            }
            continue;
        }
        match character {
            '\'' | '"' => quote = Some(character),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => {
                arguments.push(text.get(start..index)?.trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    arguments.push(text.get(start..)?.trim());
    (quote.is_none() && depth == 0).then_some(arguments)
}

/// Adds the times of the HTML answer to the components of the JSON answer, by name and host. The
/// verdicts stay those of the JSON answer: the HTML one is a second run of the checks.
pub(crate) fn add_times(components: &mut [Component], timed: &[Component]) {
    for component in components {
        let same_name = || timed.iter().filter(|other| other.name == component.name);
        component.elapsed = same_name()
            .find(|other| other.host == component.host)
            .or_else(|| same_name().next())
            .and_then(|other| other.elapsed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_host_is_taken_out_of_names() {
        for (name, expected, host) in [
            ("DatabaseBackend", "DatabaseBackend", None),
            ("Cache backend: default", "Cache backend: default", None),
            ("Cache(alias='default')", "Cache(alias='default')", None),
            (
                "Disk(path='/app', hostname='vm')",
                "Disk(path='/app')",
                Some("vm"),
            ),
            (
                "Disk(hostname='vm', path='/a, b')",
                "Disk(path='/a, b')",
                Some("vm"),
            ),
            ("Memory(hostname='vm')", "Memory", Some("vm")),
            (
                "DNS(nameservers=['1.1.1.1', '8.8.8.8'], hostname=\"h\")",
                "DNS(nameservers=['1.1.1.1', '8.8.8.8'])",
                Some("h"),
            ),
            (
                "Odd(a='it\\'s, x', hostname='vm')",
                "Odd(a='it\\'s, x')",
                Some("vm"),
            ),
            (
                "Broken(a='x, hostname='vm')",
                "Broken(a='x, hostname='vm')",
                None,
            ),
            ("(", "(", None),
        ] {
            assert_eq!(
                split_host(name),
                (expected.to_owned(), host.map(str::to_owned)),
                "{name}"
            );
        }
    }

    #[test]
    fn known_words_decide_and_the_status_decides_about_the_rest() {
        for message in ["working", "OK", " ok "] {
            assert!(is_working(message, false), "{message}");
        }
        for message in [
            "unavailable: no",
            "Warning: disk",
            "Unexpected Result: x",
            "Unknown Error: unknown error",
            "warning: a\nunavailable: b",
        ] {
            assert!(!is_working(message, true), "{message}");
        }
        assert!(is_working("funktioniert", true));
        assert!(!is_working("funktioniert", false));
    }

    #[test]
    fn times_are_found_by_name_and_host() {
        let component = |name: &str, host: Option<&str>, seconds: Option<u64>| Component {
            name: name.to_owned(),
            host: host.map(str::to_owned),
            ok: true,
            message: "OK".to_owned(),
            elapsed: seconds.map(std::time::Duration::from_secs),
        };
        let mut components = [
            component("Disk", Some("b"), None),
            component("Mail", None, None),
        ];
        let timed = [
            component("Disk", Some("a"), Some(1)),
            component("Disk", Some("b"), Some(2)),
        ];
        add_times(&mut components, &timed);
        assert_eq!(components[0].elapsed.unwrap().as_secs(), 2);
        assert_eq!(components[1].elapsed, None);
    }

    proptest! {
        #[test]
        fn never_panics(name in "\\PC{0,60}", message in "(?s).{0,60}") {
            let _ = (split_host(&name), is_working(&message, true), one_line(&message));
        }

        #[test]
        fn names_that_look_like_reprs_never_panic(name in "[A-C(){}\\[\\]'\",= \\\\h\u{e9}]{0,40}") {
            let _ = split_host(&name);
        }
    }
}
