//! A model's field, as far as its column is concerned.

use super::names::Names;
use crate::python::{Call, Expr, ExprKind};
use std::borrow::Cow;

/// What new rows get when nobody gives a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InitialValue {
    None,
    /// A value, in its normal form; `?` if it could not be read.
    Value(String),
    /// A function, by the name the file gives it.
    Callable(String),
}

/// A field.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// The class as the file names it, without its module: `CharField`.
    pub(crate) class: String,
    /// Django's class behind it, `class` itself or a base class in the same tree. `None`: not known.
    pub(crate) builtin: Option<String>,
    pub(crate) null: bool,
    /// The class sets `null` itself, so that the call does not tell.
    pub(crate) null_is_hidden: bool,
    pub(crate) blank: bool,
    pub(crate) default: InitialValue,
    /// The `db_default`, in its normal form.
    pub(crate) db_default: Option<String>,
    pub(crate) unique: bool,
    pub(crate) db_index: bool,
    pub(crate) primary_key: bool,
    pub(crate) max_length: Option<i64>,
    pub(crate) max_digits: Option<i64>,
    pub(crate) decimal_places: Option<i64>,
    pub(crate) db_column: Option<String>,
    pub(crate) db_constraint: bool,
    /// The target of a relation: `app.Model`, `Model`, or a setting's name.
    pub(crate) to: Option<String>,
    pub(crate) through: Option<String>,
    /// A `GeneratedField` that is stored.
    pub(crate) stored: bool,
    /// `auto_now` or `auto_now_add`.
    pub(crate) auto_now: bool,
    /// Everything else that decides the column's type beside the class, by name: collation, expression, `srid`.
    pub(crate) type_details: Vec<(String, String)>,
    /// Django's class whose type the column has. `None`: it cannot be seen.
    pub(crate) column_class: Option<String>,
    /// The field of an array's elements, or the one whose type a generated column has.
    pub(crate) base: Option<Box<Field>>,
    /// Arguments that decide about the column and cannot be read, by name, as written.
    pub(crate) hidden: Vec<(&'static str, String)>,
    /// The field of the target that a foreign key points to, if it is not the primary key.
    pub(crate) to_field: Option<String>,
    /// Arguments come from `**mapping`, or the class takes positional ones that we do not know.
    pub(crate) incomplete: Option<&'static str>,
}

/// Fields that have no column.
const WITHOUT_COLUMN: [&str; 8] = [
    "ManyToManyField",
    "GenericForeignKey",
    "GenericRelation",
    "TaggableManager",
    "ClusterTaggableManager",
    "ParentalManyToManyField",
    "SortedManyToManyField",
    "CompositePrimaryKey",
];

/// Classes whose many-to-many table Django makes.
const MANY_TO_MANY: [&str; 3] = [
    "ManyToManyField",
    "ParentalManyToManyField",
    "SortedManyToManyField",
];

/// Arguments that never change the column.
const WITHOUT_EFFECT: [&str; 38] = [
    "verbose_name",
    "help_text",
    "choices",
    "validators",
    "error_messages",
    "editable",
    "blank",
    "default",
    "null",
    "db_default",
    "unique",
    "db_index",
    "primary_key",
    "max_length",
    "max_digits",
    "decimal_places",
    "db_column",
    "db_constraint",
    "to",
    "through",
    "auto_now",
    "auto_now_add",
    "upload_to",
    "storage",
    "related_name",
    "related_query_name",
    "on_delete",
    "limit_choices_to",
    "auto_created",
    "serialize",
    "parent_link",
    "unique_for_date",
    "db_comment",
    "encoder",
    // Read on their own.
    "base_field",
    "output_field",
    "to_field",
    // Postgres does not look at the size of an array.
    "size",
];

/// What stands for an argument that is computed.
const NOT_WRITTEN: &str = "?";
/// What stands for an argument that the class sets itself.
const BY_CLASS: &str = "set by its class";

