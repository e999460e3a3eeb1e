//! A call in a list of operations to an [`Operation`].

use super::field::Field;
use super::migration::CannotSee;
use super::names::{Meaning, Names};
use super::operation::{
    Constraint, ConstraintKind, CreateModel, Kind, Operation, Reverse, RunPython, RunSql,
};
use crate::python::{Call, Expr, ExprKind, FunctionFacts, Span};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How deep operations nest in each other, and classes derive from each other.
const DEEPEST: u32 = 8;

/// Operations of Django and its contributions that change no table of the project.
const HARMLESS: [&str; 16] = [
    "AlterModelManagers",
    "AlterModelTableComment",
    "CreateExtension",
    "BloomExtension",
    "BtreeGinExtension",
    "BtreeGistExtension",
    "CITextExtension",
    "CryptoExtension",
    "HStoreExtension",
    "TrigramExtension",
    "UnaccentExtension",
    "CreateCollation",
    "RemoveCollation",
    "AlterConstraint",
    "PostgreSQLExtension",
    "IgnoreMigration",
];

/// Reads operations of one file.
pub(crate) struct OperationReader<'r> {
    pub(crate) names: &'r Names<'r>,
    pub(crate) unseen: &'r mut Vec<CannotSee>,
}

impl OperationReader<'_> {
    fn cannot_see<T>(&mut self, why: impl Into<String>, span: Span) -> Option<T> {
        self.unseen.push(CannotSee {
            why: why.into(),
            span,
        });
        None
    }

    /// Reads one element of the list.
    pub(crate) fn read(&mut self, item: &Expr, depth: u32) -> Option<Operation> {
        if depth > DEEPEST {
            return self.cannot_see("operations nest too deeply", item.span);
        }
        if let ExprKind::Name(name) = &item.kind {
            return match self.names.constant(name).cloned() {
                Some(value) => self.read(&value, depth + 1),
                None => self.cannot_see(
                    format!("the operation `{name}` is made elsewhere"),
                    item.span,
                ),
            };
        }
        let Some(call) = item.as_call() else {
            return self.cannot_see("an operation is computed", item.span);
        };
        let Some(callee) = call.callee.as_name() else {
            return self.cannot_see("an operation's class is computed", item.span);
        };
        let class = self.operation_class(callee, item.span, 0)?;
        if call.has_spread() {
            return self.cannot_see(
                format!("the arguments of {class} come from a list or a mapping"),
                item.span,
            );
        }
        let Some(kind) = self.kind(&class, call, item.span, depth) else {
            // A part that could not be read has been said already, or is missing.
            if !self.unseen.iter().any(|one| within(one.span, item.span)) {
                return self.cannot_see(
                    format!("the arguments of {class} cannot be read"),
                    item.span,
                );
            }
            return None;
        };
        Some(Operation {
            kind,
            span: item.span,
        })
    }

    /// Django's operation that a name stands for, through subclasses of the project.
    fn operation_class(&mut self, callee: &str, span: Span, depth: u32) -> Option<String> {
        if depth > DEEPEST {
            return self.cannot_see(format!("the base classes of {callee} do not end"), span);
        }
        match self.names.meaning(callee) {
            Meaning::Django(path) => path.rsplit('.').next().map(str::to_owned),
            Meaning::Class(module, path, class) => {
                let own: Vec<&str> = ["__init__", "database_forwards", "state_forwards"]
                    .into_iter()
                    .filter(|method| class.body.functions.contains_key(*method))
                    .collect();
                if own.contains(&"__init__") || own.contains(&"state_forwards") {
                    return self.cannot_see(
                        format!("the operation {callee} has its own `{}`", own.join("`, `")),
                        span,
                    );
                }
                if own.contains(&"database_forwards") {
                    self.unseen.push(CannotSee {
                        why: format!("the operation {callee} changes the database in its own way"),
                        span,
                    });
                }
                let names = Names {
                    path: &path,
                    module: &module,
                    class: None,
                    modules: self.names.modules,
                };
                let base = class
                    .bases
                    .iter()
                    .filter_map(Expr::as_name)
                    .find(|base| *base != callee)
                    .map(str::to_owned);
                match base {
                    Some(base) => OperationReader {
                        names: &names,
                        unseen: self.unseen,
                    }
                    .operation_class(&base, span, depth + 1),
                    None => self.cannot_see(
                        format!("the operation {callee} has no base class that we can read"),
                        span,
                    ),
                }
            }
            Meaning::Unknown(path) => {
                if self.names.module.body.functions.contains_key(callee) {
                    return self
                        .cannot_see(format!("the function `{callee}` makes an operation"), span);
                }
                self.cannot_see(
                    format!("the operation {path} is in none of the project's files"),
                    span,
                )
            }
        }
    }

    fn kind(&mut self, class: &str, call: &Call, span: Span, depth: u32) -> Option<Kind> {
        let names = self.names;
        let text = |position, name| {
            call.argument(position, name)
                .map(|value| names.literal(value))
                .and_then(Expr::as_str)
                .map(str::to_owned)
        };
        Some(match class {
            "CreateModel" => Kind::CreateModel(self.create_model(call)?),
            "DeleteModel" => Kind::DeleteModel {
                model: text(0, "name")?,
            },
            "RenameModel" => Kind::RenameModel {
                old: text(0, "old_name")?,
                new: text(1, "new_name")?,
            },
            "AlterModelTable" => Kind::AlterModelTable {
                model: text(0, "name")?,
                table: match self.names.literal(call.argument(1, "table")?) {
                    value if matches!(value.kind, ExprKind::None) => None,
                    value => Some(value.as_str()?.to_owned()),
                },
            },
            "AlterModelOptions" => Kind::AlterModelOptions {
                model: text(0, "name")?,
                managed: call
                    .argument(1, "options")
                    .and_then(|options| entry(self.names.literal(options), "managed"))
                    .and_then(Expr::as_bool),
            },
            "AlterUniqueTogether" => Kind::AlterUniqueTogether {
                model: text(0, "name")?,
                sets: field_sets(self.names.literal(call.argument(1, "unique_together")?))?,
            },
            "AlterIndexTogether" => Kind::AlterIndexTogether {
                model: text(0, "name")?,
                sets: field_sets(self.names.literal(call.argument(1, "index_together")?))?,
            },
            "AlterOrderWithRespectTo" => Kind::AlterOrderWithRespectTo {
                model: text(0, "name")?,
                ordered: !matches!(
                    call.argument(1, "order_with_respect_to")?.kind,
                    ExprKind::None
                ),
            },
            "AddField" => Kind::AddField {
                model: text(0, "model_name")?,
                name: text(1, "name")?,
                field: Arc::new(self.field(call.argument(2, "field")?)?),
            },
            "RemoveField" => Kind::RemoveField {
                model: text(0, "model_name")?,
                name: text(1, "name")?,
            },
            "AlterField" => Kind::AlterField {
                model: text(0, "model_name")?,
                name: text(1, "name")?,
                field: Arc::new(self.field(call.argument(2, "field")?)?),
            },
            "RenameField" => Kind::RenameField {
                model: text(0, "model_name")?,
                old: text(1, "old_name")?,
                new: text(2, "new_name")?,
            },
            "AddIndex" | "AddIndexConcurrently" => Kind::AddIndex {
                model: text(0, "model_name")?,
                name: self.index_name(call.argument(1, "index")?),
                concurrently: class == "AddIndexConcurrently",
            },
            "RemoveIndex" | "RemoveIndexConcurrently" => Kind::RemoveIndex {
                model: text(0, "model_name")?,
                name: text(1, "name")?,
                concurrently: class == "RemoveIndexConcurrently",
            },
            "RenameIndex" => Kind::RenameIndex,
            "AddConstraint" | "AddConstraintNotValid" => Kind::AddConstraint {
                model: text(0, "model_name")?,
                constraint: self.constraint(call.argument(1, "constraint")?)?,
                validated: class == "AddConstraint",
            },
            "RemoveConstraint" => Kind::RemoveConstraint {
                model: text(0, "model_name")?,
                name: text(1, "name")?,
            },
            "ValidateConstraint" => Kind::ValidateConstraint {
                model: text(0, "model_name")?,
                name: text(1, "name")?,
            },
            "RunSQL" => Kind::RunSql(self.run_sql(call, span, depth)),
            "RunPython" => Kind::RunPython(self.run_python(call, span)),
            "SeparateDatabaseAndState" => Kind::Separate {
                database: self.inner_list(call.argument(0, "database_operations"), depth),
                state: self.inner_list(call.argument(1, "state_operations"), depth),
            },
            known if HARMLESS.contains(&known) => Kind::Harmless,
            other => {
                return self.cannot_see(format!("the operation {other} is not known"), span);
            }
        })
    }

    fn inner_list(&mut self, list: Option<&Expr>, depth: u32) -> Vec<Operation> {
        let Some(list) = list else {
            return Vec::new();
        };
        if matches!(list.kind, ExprKind::None) {
            return Vec::new();
        }
        let mut operations = Vec::new();
        self.flatten(list, &mut operations, depth + 1);
        operations
    }

    fn flatten(&mut self, list: &Expr, into: &mut Vec<Operation>, depth: u32) {
        if depth > DEEPEST {
            self.cannot_see::<()>("operations nest too deeply", list.span);
            return;
        }
        match &list.kind {
            ExprKind::List(items) | ExprKind::Tuple(items) => {
                for item in items {
                    match &item.kind {
                        ExprKind::Starred(inner) => self.flatten(inner, into, depth + 1),
                        _ => into.extend(self.read(item, depth)),
                    }
                }
            }
            ExprKind::Add(left, right) | ExprKind::Either(left, right) => {
                self.flatten(left, into, depth + 1);
                self.flatten(right, into, depth + 1);
            }
            ExprKind::Name(name) => match self.names.constant(name).cloned() {
                Some(value) => self.flatten(&value, into, depth + 1),
                None => {
                    self.cannot_see::<()>(
                        format!("the operations in `{name}` are built elsewhere"),
                        list.span,
                    );
                }
            },
            _ => {
                self.cannot_see::<()>("a list of operations is computed", list.span);
            }
        }
    }

    fn field(&mut self, expr: &Expr) -> Option<Field> {
        let value = self.names.literal(expr);
        let Some(field) = Field::read(value, self.names) else {
            let span = expr.span;
            return self.cannot_see("a field is computed", span);
        };
        if let Some(why) = field.incomplete {
            self.unseen.push(CannotSee {
                why: format!("the field's {why}"),
                span: expr.span,
            });
        }
        Some(field)
    }

    fn create_model(&mut self, call: &Call) -> Option<CreateModel> {
        let model = self
            .names
            .literal(call.argument(0, "name")?)
            .as_str()?
            .to_owned();
        let list = self.names.literal(call.argument(1, "fields")?).clone();
        let Some(pairs) = list.elements() else {
            return self.cannot_see("the fields of a new model are computed", list.span);
        };
        let mut fields = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let Some([name, field]) = pair.elements() else {
                self.cannot_see::<()>("a field of a new model is computed", pair.span);
                continue;
            };
            if let (Some(name), Some(field)) = (
                self.names.literal(name).as_str().map(str::to_owned),
                self.field(field),
            ) {
                fields.push((name, Arc::new(field)));
            }
        }
        let empty = Expr {
            kind: ExprKind::None,
            span: Span::default(),
        };
        let options = call
            .argument(2, "options")
            .map_or(empty, |options| self.names.literal(options).clone());
        if let ExprKind::Opaque(_) | ExprKind::Call(_) | ExprKind::Name(_) = options.kind {
            self.cannot_see::<()>("the options of a new model are computed", options.span);
        }
        let list = |key: &str| {
            entry(&options, key)
                .and_then(Expr::elements)
                .unwrap_or_default()
                .to_vec()
        };
        let constraint_list = list("constraints");
        Some(CreateModel {
            model,
            fields,
            table: entry(&options, "db_table")
                .map(|value| self.names.literal(value))
                .and_then(Expr::as_str)
                .map(str::to_owned),
            managed: entry(&options, "managed")
                .and_then(Expr::as_bool)
                .unwrap_or(true),
            proxy: entry(&options, "proxy")
                .and_then(Expr::as_bool)
                .unwrap_or(false),
            unique_together: entry(&options, "unique_together")
                .and_then(field_sets)
                .unwrap_or_default(),
            index_together: entry(&options, "index_together")
                .and_then(field_sets)
                .unwrap_or_default(),
            constraints: constraint_list
                .iter()
                .filter_map(|constraint| self.constraint(constraint))
                .collect(),
        })
    }

    fn index_name(&self, expr: &Expr) -> Option<String> {
        self.names
            .literal(expr)
            .as_call()?
            .keyword("name")?
            .as_str()
            .map(str::to_owned)
    }

    fn constraint(&mut self, expr: &Expr) -> Option<Constraint> {
        let value = self.names.literal(expr).clone();
        let Some(call) = value.as_call() else {
            return self.cannot_see("a constraint is computed", expr.span);
        };
        let class = call.callee.as_name().unwrap_or_default();
        let kind = match class.rsplit('.').next().unwrap_or_default() {
            "UniqueConstraint" => ConstraintKind::Unique,
            "CheckConstraint" => ConstraintKind::Check,
            "ExclusionConstraint" => ConstraintKind::Exclusion,
            _ => ConstraintKind::Other,
        };
        let mut not_null_fields = Vec::new();
        if kind == ConstraintKind::Check
            && let Some(condition) = call.keyword("check").or_else(|| call.keyword("condition"))
        {
            not_null_of(condition, &mut not_null_fields);
        }
        Some(Constraint {
            kind,
            name: call
                .keyword("name")
                .and_then(Expr::as_str)
                .map(str::to_owned),
            not_null_fields,
        })
    }

    fn run_sql(&mut self, call: &Call, span: Span, depth: u32) -> RunSql {
        let mut sql = Vec::new();
        if let Some(text) = call.argument(0, "sql") {
            self.sql_texts(text, &mut sql, 0);
        }
        let reverse = call.argument(1, "reverse_sql");
        let _ = span;
        RunSql {
            sql,
            reverse: match reverse {
                None => Reverse::Missing,
                Some(value) if matches!(value.kind, ExprKind::None) => Reverse::Missing,
                Some(_) => Reverse::Given,
            },
            state: self.inner_list(call.argument(2, "state_operations"), depth),
        }
    }

    fn sql_texts(&mut self, expr: &Expr, into: &mut Vec<(String, Span)>, depth: u32) {
        if depth > DEEPEST {
            return;
        }
        match &expr.kind {
            ExprKind::Str(text) => into.push((text.clone(), expr.span)),
            ExprKind::Name(name) if name.ends_with("RunSQL.noop") => {}
            ExprKind::Name(name) => match self.names.constant(name).cloned() {
                Some(value) => self.sql_texts(&value, into, depth + 1),
                None => {
                    self.cannot_see::<()>(
                        format!("the SQL in `{name}` is made elsewhere"),
                        expr.span,
                    );
                }
            },
            ExprKind::List(items) | ExprKind::Tuple(items) => {
                for item in items {
                    match item.elements() {
                        // A statement with its parameters.
                        Some([statement, _]) if matches!(item.kind, ExprKind::Tuple(_)) => {
                            self.sql_texts(statement, into, depth + 1);
                        }
                        _ => self.sql_texts(item, into, depth + 1),
                    }
                }
            }
            ExprKind::Add(..) => match self.joined(expr, 0) {
                Some(text) => into.push((text, expr.span)),
                None => {
                    self.cannot_see::<()>("the SQL is computed", expr.span);
                }
            },
            ExprKind::Either(one, other) => {
                self.sql_texts(one, into, depth + 1);
                self.sql_texts(other, into, depth + 1);
            }
            _ => {
                self.cannot_see::<()>("the SQL is computed or read from a file", expr.span);
            }
        }
    }

    /// Texts that are added to each other.
    fn joined(&self, expr: &Expr, depth: u32) -> Option<String> {
        match &self.names.literal(expr).kind {
            ExprKind::Str(text) => Some(text.clone()),
            ExprKind::Add(left, right) if depth < 64 => {
                Some(self.joined(left, depth + 1)? + &self.joined(right, depth + 1)?)
            }
            _ => None,
        }
    }

    fn run_python(&mut self, call: &Call, span: Span) -> RunPython {
        let code = call.argument(0, "code");
        let noop = code
            .and_then(Expr::as_name)
            .is_some_and(|name| name.ends_with("RunPython.noop"));
        let facts = match code {
            Some(_) if noop => None,
            Some(code) => self.function(code),
            None => self.cannot_see("RunPython has no function", span),
        };
        let helpers = facts
            .as_ref()
            .map_or_else(Vec::new, |facts| self.helpers(facts));
        let imported_models = facts
            .iter()
            .chain(&helpers)
            .flat_map(|facts| self.imported_models(facts))
            .collect();
        RunPython {
            code: facts,
            helpers,
            reverse: match call.argument(1, "reverse_code") {
                None => Reverse::Missing,
                Some(value) if matches!(value.kind, ExprKind::None) => Reverse::Missing,
                Some(_) => Reverse::Given,
            },
            noop,
            imported_models,
        }
    }

    fn function(&mut self, code: &Expr) -> Option<FunctionFacts> {
        match &code.kind {
            ExprKind::Lambda(facts) => Some((**facts).clone()),
            ExprKind::Name(name) => {
                let own = self
                    .names
                    .class
                    .and_then(|class| class.functions.get(name))
                    .or_else(|| self.names.module.body.functions.get(name));
                if let Some(facts) = own {
                    return Some(facts.clone());
                }
                let path = self.names.full_path(name);
                if let Some((module, function)) = path.rsplit_once('.')
                    && let Some((_, found)) = self.names.modules.import(self.names.path, module)
                    && let Some(facts) = found.body.functions.get(function)
                {
                    let mut facts = facts.clone();
                    facts.is_foreign = true;
                    return Some(facts);
                }
                self.cannot_see(
                    format!("the function `{name}` is in none of the project's files"),
                    code.span,
                )
            }
            // A function that makes the function: what it makes is written inside of it.
            ExprKind::Call(call)
                if call
                    .callee
                    .as_name()
                    .is_some_and(|name| self.names.module.body.functions.contains_key(name)) =>
            {
                self.function(&call.callee)
            }
            _ => self.cannot_see(
                "the function of RunPython is made by another one",
                code.span,
            ),
        }
    }

    /// Calls on names that come from a module of models.
    fn imported_models(&self, facts: &FunctionFacts) -> Vec<(String, Span)> {
        let is_models = |module: &str| {
            !module.starts_with("django.")
                && module
                    .trim_start_matches('.')
                    .split('.')
                    .any(|part| part == "models")
        };
        facts
            .calls
            .iter()
            .filter(|call| {
                let root = call.root();
                if facts.parameters.iter().any(|parameter| parameter == root) {
                    return false;
                }
                let local = facts
                    .imports
                    .iter()
                    .any(|(bound, module, _)| bound == root && is_models(module));
                // Only a manager or a new row is a use of the table; constants of a model's module are not.
                let is_use = call.passes("objects")
                    || (call.chain.len() == 1 && root.starts_with(char::is_uppercase));
                let top = call.chain.get(..1).unwrap_or_default().concat();
                let of_file =
                    is_use
                        && self.names.module.imports.get(&top).is_some_and(|import| {
                            import.name.is_some() && is_models(&import.module)
                        });
                (local && is_use) || of_file
            })
            .map(|call| (call.root().to_owned(), call.span))
            .collect()
    }

    /// Functions of the same file that the code calls, and those that they call.
    fn helpers(&self, facts: &FunctionFacts) -> Vec<FunctionFacts> {
        let functions = &self.names.module.body.functions;
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut open: Vec<&FunctionFacts> = vec![facts];
        let mut found = Vec::new();
        while let Some(current) = open.pop() {
            for call in &current.calls {
                if call.chain.len() == 1
                    && let Some((name, helper)) = functions.get_key_value(call.called())
                    && helper.span != facts.span
                    && seen.insert(name)
                {
                    found.push(helper.clone());
                    open.push(helper);
                }
            }
        }
        found
    }
}

