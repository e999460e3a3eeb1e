//! A model's field, as far as its column is concerned.

use super::names::Names;
use crate::python::{Expr, ExprKind};
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
    /// Everything that decides the column's type beside the class: collation, expression, `srid`, base field.
    pub(crate) type_details: String,
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
const WITHOUT_EFFECT: [&str; 34] = [
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
];

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
        let flag = |name: &str| call.keyword(name).and_then(Expr::as_bool).unwrap_or(false);
        let int = |name: &str| {
            call.keyword(name)
                .map(|value| names.literal(value))
                .and_then(Expr::as_int)
        };
        let normal = |value: &Expr| value.normal_form().unwrap_or_else(|| "?".to_owned());
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
        let mut details: Vec<String> = call
            .keywords
            .iter()
            .filter_map(|(key, value)| {
                let key = key.as_deref()?;
                (!WITHOUT_EFFECT.contains(&key)).then(|| format!("{key}={}", normal(value)))
            })
            .collect();
        details.sort();
        let known = builtin.as_deref().unwrap_or(&class);
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
            max_length: int("max_length").or(match known {
                "SlugField" => Some(50),
                "URLField" => Some(200),
                "EmailField" => Some(254),
                "FileField" | "ImageField" | "FilePathField" => Some(100),
                _ => None,
            }),
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
            type_details: details.join(","),
            incomplete: call
                .has_spread()
                .then_some("its arguments come from a mapping"),
            null_is_hidden: names.sets_null_itself(callee),
            class,
            builtin,
        })
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
        self.makes_table() && !self.type_details.contains("db_table=")
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
