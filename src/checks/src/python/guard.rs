//! Bounds that keep hostile files from taking the stack or the memory.

use super::Unreadable;
use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer};
use std::cell::Cell;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Scope, ScopedJoinHandle};

/// The largest file that is judged, in bytes; a longer one is said to be not analysed, so its first bytes are enough of it. The
/// longest migrations of public projects have some 10,000 lines, under 1 MiB.
pub const LARGEST_FILE: usize = 4 * 1024 * 1024;

/// Files up to this size, in bytes, cannot nest deeper than [`STACK`] bears, so they need no look before they are parsed.
const SMALL_FILE: usize = 16 * 1024;

/// How deep expressions and statements of larger files may nest. CPython itself gives up at 200 brackets and 100 blocks.
const DEEPEST: u32 = 8_000;

/// The stack, in bytes, on which files are parsed and dropped. Only touched pages cost memory.
const STACK: usize = 64 * 1024 * 1024;

/// Into how many parts the share of a thread is cut, so that all end at nearly the same time.
const PARTS_FOR_A_THREAD: usize = 32;

thread_local! {
    /// Whether this thread has a deep stack.
    static IS_DEEP: Cell<bool> = const { Cell::new(false) };
}

/// Runs the work on a stack that bears every file that [`check`] lets pass: this thread's own if [`spawn_deep`] made it, else
/// that of a new one.
///
/// # Errors
/// The operating system gives no thread, or the work panicked.
pub(crate) fn with_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Unreadable> {
    let failed = |why: String| Unreadable { why, at: None };
    let done = if IS_DEEP.get() {
        // Nothing of what panicked is seen again.
        catch_unwind(AssertUnwindSafe(work))
    } else {
        std::thread::scope(|scope| spawn_deep(scope, work).map(ScopedJoinHandle::join))
            .map_err(|error| failed(format!("no thread to read it on: {error}")))?
    };
    done.map_err(|_| failed("the parser failed on it".to_owned()))
}

/// Starts a thread with a deep stack.
///
/// # Errors
/// The operating system gives no thread.
pub(crate) fn spawn_deep<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> std::io::Result<ScopedJoinHandle<'scope, T>> {
    std::thread::Builder::new()
        .name("judge".to_owned())
        .stack_size(STACK)
        .spawn_scoped(scope, move || {
            IS_DEEP.set(true);
            work()
        })
}

/// Does the same with many things on all cores, and gives what came out in their order. Threads beside this one are started for
/// `least` things each; whoever is done takes the next few, for one file may be as long as a hundred others. Call it on a deep
/// stack: [`with_deep_stack`].
pub(crate) fn on_all_cores<T: Sync, R: Send>(
    things: &[T],
    least: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = (things.len() / least.max(1)).clamp(1, cores);
    let few = (things.len() / threads / PARTS_FOR_A_THREAD).max(1);
    let parts: Vec<&[T]> = things.chunks(few).collect();
    let next = AtomicUsize::new(0);
    let share = || {
        let mut done: Vec<(usize, Vec<R>)> = Vec::new();
        loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            let Some(things) = parts.get(part) else {
                return done;
            };
            done.push((part, things.iter().map(&work).collect()));
        }
    };
    std::thread::scope(|scope| {
        // Without another thread, this one does all.
        let others: Vec<_> = (1..threads)
            .map_while(|_| spawn_deep(scope, share).ok())
            .collect();
        let mut done = share();
        done.extend(others.into_iter().flat_map(joined));
        done.sort_unstable_by_key(|(part, _)| *part);
        done.into_iter().flat_map(|(_, made)| made).collect()
    })
}

/// Does two things at once, the other one on a thread with a deep stack, or here as well if there is none to be had.
pub(crate) fn side_by_side<A, B: Send>(
    here: impl FnOnce() -> A,
    there: impl Fn() -> B + Sync,
) -> (A, B) {
    std::thread::scope(|scope| {
        let other = spawn_deep(scope, &there);
        let made = here();
        (made, other.map_or_else(|_| there(), joined))
    })
}

/// What a thread has found. A panic there goes on here: it is our own fault, and is reported as one.
pub(crate) fn joined<T>(handle: ScopedJoinHandle<'_, T>) -> T {
    match handle.join() {
        Ok(found) => found,
        Err(panic) => resume_unwind(panic),
    }
}

/// Refuses what is too large or may nest too deeply.
pub(super) fn check(text: &str) -> Result<(), Unreadable> {
    if text.len() > LARGEST_FILE {
        return Err(Unreadable {
            why: format!(
                "the file has {} bytes; up to {LARGEST_FILE} are read",
                text.len()
            ),
            at: None,
        });
    }
    if text.len() > SMALL_FILE && depth_bound(text) > DEEPEST {
        return Err(Unreadable {
            why: format!("the file nests deeper than {DEEPEST} levels"),
            at: None,
        });
    }
    Ok(())
}

