//! Expressions to plain values: what an environment variable gives when it is missing, what casts make of texts.

use super::state::{Given, Possible, State};
use super::variable::{cast, is_method, of_method, reads_environment, variable};
use crate::python::{Value, ValueKind};
use std::cell::Cell;

/// How many names and casts are followed, each within the other.
const FARTHEST: u32 = 12;

/// How many expressions are looked at for one setting. A list of lists of lists of names could ask for any number.
const MOST_LOOKS: u32 = 20_000;

/// How far it may go on.
#[derive(Clone, Copy)]
pub(super) struct Left<'f> {
    depth: u32,
    looks: &'f Cell<u32>,
}

impl Left<'_> {
    fn step(self) -> Option<Self> {
        self.looks.set(self.looks.get().checked_sub(1)?);
        let depth = self.depth.checked_sub(1)?;
        Some(Self { depth, ..self })
    }
}

/// A value that can be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    None,
    Bool(bool),
    Int(i64),
    Str(String),
    List(Vec<Plain>),
    /// A mapping or another object: it is there, and that is all.
    Some,
    /// A new random text at each start.
    Random,
    Unseen,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// It is written in the code.
    Code,
    /// It holds when an environment variable is missing.
    Default,
    /// The environment gives it, and the start fails without it.
    Environment,
}

/// A value with its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) value: Plain,
    pub(super) from: Source,
}

impl Seen {
    fn code(value: Plain) -> Self {
        Self {
            value,
            from: Source::Code,
        }
    }

    pub(super) fn default(value: Plain) -> Self {
        Self {
            value,
            from: Source::Default,
        }
    }

    pub(super) const ENVIRONMENT: Self = Self {
        value: Plain::Unseen,
        from: Source::Environment,
    };

    /// Whether Python takes it for true. None: that cannot be seen.
    pub(super) fn is_true(&self) -> Option<bool> {
        self.value.is_true()
    }

    fn map(self, change: impl FnOnce(Plain) -> Plain) -> Self {
        Self {
            value: change(self.value),
            from: self.from,
        }
    }
}

impl Plain {
    pub(super) fn is_true(&self) -> Option<bool> {
        match self {
            Self::None => Some(false),
            Self::Bool(value) => Some(*value),
            Self::Int(value) => Some(*value != 0),
            Self::Str(text) => Some(!text.is_empty()),
            Self::List(items) => Some(!items.is_empty()),
            Self::Some | Self::Random => Some(true),
            Self::Unseen => None,
        }
    }
}

/// The value of a possible setting, with what was added to it. `Nothing` has none.
pub(super) fn possible(state: &State, possible: &Possible) -> Option<Vec<Seen>> {
    let mut seen = match &possible.given {
        Given::Nothing if possible.edits.is_empty() => return None,
        Given::Nothing => vec![Seen::code(Plain::List(Vec::new()))],
        Given::Value(value) => alone(state, value),
        Given::Unseen(_) => vec![Seen::code(Plain::Unseen)],
    };
    for edit in &possible.edits {
        let added = if edit.keys.is_empty() && edit.adds {
            alone(state, &edit.value)
        } else {
            Vec::new()
        };
        let added = added
            .into_iter()
            .next()
            .unwrap_or(Seen::code(Plain::Unseen));
        seen = seen
            .into_iter()
            .map(|one| join(one, added.clone()))
            .collect();
    }
    Some(seen)
}

/// All that an expression may be: at least one.
pub(super) fn alone(state: &State, value: &Value) -> Vec<Seen> {
    let looks = Cell::new(MOST_LOOKS);
    see(
        state,
        value,
        Left {
            depth: FARTHEST,
            looks: &looks,
        },
    )
}

pub(super) fn see(state: &State, value: &Value, left: Left<'_>) -> Vec<Seen> {
    const MOST: usize = 8;
    let mut seen = match left.step() {
        Some(left) => kind(state, value, left),
        None => Vec::new(),
    };
    seen.truncate(MOST);
    if seen.is_empty() {
        seen.push(Seen::code(Plain::Unseen));
    }
    seen
}

