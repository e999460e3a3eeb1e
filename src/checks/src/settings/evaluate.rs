//! The statements of a settings module, in order, through its imports.

use super::condition::holds;
use super::find;
use super::state::{Edit, Given, Origin, Possible, State};
use crate::Scope;
use crate::paths::{inside, parent};
use crate::python::{self, Assign, Branch, Span, Statement, Value, ValueKind};
use std::collections::BTreeMap;
use std::rc::Rc;

/// How far imports are followed.
const FARTHEST: usize = 8;

/// How many statements are followed in all. The longest settings of public projects have some 2,000.
const MOST_STATEMENTS: usize = 10_000;

/// Something that may set names unseen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Blind {
    pub(super) what: String,
    pub(super) path: Rc<str>,
    pub(super) span: Span,
}

/// What a module comes to.
#[derive(Debug, Default)]
pub(super) struct Evaluated {
    pub(super) state: State,
    pub(super) blind: Vec<Blind>,
    /// Settings come from a class, a package or a file that cannot be read: what is set nowhere else may be set there.
    pub(super) set_elsewhere: bool,
    /// The same of a file that need not be there.
    pub(super) perhaps_set_elsewhere: bool,
    /// The files that were read, with the places of their imports of further ones.
    pub(super) files: BTreeMap<String, Vec<Span>>,
}

/// Evaluates the module of that file.
pub(super) fn evaluate(scope: &Scope, path: &str) -> Evaluated {
    let mut evaluator = Evaluator {
        scope,
        blind: Vec::new(),
        set_elsewhere: false,
        perhaps_set_elsewhere: false,
        attempts: 0,
        files: BTreeMap::new(),
        open: Vec::new(),
        left: MOST_STATEMENTS,
    };
    let mut state = State::default();
    let start = Origin {
        path: path.into(),
        span: Span::default(),
    };
    evaluator.module(path, &start, &mut state);
    Evaluated {
        state,
        blind: evaluator.blind,
        set_elsewhere: evaluator.set_elsewhere,
        perhaps_set_elsewhere: evaluator.perhaps_set_elsewhere,
        files: evaluator.files,
    }
}

struct Evaluator<'s> {
    scope: &'s Scope,
    blind: Vec<Blind>,
    set_elsewhere: bool,
    perhaps_set_elsewhere: bool,
    /// In how many blocks the statement stands that need not run to their end.
    attempts: u32,
    files: BTreeMap<String, Vec<Span>>,
    /// The files that are being read, each imported by the one before.
    open: Vec<String>,
    left: usize,
}

