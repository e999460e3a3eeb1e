//! Types of columns, as far as changes between them matter.

use super::field::Field;
use super::state::{Model, State};

/// How many keys of keys are followed.
const FARTHEST: u32 = 8;

/// What a change of a column's type means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Postgres changes its catalogue only.
    None,
    Narrowed,
    /// A shorter length of a class whose type cannot be seen.
    PerhapsNarrowed,
    Rewritten,
    Changed,
    /// The type before or the one after cannot be seen.
    Unknown,
}

/// The type of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// `varchar(n)`; no length is no bound.
    Varchar(Option<i64>),
    Text,
    /// Bytes of a whole number.
    Integer(u8),
    Numeric(Option<i64>, Option<i64>),
    Array(Box<Column>),
    /// The expression and what else decides, and the type of its values.
    Generated(Vec<(String, String)>, Box<Column>),
    Other(String),
    /// A column whose type the target of a relation decides.
    Key,
    /// A class that is not known, or arguments that cannot be read.
    Hidden,
}

impl Column {
    /// The type of a field's column.
    pub(crate) fn of(field: &Field) -> Self {
        let Some(class) = field.column_class.as_deref() else {
            return Self::Hidden;
        };
        if field.incomplete.is_some() {
            return Self::Hidden;
        }
        match class {
            "CharField"
            | "SlugField"
            | "EmailField"
            | "URLField"
            | "FileField"
            | "ImageField"
            | "FilePathField"
            | "CommaSeparatedIntegerField" => Self::varchar(field),
            "TextField" => Self::Text,
            "SmallIntegerField" | "PositiveSmallIntegerField" | "SmallAutoField" => {
                Self::Integer(2)
            }
            "IntegerField" | "PositiveIntegerField" | "AutoField" => Self::Integer(4),
            "BigIntegerField" | "PositiveBigIntegerField" | "BigAutoField" => Self::Integer(8),
            "DecimalField" => Self::numeric(field),
            "ForeignKey" | "OneToOneField" => Self::Key,
            "BooleanField" | "NullBooleanField" => Self::Other("boolean".to_owned()),
            "IPAddressField" | "GenericIPAddressField" => Self::Other("inet".to_owned()),
            "JSONField" => Self::Other("jsonb".to_owned()),
            "ArrayField" => Self::around(field, |base| Self::Array(Box::new(base))),
            "GeneratedField" => Self::around(field, |base| {
                Self::Generated(field.type_details.clone(), Box::new(base))
            }),
            other => Self::Other(other.to_owned()),
        }
    }

    fn varchar(field: &Field) -> Self {
        match field.hides("max_length") {
            Some(_) => Self::Hidden,
            None => Self::Varchar(field.max_length),
        }
    }

    fn numeric(field: &Field) -> Self {
        let hides = |argument: &str| field.hides(argument).is_some();
        if hides("max_digits") || hides("decimal_places") {
            return Self::Hidden;
        }
        Self::Numeric(field.max_digits, field.decimal_places)
    }

    /// The type around that of the field inside of a field.
    fn around(field: &Field, make: impl FnOnce(Self) -> Self) -> Self {
        match field.base.as_deref().map(Self::of) {
            None | Some(Self::Hidden) => Self::Hidden,
            Some(base) => make(base),
        }
    }
}

/// What the change of a model's field means for its column. The type of a key is looked up.
pub(crate) fn change_in(state: &State, model: &Model, before: &Field, after: &Field) -> Change {
    let keyed = |field: &Field| match Column::of(field) {
        Column::Key => key(state, model, field).unwrap_or(Column::Key),
        column => column,
    };
    match (Column::of(before), Column::of(after)) {
        (Column::Key, _) | (_, Column::Key) => between(&keyed(before), &keyed(after)),
        _ => change(before, after),
    }
}

/// The type of a key, if its target is known.
fn key(state: &State, model: &Model, field: &Field) -> Option<Column> {
    let (mut model, mut field) = (model, field);
    for _ in 0..FARTHEST {
        let to = field.to.as_deref()?;
        if to != "self" {
            model = state.target(&model.app, to)?;
        }
        field = model.key(field.to_field.as_deref())?;
        match Column::of(field) {
            // The key of a key, as of a model that inherits from another.
            Column::Key => {}
            Column::Hidden => return None,
            column => return Some(column),
        }
    }
    None
}