fn kind(state: &State, value: &Value, left: Left<'_>) -> Vec<Seen> {
    let all = |value: &Value| see(state, value, left);
    let one = |plain: Plain| vec![Seen::code(plain)];
    match &value.kind {
        ValueKind::None => one(Plain::None),
        ValueKind::Bool(value) => one(Plain::Bool(*value)),
        ValueKind::Int(value) => one(Plain::Int(*value)),
        ValueKind::Str(text) => one(Plain::Str(text.clone())),
        ValueKind::List(items) => vec![list(state, items, left)],
        ValueKind::Dict(_) => one(Plain::Some),
        // Production runs with DEBUG off: what follows from it is judged so, and DEBUG itself by its own rule.
        ValueKind::Name(name) if name == "DEBUG" => one(Plain::Bool(false)),
        ValueKind::Name(name) => state
            .get(name)
            .iter()
            .flat_map(|held| possible_within(state, held, left))
            .collect(),
        ValueKind::Index(of, _) if is_environ(of) => vec![Seen::ENVIRONMENT],
        ValueKind::Not(inner) => all(inner)
            .into_iter()
            .map(|seen| seen.map(|value| negated(&value)))
            .collect(),
        ValueKind::Equal(a, b) => compared(&all(a), &all(b), |a, b| a == b),
        ValueKind::In(a, b) => compared(
            &all(a),
            &all(b),
            |a, b| matches!(b, Plain::List(items) if items.contains(a)),
        ),
        ValueKind::Or(items) => either_side(items.iter().map(all), true),
        ValueKind::And(items) => either_side(items.iter().map(all), false),
        ValueKind::Either(_, then, otherwise) => {
            all(then).into_iter().chain(all(otherwise)).collect()
        }
        ValueKind::Add(a, b) => {
            let right = all(b)
                .into_iter()
                .next()
                .unwrap_or(Seen::code(Plain::Unseen));
            all(a)
                .into_iter()
                .map(|left| join(left, right.clone()))
                .collect()
        }
        ValueKind::Call(callee, args, keywords) => call(state, callee, args, keywords, left),
        ValueKind::Attribute(..)
        | ValueKind::Index(..)
        | ValueKind::Starred(_)
        | ValueKind::Opaque => Vec::new(),
    }
}

fn possible_within(state: &State, held: &Possible, left: Left<'_>) -> Vec<Seen> {
    match &held.given {
        Given::Value(value) if held.edits.is_empty() => see(state, value, left),
        _ => vec![Seen::code(Plain::Unseen)],
    }
}

fn negated(value: &Plain) -> Plain {
    value.is_true().map_or(Plain::Unseen, |is| Plain::Bool(!is))
}

fn list(state: &State, items: &[Value], left: Left<'_>) -> Seen {
    let mut from = Source::Code;
    let mut out = Vec::new();
    for item in items {
        let (inner, is_spread) = match &item.kind {
            ValueKind::Starred(inner) => (inner.as_ref(), true),
            _ => (item, false),
        };
        let seen = see(state, inner, left)
            .into_iter()
            .next()
            .unwrap_or(Seen::code(Plain::Unseen));
        from = from.max(seen.from);
        match seen.value {
            Plain::List(inner) if is_spread => out.extend(inner),
            other => out.push(other),
        }
    }
    Seen {
        value: Plain::List(out),
        from,
    }
}

/// `a + b`, and what `+=` and `.extend` do.
fn join(left: Seen, right: Seen) -> Seen {
    let from = left.from.max(right.from);
    let value = match (left.value, right.value) {
        (Plain::List(mut a), Plain::List(b)) => {
            a.extend(b);
            Plain::List(a)
        }
        // A part that cannot be seen does not hide what is there.
        (Plain::List(mut a), _) => {
            a.push(Plain::Unseen);
            Plain::List(a)
        }
        (_, Plain::List(mut b)) => {
            b.push(Plain::Unseen);
            Plain::List(b)
        }
        (Plain::Str(a), Plain::Str(b)) => Plain::Str(a + &b),
        _ => Plain::Unseen,
    };
    Seen { value, from }
}

