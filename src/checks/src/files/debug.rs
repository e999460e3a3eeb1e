//! `debug-statement`: a breakpoint, a debugger, or what else was written to look inside.

use super::Settings;
use crate::python::{Span, Uses};
use crate::report::finding;
use crate::{Group, Rule};
use beanpole_model::{Finding, Location, Severity};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const RULE: Rule = Rule {
    id: "debug-statement",
    group: Group::Files,
    severity: Severity::Error,
    summary: "a breakpoint or another debugging aid is left in the code",
};

/// Modules that only debugging needs.
const DEBUGGERS: [&str; 19] = [
    "IPython.embed",
    "bpdb",
    "celery.contrib.rdb",
    "icecream",
    "ipdb",
    "pdb",
    "pdbpp",
    "pdbr",
    "pudb",
    "pydevd",
    "pydevd_pycharm",
    "q",
    "rdb",
    "remote_pdb",
    "rpdb",
    "snoop",
    "trepan",
    "wdb",
    "web_pdb",
];

/// The debugging aids of a file, the first of each line.
pub(super) fn aids(
    path: &str,
    uses: &Uses,
    settings: &Settings,
    line: impl Fn(Span) -> u32,
) -> BTreeMap<u32, (Span, String)> {
    let mut aids = BTreeMap::new();
    let mut add = |span: Span, what: String| {
        aids.entry(line(span)).or_insert((span, what));
    };
    // A command that opens a console does so on purpose, for the person who called it.
    let is_command = path.contains("management/commands/");
    let mut bound: BTreeSet<&str> = BTreeSet::new();
    for import in uses.imports.iter().filter(|import| !import.is_relative) {
        let whole = match &import.name {
            Some(name) => format!("{}.{name}", import.module),
            None => import.module.clone(),
        };
        if is_debugger(&whole, settings) {
            bound.insert(&import.bound);
            add(import.span, format!("the import of `{whole}`"));
        }
    }
    for call in &uses.calls {
        let chain: Vec<&str> = call.chain.iter().map(String::as_str).collect();
        // A name counts only where it is imported: `q` is a debugger, and what many call their queries.
        let is_aid = match chain.as_slice() {
            ["breakpoint"] | [.., "set_trace"] => true,
            ["print"] => settings.print,
            ["code", "interact"] => !is_command,
            ["IPython", .., "embed"] => true,
            [first, ..] => bound.contains(first),
            [] => false,
        };
        if is_aid {
            add(call.span, format!("the call of `{}`", chain.join(".")));
        }
    }
    aids
}

/// Whether a comment of flake8 or ruff behind an aid says that it is meant to be there: `# noqa`, or with the number of its
/// rule. The text begins with the aid.
pub(super) fn is_marked(text: &[u8], what: &str) -> bool {
    let line = text.split(|byte| *byte == b'\n').next();
    let line = String::from_utf8_lossy(line.unwrap_or_default()).to_ascii_lowercase();
    let Some((_, mark)) = line.rsplit_once("# noqa") else {
        return false;
    };
    // flake8-debugger has T1.., flake8-print T2...
    let numbers = if is_print(what) { "t2" } else { "t1" };
    let Some(rules) = mark.strip_prefix(':') else {
        return true;
    };
    let mut rules = rules.split([',', ' ']);
    rules.any(|rule| rule.starts_with(numbers))
}

fn is_print(what: &str) -> bool {
    what == "the call of `print`"
}