impl Evaluator<'_> {
    fn blind(&mut self, what: String, at: &Origin) {
        let blind = Blind {
            what,
            path: Rc::clone(&at.path),
            span: at.span,
        };
        if !self.blind.contains(&blind) {
            self.blind.push(blind);
        }
    }

    /// Statements that `try`, a condition or a loop may do without.
    fn attempt(&mut self, statements: &[Statement], path: &Rc<str>, state: &mut State) {
        self.attempts += 1;
        self.block(statements, path, state);
        self.attempts -= 1;
    }

    /// Settings come from what cannot be seen. What need not run is perhaps not there.
    const fn note_elsewhere(&mut self) {
        if self.attempts == 0 {
            self.set_elsewhere = true;
        } else {
            self.perhaps_set_elsewhere = true;
        }
    }

    /// Runs the file at that path on the state.
    fn module(&mut self, path: &str, importer: &Origin, state: &mut State) {
        if self.open.iter().any(|open| open == path) || self.open.len() > FARTHEST {
            return;
        }
        self.files.entry(path.to_owned()).or_default();
        let script = match self.scope.tree.get(path).map(python::script) {
            None => {
                self.note_elsewhere();
                return self.blind(format!("{path} was not read"), importer);
            }
            Some(Err(error)) => {
                self.note_elsewhere();
                let at = Origin {
                    path: path.into(),
                    span: error.at.unwrap_or_default(),
                };
                return self.blind(format!("{path} cannot be read: {}", error.why), &at);
            }
            Some(Ok(script)) => script,
        };
        self.open.push(path.to_owned());
        self.block(&script, &Rc::from(path), state);
        self.open.pop();
    }

    fn block(&mut self, statements: &[Statement], path: &Rc<str>, state: &mut State) {
        for statement in statements {
            if self.left == 0 {
                let at = Origin {
                    path: Rc::clone(path),
                    span: Span::default(),
                };
                return self.blind(
                    format!("the settings have more than {MOST_STATEMENTS} statements"),
                    &at,
                );
            }
            self.left -= 1;
            self.statement(statement, path, state);
        }
    }

    fn statement(&mut self, statement: &Statement, path: &Rc<str>, state: &mut State) {
        let at = |span: Span| Origin {
            path: Rc::clone(path),
            span,
        };
        match statement {
            Statement::Assign(assign) => assigned(assign, at(assign.span), state),
            Statement::Import {
                module,
                names,
                span,
            } => self.import(module, names.as_deref(), &at(*span), state),
            Statement::If(branches) => self.branches(branches, path, state),
            Statement::Try(body, others) => {
                let before = state.clone();
                self.attempt(body, path, state);
                for other in others {
                    let mut instead = before.clone();
                    self.block(other, path, &mut instead);
                    *state = std::mem::take(state).either(&instead);
                }
            }
            Statement::Maybe(body) => {
                let before = state.clone();
                self.attempt(body, path, state);
                *state = std::mem::take(state).either(&before);
            }
            Statement::Class { name, span, .. } => self.class(name, &at(*span)),
            Statement::Effect(name, span) => {
                let origin = Some(at(*span));
                if is_setting(name) {
                    let given = Given::Unseen("it is changed in a way that is not followed");
                    state.set(
                        name,
                        vec![Possible {
                            given,
                            edits: Vec::new(),
                            origin,
                        }],
                    );
                }
            }
            Statement::Call(call) => self.call(call, &at(call.span), state),
        }
    }

    /// What production does not take is left out; what nothing decides may go either way.
    fn branches(&mut self, branches: &[Branch], path: &Rc<str>, state: &mut State) {
        let before = std::mem::take(state);
        let mut after: Option<State> = None;
        let mut is_settled = false;
        for branch in branches {
            let holds = (branch.test.as_ref()).map_or(Some(true), |test| holds(test, &before));
            if holds == Some(false) {
                continue;
            }
            let mut taken = before.clone();
            if holds == Some(true) {
                self.block(&branch.body, path, &mut taken);
            } else {
                self.attempt(&branch.body, path, &mut taken);
            }
            after = Some(match after {
                Some(after) => after.either(&taken),
                None => taken,
            });
            if holds == Some(true) {
                is_settled = true;
                break;
            }
        }
        *state = match after {
            Some(after) if is_settled => after,
            Some(after) => after.either(&before),
            None => before,
        };
    }

    /// Settings as classes (django-configurations) are not followed.
    fn class(&mut self, name: &str, at: &Origin) {
        if holds_settings(name) {
            self.set_elsewhere = true;
            self.blind(format!("settings in the class {name} are not followed"), at);
        }
    }

    fn import(
        &mut self,
        module: &str,
        names: Option<&[(String, String)]>,
        at: &Origin,
        state: &mut State,
    ) {
        let found = find::named(self.scope, &at.path, module);
        let Some(names) = names else {
            match found {
                Some(path) => {
                    self.note_import(at);
                    self.module(&path, at, state);
                }
                None => {
                    self.note_elsewhere();
                    self.blind(
                        format!("`from {module} import *`: the file is not in the project"),
                        at,
                    );
                }
            }
            return;
        };
        // Only names that look like settings are of interest; functions and modules are not.
        let wanted: Vec<_> = names
            .iter()
            .filter(|(_, bound)| is_setting(bound))
            .collect();
        if wanted.is_empty() {
            return;
        }
        let inner = found.map(|path| {
            self.note_import(at);
            let mut inner = State::default();
            self.module(&path, at, &mut inner);
            inner
        });
        for (name, bound) in wanted {
            let possible = match &inner {
                Some(inner) => inner.get(name).as_ref().clone(),
                None => vec![Possible {
                    given: Given::Unseen("it is imported from outside of the project"),
                    edits: Vec::new(),
                    origin: Some(at.clone()),
                }],
            };
            state.set(bound, possible);
        }
    }

    fn note_import(&mut self, at: &Origin) {
        self.files
            .entry(at.path.to_string())
            .or_default()
            .push(at.span);
    }

    /// Calls that set names: `include("base.py")` of django-split-settings, and those that are given all names.
    fn call(&mut self, call: &Value, at: &Origin, state: &mut State) {
        let ValueKind::Call(callee, args, _) = &call.kind else {
            return;
        };
        let gets_all = args.iter().any(|arg| match &arg.kind {
            ValueKind::Call(inner, ..) => {
                matches!(inner.as_name(), Some("locals" | "globals" | "vars"))
            }
            _ => false,
        });
        let changes_all = match &callee.kind {
            ValueKind::Attribute(inner, _) => {
                matches!(&inner.kind, ValueKind::Call(name, ..) if matches!(name.as_name(), Some("locals" | "globals" | "vars")))
            }
            _ => false,
        };
        match callee.as_name() {
            Some("include") => {
                for arg in args {
                    self.include(arg, at, state);
                }
            }
            // `Production.load_settings(__name__)` writes a class's attributes into the module.
            Some(name) if args.iter().any(|arg| arg.as_name() == Some("__name__")) => {
                self.set_elsewhere = true;
                self.blind(format!("`{name}(__name__)` may set any name"), at);
            }
            Some(name) if gets_all || name == "exec" => {
                self.blind(format!("`{name}(…)` may set any name"), at);
            }
            _ if changes_all => self.blind("`globals()` is changed".to_owned(), at),
            _ => {}
        }
    }

    /// A file by its path from the including one; `optional(…)` may be missing.
    fn include(&mut self, arg: &Value, at: &Origin, state: &mut State) {
        let is_optional = matches!(arg.kind, ValueKind::Call(..));
        let name = match &arg.kind {
            ValueKind::Str(name) => Some(name),
            ValueKind::Call(_, args, _) => args.first().and_then(|first| match &first.kind {
                ValueKind::Str(name) => Some(name),
                _ => None,
            }),
            _ => None,
        };
        let path = name.and_then(|name| inside(parent(&at.path), name));
        match path {
            Some(path) if self.scope.entries.contains_key(&path) => {
                self.note_import(at);
                let mut inner = state.clone();
                self.module(&path, at, &mut inner);
                state.overlay(inner);
            }
            _ => {
                if is_optional {
                    self.perhaps_set_elsewhere = true;
                } else {
                    self.note_elsewhere();
                }
                self.blind(
                    "`include(…)` of a file that is not in the project".to_owned(),
                    at,
                );
            }
        }
    }
}