fn within(inner: Span, outer: Span) -> bool {
    inner.start >= outer.start && inner.end <= outer.end
}

/// The value of a key of a dictionary.
fn entry<'e>(dict: &'e Expr, key: &str) -> Option<&'e Expr> {
    let ExprKind::Dict(items) = &dict.kind else {
        return None;
    };
    items
        .iter()
        .find(|(name, _)| name.as_ref().and_then(Expr::as_str) == Some(key))
        .map(|(_, value)| value)
}

/// `{("a", "b")}`, `[["a", "b"]]`, `("a", "b")`, `None`, `set()`.
fn field_sets(expr: &Expr) -> Option<BTreeSet<Vec<String>>> {
    if matches!(expr.kind, ExprKind::None) {
        return Some(BTreeSet::new());
    }
    if let Some(call) = expr.as_call() {
        return match (call.callee.as_name(), call.args.first()) {
            (Some("set" | "tuple" | "list"), None) => Some(BTreeSet::new()),
            (Some("set" | "tuple" | "list"), Some(inner)) => field_sets(inner),
            _ => None,
        };
    }
    let items = expr.elements()?;
    if items.iter().all(|item| item.as_str().is_some()) {
        let one: Vec<String> = items
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect();
        return Some(if one.is_empty() {
            BTreeSet::new()
        } else {
            BTreeSet::from([one])
        });
    }
    items
        .iter()
        .map(|item| {
            item.elements()?
                .iter()
                .map(|name| name.as_str().map(str::to_owned))
                .collect()
        })
        .collect()
}

/// The fields that `Q(a__isnull=False)`, also as a part of a list of conditions, holds to be filled.
fn not_null_of(condition: &Expr, into: &mut Vec<String>) {
    let Some(call) = condition.as_call() else {
        return;
    };
    for (key, value) in &call.keywords {
        if value.as_bool() == Some(false)
            && let Some(field) = key.as_deref().and_then(|key| key.strip_suffix("__isnull"))
        {
            into.push(field.to_owned());
        }
    }
    for arg in &call.args {
        if let Some([key, value]) = arg.elements()
            && value.as_bool() == Some(false)
            && let Some(field) = key.as_str().and_then(|key| key.strip_suffix("__isnull"))
        {
            into.push(field.to_owned());
        }
    }
}
