//! Commands that are described to clap when they are named.
//!
//! There are some 200 flags. Describing all of them at every start took as long as all else that a hook for a commit message
//! does.

use std::ffi::OsString;
use std::ops::Deref;
use std::sync::OnceLock;

use clap::builder::Resettable;
use clap::{ArgMatches, Args, Command, Error, FromArgMatches, Id};

/// The arguments of a command. If another one is named, clap hears of them only if it asks.
#[derive(Clone, Debug)]
pub struct Deferred<T>(pub T);

impl<T> Deref for Deferred<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The command that this process was started for, if that is plain.
static NAMED: OnceLock<String> = OnceLock::new();

/// Notes which command is named on the command line. Only the first word is looked at: behind flags it could be the value of one.
/// Without a name, and for `help`, every command is described as ever.
pub fn note_named(arguments: &[OsString]) {
    let first = arguments.get(1).and_then(|word| word.to_str());
    if let Some(named) = first.filter(|word| !word.starts_with('-') && *word != "help") {
        NAMED.get_or_init(|| named.to_owned());
    }
}

fn is_another_named(command: &Command) -> bool {
    NAMED.get().is_some_and(|named| named != command.get_name())
}

impl<T: Args> Args for Deferred<T> {
    fn augment_args(command: Command) -> Command {
        if is_another_named(&command) {
            command.defer(described::<T>)
        } else {
            T::augment_args(command)
        }
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }

    fn group_id() -> Option<Id> {
        T::group_id()
    }
}

impl<T: FromArgMatches> FromArgMatches for Deferred<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches_mut(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}

/// The command with its arguments. What it is about was said where it was named.
fn described<T: Args>(command: Command) -> Command {
    let about = command.get_about().cloned();
    let long_about = command.get_long_about().cloned();
    let command = T::augment_args(command);
    command
        .about(Resettable::from(about))
        .long_about(Resettable::from(long_about))
}