/// An upper bound of the depth of the syntax tree: open brackets, blocks, and the words since the last comma or line end of
/// each open bracket, since every operator may open a level.
fn depth_bound(text: &str) -> u32 {
    let mut lexer = lexer::lex(text, Mode::Module);
    let mut open: Vec<u32> = vec![0];
    let mut sum: u32 = 0;
    let mut blocks: u32 = 0;
    let mut deepest: u32 = 0;
    loop {
        let kind = lexer.next_token();
        match kind {
            TokenKind::EndOfFile => return deepest,
            TokenKind::Lpar
            | TokenKind::Lsqb
            | TokenKind::Lbrace
            | TokenKind::FStringStart
            | TokenKind::TStringStart => open.push(1),
            TokenKind::Rpar
            | TokenKind::Rsqb
            | TokenKind::Rbrace
            | TokenKind::FStringEnd
            | TokenKind::TStringEnd => {
                if open.len() > 1 {
                    sum = sum.saturating_sub(open.pop().unwrap_or_default());
                }
                sum += 1;
                if let Some(words) = open.last_mut() {
                    *words += 1;
                }
                deepest = deepest.max(sum + blocks);
                continue;
            }
            TokenKind::Comma | TokenKind::Newline => {
                if let Some(words) = open.last_mut() {
                    sum = sum.saturating_sub(*words);
                    *words = 0;
                }
                continue;
            }
            // Twice: to parse a block takes more calls than to parse an operator.
            TokenKind::Indent => {
                blocks += 2;
                deepest = deepest.max(sum + blocks);
                continue;
            }
            TokenKind::Dedent => {
                blocks = blocks.saturating_sub(2);
                continue;
            }
            // Texts that follow each other are joined, not nested.
            TokenKind::Comment | TokenKind::NonLogicalNewline | TokenKind::String => continue,
            _ => {
                if let Some(words) = open.last_mut() {
                    *words += 1;
                }
            }
        }
        sum += 1;
        deepest = deepest.max(sum + blocks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_shallow_blocks_are_not_deep() {
        let text = "class A:\n    def b(self):\n        pass\n".repeat(5_000);
        assert!(depth_bound(&text) < 20, "{}", depth_bound(&text));
    }

    #[test]
    fn a_deep_stack_is_made_once_and_a_panic_ends_on_it() {
        let id = || std::thread::current().id();
        let outer = id();
        let (deep, nested) = with_deep_stack(|| (id(), with_deep_stack(id).unwrap())).unwrap();
        assert_ne!(outer, deep);
        assert_eq!(deep, nested);
        let caught = with_deep_stack(|| with_deep_stack(|| panic!("broken")).is_err());
        assert!(caught.unwrap());
    }

    #[test]
    fn width_is_not_depth() {
        let wide = format!("x = [{}]\n", "{'a': f(1, 2), 'b': [3]},\n".repeat(5_000));
        assert!(wide.len() > SMALL_FILE);
        assert!(depth_bound(&wide) < 30, "{}", depth_bound(&wide));
        let long = "x = 1\ny = x + 2\n".repeat(5_000);
        assert!(depth_bound(&long) < 10);
    }

    #[test]
    fn every_way_to_nest_is_seen() {
        for (open, close) in [
            ("(", ")"),
            ("[", "]"),
            ("not ", ""),
            ("-", ""),
            ("a.", ""),
            ("a+", ""),
            ("lambda: ", ""),
            ("a if b else ", ""),
            ("f(", ")"),
            ("a[", "]"),
            ("{1: ", "}"),
            ("f'{", "}'"),
        ] {
            let text = format!("x = {}a{}\n", open.repeat(20_000), close.repeat(20_000));
            assert!(check(&text).is_err(), "{open}");
        }
        let calls = format!("x = a{}\n", "()".repeat(20_000));
        assert!(check(&calls).is_err());
    }

    #[test]
    fn what_all_cores_make_is_in_order() {
        for count in [0_usize, 1, 7, 1000] {
            let things: Vec<usize> = (0..count).collect();
            let made = on_all_cores(&things, 2, |thing| thing * 2);
            let expected: Vec<usize> = things.iter().map(|thing| thing * 2).collect();
            assert_eq!(made, expected);
        }
        let things = [0, 1, 2, 3];
        let panicked = catch_unwind(|| on_all_cores(&things, 1, |thing| assert_ne!(*thing, 3)));
        assert!(panicked.is_err());
        assert_eq!(side_by_side(|| 1, || 2), (1, 2));
    }

    #[test]
    fn the_largest_file_has_a_bound() {
        let error = check(&" ".repeat(LARGEST_FILE + 1)).unwrap_err();
        assert!(error.why.contains("bytes"), "{}", error.why);
    }
}