impl Field {
    /// Reads `models.CharField(max_length=10, …)`. `None` if it is not a call.
    pub(crate) fn read(expr: &Expr, names: &Names<'_>) -> Option<Self> {
        let call = expr.as_call()?;
        let callee = call.callee.as_name()?;
        let class = callee.rsplit('.').next().unwrap_or(callee).to_owned();
        let builtin = names.builtin_field(callee);
        let relation = matches!(
            builtin.as_deref().unwrap_or(&class),
            "ForeignKey"
                | "OneToOneField"
                | "ManyToManyField"
                | "ParentalKey"
                | "ParentalManyToManyField"
        );
        let flag = |name: &str| {
            let value = call.keyword(name).map(|value| names.literal(value));
            value.and_then(Expr::as_bool).unwrap_or(false)
        };
        let int = |name: &str| {
            call.keyword(name)
                .map(|value| names.literal(value))
                .and_then(Expr::as_int)
        };
        let default = match call.keyword("default").map(|value| names.literal(value)) {
            None => InitialValue::None,
            Some(value) => match &value.kind {
                ExprKind::Lambda(_) => InitialValue::Callable("a lambda".to_owned()),
                ExprKind::Name(name) if !names.is_constant(name) => {
                    InitialValue::Callable(name.clone())
                }
                ExprKind::Name(name) if name.ends_with("NOT_PROVIDED") => InitialValue::None,
                _ => InitialValue::Value(normal(value)),
            },
        };
        let to = relation
            .then(|| call.argument(0, "to"))
            .flatten()
            .and_then(|to| to.as_str().or_else(|| to.as_name()))
            .map(str::to_owned);
        let mut type_details: Vec<(String, String)> = call
            .keywords
            .iter()
            .filter_map(|(key, value)| {
                let key = key.as_deref()?;
                (!WITHOUT_EFFECT.contains(&key)).then(|| (key.to_owned(), normal(value)))
            })
            .collect();
        type_details.sort();
        let known = builtin.as_deref().unwrap_or(&class);
        let own_length = match known {
            "SlugField" => Some(50),
            "URLField" => Some(200),
            "EmailField" => Some(254),
            "FileField" | "ImageField" | "FilePathField" => Some(100),
            _ => None,
        };
        let column_class = names.column_class(callee);
        let hidden = hidden(call, names, callee, own_length.is_some());
        let length_is_hidden = hidden.iter().any(|(name, _)| *name == "max_length");
        let implied_index = matches!(
            known,
            "ForeignKey" | "OneToOneField" | "SlugField" | "ParentalKey"
        );
        Some(Self {
            null: flag("null"),
            blank: flag("blank"),
            default,
            db_default: call
                .keyword("db_default")
                // `DEFAULT NULL` is what a column without a default has.
                .filter(|value| !matches!(value.kind, ExprKind::None))
                .filter(|value| {
                    !value
                        .as_name()
                        .is_some_and(|name| name.ends_with("NOT_PROVIDED"))
                })
                .map(normal),
            unique: flag("unique") || known == "OneToOneField",
            db_index: call
                .keyword("db_index")
                .map_or(implied_index, |value| value.as_bool().unwrap_or(false)),
            primary_key: flag("primary_key"),
            max_length: int("max_length").or(own_length.filter(|_| !length_is_hidden)),
            max_digits: int("max_digits"),
            decimal_places: int("decimal_places"),
            db_column: call
                .keyword("db_column")
                .and_then(Expr::as_str)
                .map(str::to_owned),
            db_constraint: call
                .keyword("db_constraint")
                .and_then(Expr::as_bool)
                .unwrap_or(true),
            to,
            through: call
                .keyword("through")
                .and_then(|value| value.as_str().or_else(|| value.as_name()))
                .map(str::to_owned),
            stored: known == "GeneratedField" && flag("db_persist"),
            auto_now: flag("auto_now") || flag("auto_now_add"),
            type_details,
            base: base(call, column_class.as_deref())
                .and_then(|base| Self::read(names.literal(base), names).map(Box::new)),
            column_class,
            hidden,
            to_field: (call.keyword("to_field").and_then(Expr::as_str)).map(str::to_owned),
            incomplete: call
                .has_spread()
                .then_some("its arguments come from a mapping"),
            null_is_hidden: names.sets_itself(callee, "null"),
            class,
            builtin,
        })
    }

    /// An argument that decides about the column and cannot be read, as written.
    pub(crate) fn hides(&self, argument: &str) -> Option<&str> {
        let mut hidden = self.hidden.iter();
        let (_, written) = hidden.find(|(name, _)| *name == argument)?;
        Some(written)
    }

    /// Whether an argument is read in both fields, or is hidden in both and written alike, so that it has not changed.
    pub(crate) fn hides_as(&self, other: &Self, argument: &str) -> bool {
        match (self.hides(argument), other.hides(argument)) {
            (None, None) => true,
            (Some(one), Some(another)) => one == another && one != NOT_WRITTEN,
            _ => false,
        }
    }

    /// Django's class, or the file's where that is not known.
    pub(crate) fn known(&self) -> &str {
        self.builtin.as_deref().unwrap_or(&self.class)
    }

    /// Whether the field has a column in its model's table.
    pub(crate) fn has_column(&self) -> bool {
        !WITHOUT_COLUMN.contains(&self.known())
    }