fn compared(left: &[Seen], right: &[Seen], test: fn(&Plain, &Plain) -> bool) -> Vec<Seen> {
    let mut out = Vec::new();
    for a in left {
        for b in right {
            let value = if a.value == Plain::Unseen || b.value == Plain::Unseen {
                Plain::Unseen
            } else {
                Plain::Bool(test(&a.value, &b.value))
            };
            out.push(Seen {
                value,
                from: a.from.max(b.from),
            });
        }
    }
    out
}

/// `a or b` (`stops_at` true) and `a and b`: the first that decides, or the last.
fn either_side(sides: impl Iterator<Item = Vec<Seen>>, stops_at: bool) -> Vec<Seen> {
    let mut out = Vec::new();
    let mut from = Source::Code;
    let mut last = Vec::new();
    for side in sides {
        last.clear();
        let mut goes_on = false;
        for seen in side {
            let seen = Seen {
                from: seen.from.max(from),
                ..seen
            };
            match seen.is_true() {
                Some(is) if is == stops_at => out.push(seen),
                Some(_) => {
                    goes_on = true;
                    last.push(seen);
                }
                None if seen.from == Source::Environment => out.push(seen),
                None => {
                    goes_on = true;
                    out.push(seen);
                }
            }
        }
        if !goes_on {
            return out;
        }
        // What comes next holds when the environment gave nothing.
        from = last
            .iter()
            .map(|seen| seen.from)
            .max()
            .unwrap_or(from)
            .max(from);
    }
    out.extend(last);
    out
}

fn is_environ(value: &Value) -> bool {
    matches!(
        value.as_name(),
        Some("os.environ" | "environ" | "env" | "ENV")
    )
}

