//! The host that a command waits for.

use crate::paths::base_name;
use crate::shell::{self, Command, Word};

/// The host that a command waits for, as written, and its word.
pub(super) fn awaited(command: &Command) -> Option<(String, &Word)> {
    let texts = command.texts();
    let skipped = texts.len() - shell::unwrapped(&texts).len();
    let words = command.words.get(skipped..)?;
    let (program, arguments) = words.split_first()?;
    let name = base_name(&program.text);
    match name.trim_end_matches(".sh") {
        "nc" | "ncat" | "netcat" => netcat(arguments),
        "pg_isready" | "mysqladmin" | "redis-cli" | "psql" => option(arguments, &["-h", "--host"]),
        "wait-for-it" | "wait-for" | "wait_for_it" | "wait-for-postgres" | "wait_for" => {
            option(arguments, &["-h", "--host"]).or_else(|| host_and_port(arguments.first()?))
        }
        "dockerize" => {
            let (url, word) = option(arguments, &["-wait"])?;
            let (_, authority) = url.split_once("://")?;
            Some((authority.to_owned(), word))
        }
        _ => None,
    }
}

/// `nc -z HOST PORT`, with options that take a value passed over.
fn netcat(arguments: &[Word]) -> Option<(String, &Word)> {
    let mut scans = false;
    let mut skip = false;
    let mut host = None;
    for word in arguments {
        let text = word.text.as_str();
        if std::mem::take(&mut skip) {
            continue;
        }
        if let Some(flags) = text.strip_prefix('-') {
            scans |= flags.contains('z');
            skip = matches!(text, "-w" | "-i" | "-s" | "-p" | "-x" | "-X" | "-q");
        } else if host.is_none() {
            host = Some((text.to_owned(), word));
        }
    }
    host.filter(|_| scans)
}

/// The value of an option: `-h db`, `-hdb`, `--host=db`.
fn option<'w>(arguments: &'w [Word], names: &[&str]) -> Option<(String, &'w Word)> {
    for (index, word) in arguments.iter().enumerate() {
        for name in names {
            let Some(rest) = word.text.strip_prefix(name) else {
                continue;
            };
            if rest.is_empty() {
                let value = arguments.get(index + 1)?;
                return Some((value.text.clone(), value));
            }
            if let Some(value) = rest.strip_prefix('=') {
                return Some((value.to_owned(), word));
            }
            if !name.starts_with("--") {
                return Some((rest.to_owned(), word));
            }
        }
    }
    None
}

fn host_and_port(word: &Word) -> Option<(String, &Word)> {
    (!word.text.starts_with('-')).then(|| (word.text.clone(), word))
}