    /// Whether Django makes a table of its own for this field.
    pub(crate) fn makes_table(&self) -> bool {
        MANY_TO_MANY.contains(&self.known()) && self.through.is_none()
    }

    /// Whether Django makes a table for it and names the columns after the two models.
    pub(crate) fn names_its_columns(&self) -> bool {
        self.makes_table() && self.incomplete.is_none()
    }

    /// Whether Django makes a table for it and names that after the field.
    pub(crate) fn names_its_table(&self) -> bool {
        let is_named = (self.type_details.iter()).any(|(key, _)| key == "db_table");
        self.makes_table() && !is_named
    }

    /// Whether a relation of a model of one app leads to a model of another.
    pub(crate) fn leads_to(&self, from_app: &str, app: &str, model: &str) -> bool {
        self.to.as_deref().is_some_and(|to| {
            let (to_app, to_model) = to.split_once('.').unwrap_or((from_app, to));
            to_app == app && to_model.eq_ignore_ascii_case(model)
        })
    }

    /// Whether the column holds a key of another table.
    pub(crate) fn is_foreign_key(&self) -> bool {
        matches!(self.known(), "ForeignKey" | "OneToOneField" | "ParentalKey")
    }

    /// Whether Django keeps negative numbers out of the column with a check.
    pub(crate) fn is_positive(&self) -> bool {
        let class = self.column_class.as_deref().unwrap_or_default();
        matches!(
            class,
            "PositiveIntegerField" | "PositiveBigIntegerField" | "PositiveSmallIntegerField"
        )
    }

    /// Whether the database itself fills the column: identity columns and generated ones.
    pub(crate) fn is_filled_by_database(&self) -> bool {
        matches!(
            self.known(),
            "AutoField" | "BigAutoField" | "SmallAutoField" | "GeneratedField"
        ) || self.db_default.is_some()
    }

    /// Whether the column takes NULL. Primary keys never do.
    pub(crate) fn takes_null(&self) -> bool {
        self.null && !self.primary_key
    }

    /// Whether Django has a value for the rows that exist when the column is added: the default, an empty text, the time
    /// (`_effective_default` in django/db/backends/base/schema.py).
    pub(crate) fn has_effective_default(&self) -> bool {
        self.default != InitialValue::None
            || self.auto_now
            || (self.blank && !self.takes_null() && self.is_text())
    }

    /// Django's `empty_strings_allowed`: fields for which a text of no length is a value.
    fn is_text(&self) -> bool {
        matches!(
            self.known(),
            "CharField"
                | "TextField"
                | "SlugField"
                | "EmailField"
                | "URLField"
                | "FileField"
                | "ImageField"
                | "FilePathField"
                | "BinaryField"
                | "CICharField"
                | "CITextField"
                | "CIEmailField"
        )
    }

    /// The name of the column of a field of that name.
    pub(crate) fn column<'a>(&'a self, name: &'a str) -> Cow<'a, str> {
        match &self.db_column {
            Some(column) => Cow::Borrowed(column),
            None if self.is_foreign_key() => Cow::Owned(format!("{name}_id")),
            None => Cow::Borrowed(name),
        }
    }
}

fn normal(value: &Expr) -> String {
    value
        .normal_form()
        .unwrap_or_else(|| NOT_WRITTEN.to_owned())
}

/// The field inside of a field: of an array's elements, or the one whose type a generated column has.
fn base<'c>(call: &'c Call, column_class: Option<&str>) -> Option<&'c Expr> {
    if column_class == Some("ArrayField") {
        return call.argument(0, "base_field");
    }
    call.keyword("output_field")
        .or_else(|| call.keyword("base_field"))
}

/// Arguments that decide about the column and cannot be read: their values are names from elsewhere or computed, or the class
/// sets them itself. What the class sets is the same for all fields of the class.
fn hidden(
    call: &Call,
    names: &Names<'_>,
    class: &str,
    has_own_length: bool,
) -> Vec<(&'static str, String)> {
    let set_by_class = |name: &str| match name {
        "null" => false,
        "max_length" if has_own_length => names.sets_itself(class, name),
        _ => names.has_own_init(class),
    };
    let judge = |name: &'static str| match call.keyword(name) {
        None => set_by_class(name).then(|| (name, BY_CLASS.to_owned())),
        Some(value) => {
            let value = names.literal(value);
            let is_read = match value.kind {
                ExprKind::None => true,
                ExprKind::Bool(_) => name == "null",
                ExprKind::Int(_) => name != "null",
                _ => false,
            };
            (!is_read).then(|| (name, normal(value)))
        }
    };
    ["null", "max_length", "max_digits", "decimal_places"]
        .into_iter()
        .filter_map(judge)
        .collect()
}