/// What the change from one field to another means for its column.
fn change(before: &Field, after: &Field) -> Change {
    match (Column::of(before), Column::of(after)) {
        (Column::Hidden, _) | (_, Column::Hidden) => hidden(before, after),
        (old, new) => between(&old, &new),
    }
}

/// What the change from one type to another means.
fn between(old: &Column, new: &Column) -> Change {
    match (old, new) {
        (Column::Hidden, _) | (_, Column::Hidden) => Change::Unknown,
        // The other end is not in the project; most keys are whole numbers of one size.
        (Column::Key, _) | (_, Column::Key) => Change::None,
        (Column::Varchar(_), Column::Varchar(None) | Column::Text)
        | (Column::Text, Column::Text | Column::Varchar(None)) => Change::None,
        (Column::Varchar(Some(old)), Column::Varchar(Some(new))) => {
            if new >= old {
                Change::None
            } else {
                Change::Narrowed
            }
        }
        (Column::Varchar(None) | Column::Text, Column::Varchar(Some(_))) => Change::Narrowed,
        (Column::Integer(old), Column::Integer(new)) => match new.cmp(old) {
            std::cmp::Ordering::Less => Change::Narrowed,
            std::cmp::Ordering::Equal => Change::None,
            std::cmp::Ordering::Greater => Change::Rewritten,
        },
        (Column::Numeric(digits, places), Column::Numeric(new_digits, new_places)) => {
            numeric((*digits, *places), (*new_digits, *new_places))
        }
        (Column::Integer(_), Column::Numeric(..)) => Change::Rewritten,
        (Column::Array(old), Column::Array(new)) => match between(old, new) {
            // What is free for one value is not for a list of them: Postgres makes each list anew.
            Change::None if old != new => Change::Rewritten,
            change => change,
        },
        (Column::Generated(details, old), Column::Generated(new_details, new))
            if details == new_details && between(old, new) == Change::None =>
        {
            Change::None
        }
        (old, new) if old == new => Change::None,
        _ => Change::Changed,
    }
}

/// Digits, of those how many behind the point.
type Digits = (Option<i64>, Option<i64>);

fn numeric((digits, places): Digits, (new_digits, new_places): Digits) -> Change {
    if places != new_places {
        // Another scale rounds, or needs more digits; all rows are written anew either way.
        if new_places < places || whole(new_digits, new_places) < whole(digits, places) {
            Change::Narrowed
        } else {
            Change::Rewritten
        }
    } else if new_digits.is_none() || (digits.is_some() && new_digits >= digits) {
        Change::None
    } else {
        Change::Narrowed
    }
}

/// Digits before the point.
fn whole(digits: Option<i64>, places: Option<i64>) -> i64 {
    digits
        .unwrap_or(i64::MAX)
        .saturating_sub(places.unwrap_or(0))
}

/// A type that cannot be seen stays if the class and all arguments stay that may decide about it.
fn hidden(before: &Field, after: &Field) -> Change {
    let is_same_class = (&before.class, &before.builtin, &before.column_class)
        == (&after.class, &after.builtin, &after.column_class);
    if !is_same_class
        || !SIZES.iter().all(|size| before.hides_as(after, size))
        || deciding(before).ne(deciding(after))
        || (before.max_digits, before.decimal_places) != (after.max_digits, after.decimal_places)
    {
        return Change::Unknown;
    }
    let inner = match (before.base.as_deref(), after.base.as_deref()) {
        (Some(old), Some(new)) => change(old, new),
        (None, None) => Change::None,
        _ => Change::Unknown,
    };
    if inner != Change::None {
        return Change::Unknown;
    }
    match (before.max_length, after.max_length) {
        (Some(old), Some(new)) if new < old => Change::PerhapsNarrowed,
        (Some(_), Some(_)) | (None, None) => Change::None,
        _ => Change::Unknown,
    }
}

const SIZES: [&str; 3] = ["max_length", "max_digits", "decimal_places"];
/// Arguments of classes of packages that are part of the column's type. Others are taken to be for Python alone.
const DECIDING: [&str; 4] = ["dim", "dimensions", "geography", "srid"];

fn deciding(field: &Field) -> impl Iterator<Item = &(String, String)> {
    (field.type_details.iter()).filter(|(name, _)| DECIDING.contains(&name.as_str()))
}