fn is_debugger(module: &str, settings: &Settings) -> bool {
    let mut known = DEBUGGERS
        .iter()
        .copied()
        .chain(settings.debug_modules.iter().map(String::as_str));
    known.any(|debugger| {
        module
            .strip_prefix(debugger)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

pub(super) fn found(location: Location, what: &str) -> Finding {
    let is_print = is_print(what);
    let is_template = what.starts_with("the tag");
    let (reason, severity) = if is_print {
        (
            "output of `print` has no level and no source, and nobody can switch it off",
            Severity::Warning,
        )
    } else if is_template {
        (
            "the tag writes settings and variables of the page to everyone who may see it with DEBUG on",
            Severity::Warning,
        )
    } else {
        (
            "on a server nobody sits at the debugger: the worker waits until it is killed, or the import fails because the \
             package is not installed",
            Severity::Error,
        )
    };
    Finding {
        severity,
        ..finding(
            &RULE,
            Some(location),
            format!("{what} is left from debugging"),
            reason,
            if is_print {
                "delete it, or write to a logger: `logging.getLogger(__name__).info(…)`"
            } else {
                "delete it"
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::super::testing::{found, found_on};

    fn lines(text: &str, settings: &Settings) -> Vec<String> {
        found(&[("a.py", text)], settings)
            .into_iter()
            .map(|one| one.replace(" debug-statement", ""))
            .collect()
    }

    #[test]
    fn every_way_to_stop_is_found() {
        let text = "import pdb; pdb.set_trace()\nfrom ipdb import set_trace\nimport os.path, pudb.remote\n\
                    def f():\n    x = [breakpoint() for y in z]\n    stop.set_trace()\n    from celery.contrib import rdb\n\
                    \x20   IPython.embed()\n";
        assert_eq!(
            lines(text, &Settings::default()),
            [
                "a.py:1:8",
                "a.py:2:1",
                "a.py:3:17",
                "a.py:5:10",
                "a.py:6:5",
                "a.py:7:5",
                "a.py:8:5"
            ]
        );
    }

    #[test]
    fn words_that_look_alike_are_left() {
        let text = "# breakpoint()\ns = 'import pdb'\nfrom .pdb import x\nimport pdbx\nself.breakpoint\nfrom django.db.models import Q\n\
                    def breakpoint(): ...\nprint('x')\nfrom . import q\n";
        assert_eq!(lines(text, &Settings::default()), [""; 0]);
    }

    #[test]
    fn a_command_may_open_a_console() {
        let settings = Settings::default();
        let text = "import code\ncode.interact(local=locals())\n";
        assert_eq!(lines(text, &settings), ["a.py:2:1"]);
        let command = "shop/management/commands/shopshell.py";
        assert_eq!(found(&[(command, text)], &settings), [""; 0]);
        let text = "import code\nbreakpoint()\n";
        assert_eq!(found(&[(command, text)], &settings).len(), 1);
    }

    #[test]
    fn names_count_where_they_are_imported() {
        let settings = Settings::default();
        assert_eq!(lines("q = Q()\nq.filter(a=1)\n", &settings), [""; 0]);
        let text = "from IPython import embed as look\nlook()\nimport q\nq.q(1)\n";
        assert_eq!(
            lines(text, &settings),
            ["a.py:1:1", "a.py:2:1", "a.py:3:8", "a.py:4:1"]
        );
    }

    #[test]
    fn a_debugger_of_ones_own_is_on_purpose() {
        let text = "def set_trace():\n    import pdb\n    pdb.set_trace()\n\ndef view():\n    set_trace()\n";
        assert_eq!(lines(text, &Settings::default()), ["a.py:6:5"]);
    }

    #[test]
    fn marks_of_flake8_and_ruff_count() {
        let settings = Settings {
            print: true,
            ..Settings::default()
        };
        let text = "import pdb  # noqa\nimport ipdb  # NOQA: E501,T100\nimport pudb  # noqa: F401\nprint(1)  # noqa: T201\nprint(2)  # noqa: T100\n";
        assert_eq!(lines(text, &settings), ["a.py:3:8", "a.py:5:1"]);
    }

    #[test]
    fn print_counts_on_request() {
        let settings = Settings {
            print: true,
            debug_modules: vec!["shop.debug".to_owned()],
            ..Settings::default()
        };
        assert_eq!(
            lines(
                "print(1)\nfrom shop import debug\nself.print(2)\n",
                &settings
            ),
            ["a.py:1:1", "a.py:2:1"]
        );
    }

    #[test]
    fn only_changed_lines_and_files_without_leave() {
        let text = "breakpoint()\nbreakpoint()\n";
        assert_eq!(
            found_on("a.py", text, &[(2, 2)], &Settings::default()),
            ["a.py:2:1 debug-statement"]
        );
        let settings = Settings {
            debug_files: vec!["tools/**".to_owned()],
            ..Settings::default()
        };
        assert_eq!(found(&[("tools/a.py", text)], &settings), [""; 0]);
    }
}