/// Whether a class of that name holds settings, as those of django-configurations do.
pub(super) fn holds_settings(class: &str) -> bool {
    class.ends_with("Configuration") || ["Production", "Prod", "Base", "Common"].contains(&class)
}

/// Whether a name is one that Django takes for a setting: all upper case.
fn is_setting(name: &str) -> bool {
    name.chars().any(|char| char.is_ascii_uppercase())
        && !name.chars().any(|char| char.is_ascii_lowercase())
}

fn assigned(assign: &Assign, origin: Origin, state: &mut State) {
    let value = Rc::new(assign.value.clone());
    if assign.keys.is_empty() && !assign.adds {
        // `X = X + […]` adds.
        if let ValueKind::Add(left, right) = &assign.value.kind
            && left.as_name() == Some(&assign.name)
        {
            let edit = Edit {
                keys: Vec::new(),
                value: Rc::new(right.as_ref().clone()),
                adds: true,
            };
            return state.edit(&assign.name, &edit, &origin);
        }
        let given = Given::Value(value);
        return state.set(
            &assign.name,
            vec![Possible {
                given,
                edits: Vec::new(),
                origin: Some(origin),
            }],
        );
    }
    let edit = Edit {
        keys: assign.keys.clone(),
        value,
        adds: assign.adds,
    };
    state.edit(&assign.name, &edit, &origin);
}