fn call(
    state: &State,
    callee: &Value,
    args: &[Value],
    keywords: &[(Option<String>, Value)],
    left: Left<'_>,
) -> Vec<Seen> {
    if let ValueKind::Attribute(of, method) = &callee.kind {
        return see(state, of, left)
            .into_iter()
            .map(|seen| seen.map(|value| of_method(value, method)))
            .collect();
    }
    let Some(name) = callee.as_name() else {
        return Vec::new();
    };
    let (object, last) = name.rsplit_once('.').unwrap_or(("", name));
    if matches!(
        last,
        "get_random_secret_key" | "token_urlsafe" | "token_hex" | "uuid4" | "urandom"
    ) {
        return vec![Seen::code(Plain::Random)];
    }
    if reads_environment(name, args) {
        return variable(state, name, args, keywords, left);
    }
    // `HOSTS.split(",")`: a method of what a name holds.
    if !object.is_empty() && is_method(last) {
        let held = state.get(object);
        return held
            .iter()
            .flat_map(|held| possible_within(state, held, left))
            .map(|seen| seen.map(|value| of_method(value, last)))
            .collect();
    }
    let Some(first) = args.first() else {
        return Vec::new();
    };
    let inner = see(state, first, left);
    inner
        .into_iter()
        .map(|seen| seen.map(|value| cast(last, value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::{Statement, script};

    fn seen(text: &str) -> Vec<(Plain, Source)> {
        let mut state = State::default();
        for statement in script(text.as_bytes()).unwrap() {
            if let Statement::Assign(assign) = statement {
                let given = Given::Value(assign.value.into());
                state.set(
                    &assign.name,
                    vec![Possible {
                        given,
                        edits: Vec::new(),
                        origin: None,
                    }],
                );
            }
        }
        let held = state.get("X");
        possible(&state, &held[0])
            .unwrap()
            .into_iter()
            .map(|seen| (seen.value, seen.from))
            .collect()
    }

    fn of(text: &str) -> (Plain, Source) {
        let mut all = seen(text);
        assert_eq!(all.len(), 1, "{text}: {all:?}");
        all.remove(0)
    }

    #[test]
    fn a_missing_variable_gives_its_default() {
        use Source::{Code, Default, Environment};
        for (text, value, from) in [
            (
                "X = env.bool('A', default=True)",
                Plain::Bool(true),
                Default,
            ),
            ("X = env.bool('A', True)", Plain::Bool(true), Default),
            ("X = env('A')", Plain::Unseen, Environment),
            (
                "X = config('A', default='no', cast=bool)",
                Plain::Bool(false),
                Default,
            ),
            ("X = os.environ.get('A')", Plain::None, Default),
            ("X = os.environ['A']", Plain::Unseen, Environment),
            (
                "X = os.environ.get('A', 'False') == 'True'",
                Plain::Bool(false),
                Default,
            ),
            (
                "X = os.getenv('A', 'TRUE').lower() == 'true'",
                Plain::Bool(true),
                Default,
            ),
            (
                "X = os.getenv('A', '1') in ('1', 'true')",
                Plain::Bool(true),
                Default,
            ),
            (
                "X = os.environ.get('A') == 'True'",
                Plain::Bool(false),
                Default,
            ),
            (
                "X = bool(os.environ.get('A', 'False'))",
                Plain::Bool(true),
                Default,
            ),
            (
                "X = bool(int(os.environ.get('A', 0)))",
                Plain::Bool(false),
                Default,
            ),
            (
                "X = strtobool(os.getenv('A', 'off'))",
                Plain::Bool(false),
                Default,
            ),
            ("X = not env.bool('A', False)", Plain::Bool(true), Default),
            ("X = os.getenv('A') or 'b'", Plain::Str("b".into()), Default),
            (
                "env = environ.Env(A=(bool, True))\nX = env('A')",
                Plain::Bool(true),
                Default,
            ),
            ("Y = True\nX = Y", Plain::Bool(true), Code),
            ("X = 60 * 60", Plain::Int(3600), Code),
            (
                "DEBUG = env.bool('DEBUG', True)\nX = not DEBUG",
                Plain::Bool(true),
                Code,
            ),
            ("X = f(1)", Plain::Unseen, Code),
            ("X = v.split(',')", Plain::Unseen, Code),
            ("X = f('a').g(',')", Plain::Unseen, Code),
            (
                "Y = os.environ.get('A', 'a')\nX = Y.upper()",
                Plain::Str("A".into()),
                Default,
            ),
            ("X = envbool('A', 'True')", Plain::Bool(true), Default),
            (
                "X = get_bool_from_env('A', True)",
                Plain::Bool(true),
                Default,
            ),
            ("X = get_env_value('A')", Plain::Unseen, Environment),
            ("X = open_envelope('a', True)", Plain::Unseen, Code),
            ("X = os.environ['A'].split(',')", Plain::Unseen, Environment),
        ] {
            assert_eq!(of(text), (value, from), "{text}");
        }
    }

    #[test]
    fn lists_are_joined() {
        let texts =
            |all: &[&str]| Plain::List(all.iter().map(|text| Plain::Str((*text).into())).collect());
        assert_eq!(of("Y = ['a']\nX = Y + ['b']").0, texts(&["a", "b"]));
        assert_eq!(of("Y = ['a']\nX = [*Y, 'b']").0, texts(&["a", "b"]));
        assert_eq!(
            of("X = os.environ.get('A', 'a,b').split(',')").0,
            texts(&["a", "b"])
        );
        assert_eq!(of("X = env.list('A', default=['*'])").0, texts(&["*"]));
        assert_eq!(
            of("X = config('A', cast=Csv(), default='a, b')").0,
            texts(&["a", "b"])
        );
    }

    #[test]
    fn sections_of_files_are_no_variables() {
        assert_eq!(of("X = config.get('site', 'secret')").0, Plain::Unseen);
        let variable = of("X = config.get('SECRET', 'a')");
        assert_eq!(variable, (Plain::Str("a".into()), Source::Default));
    }

    #[test]
    fn either_side_of_a_choice_may_hold() {
        assert_eq!(seen("X = 1 if a else 2").len(), 2);
        assert_eq!(seen("X = X"), [(Plain::Unseen, Source::Code)]);
    }
}
