//! What each name may hold after the statements so far.

use crate::python::{Span, Value};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A change of a part of a value: `DATABASES["default"]["HOST"] = …`, `INSTALLED_APPS += […]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Edit {
    pub(super) keys: Vec<Option<String>>,
    pub(super) value: Rc<Value>,
    pub(super) adds: bool,
}

/// Where a value was given.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Origin {
    pub(super) path: Rc<str>,
    pub(super) span: Span,
}

/// What a name was given.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Given {
    /// Nothing: Django's default holds.
    Nothing,
    Value(Rc<Value>),
    /// It cannot be seen, for this reason.
    Unseen(&'static str),
}

/// One way in which a name may stand.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Possible {
    pub(super) given: Given,
    pub(super) edits: Vec<Edit>,
    /// None: nothing was given.
    pub(super) origin: Option<Origin>,
}

impl Possible {
    pub(super) const NOTHING: Self = Self {
        given: Given::Nothing,
        edits: Vec::new(),
        origin: None,
    };
}

/// The names of a module, each with all that it may hold. A name that is not here holds nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    names: BTreeMap<String, Rc<Vec<Possible>>>,
}

/// How many ways a name may have; more are one that cannot be seen.
const MOST: usize = 16;

impl State {
    /// All that a name may hold: at least one.
    pub(super) fn get(&self, name: &str) -> Rc<Vec<Possible>> {
        self.names
            .get(name)
            .map_or_else(|| Rc::new(vec![Possible::NOTHING]), Rc::clone)
    }

    pub(super) fn set(&mut self, name: &str, possible: Vec<Possible>) {
        self.names.insert(name.to_owned(), Rc::new(possible));
    }

    /// Changes a part of a name, in every way that it may stand.
    pub(super) fn edit(&mut self, name: &str, edit: &Edit, origin: &Origin) {
        let held = self
            .names
            .entry(name.to_owned())
            .or_insert_with(|| Rc::new(vec![Possible::NOTHING]));
        for one in Rc::make_mut(held) {
            one.edits.push(edit.clone());
            one.origin = Some(origin.clone());
        }
    }

    /// Another module's names come in, over these.
    pub(super) fn overlay(&mut self, other: Self) {
        self.names.extend(other.names);
    }

    /// Either of two states holds.
    pub(super) fn either(mut self, other: &Self) -> Self {
        let names: Vec<String> = self
            .names
            .keys()
            .chain(other.names.keys())
            .cloned()
            .collect();
        for name in names {
            let (left, right) = (self.get(&name), other.get(&name));
            // Most names are untouched by a branch, and shared.
            if Rc::ptr_eq(&left, &right) || left == right {
                continue;
            }
            let mut both = left.as_ref().clone();
            for one in right.iter() {
                if !both.contains(one) {
                    both.push(one.clone());
                }
            }
            if both.len() > MOST {
                let origin = both.pop().and_then(|last| last.origin);
                both = vec![Possible {
                    given: Given::Unseen("it is given in too many ways"),
                    edits: Vec::new(),
                    origin,
                }];
            }
            self.set(&name, both);
        }
        self
    }
}
