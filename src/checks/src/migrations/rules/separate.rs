//! `state-and-database-disagree`: `SeparateDatabaseAndState` whose halves do not fit.

use super::ParsedSql;
use super::made_by_sql::Made;
use crate::migrations::migration::Migration;
use crate::migrations::operation::{Kind, Operation};
use crate::migrations::project::Project;
use crate::migrations::state::{Fold, Model, default_table};
use crate::sql;
use beanpole_model::{Finding, Severity};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};

pub(in crate::migrations) const RULE: &str = "state-and-database-disagree";

/// What operations of judged migrations have promised and not kept themselves.
///
/// Another migration may make what one has promised: tables that move between apps do so in two. So what is missing in the end
/// decides.
#[derive(Default)]
pub(in crate::migrations) struct Promises<'p>(Vec<Promise<'p>>);

struct Promise<'p> {
    migration: &'p Migration,
    operation: &'p Operation,
    /// What the models have since then and the database has not.
    new: BTreeSet<Missing>,
}

impl<'p> Promises<'p> {
    /// Takes an operation of a judged migration in, and notes what it promises.
    pub(in crate::migrations) fn take_in(
        &mut self,
        fold: &mut Fold,
        migration: &'p Migration,
        operation: &'p Operation,
        sql: &ParsedSql<'_>,
    ) {
        let by = &migration.id.key();
        let Some(by_sql) = made_beside(operation, sql) else {
            fold.apply(&by.0, operation, by);
            return;
        };
        let touched = Touched::new(fold, &by.0, operation);
        let before = missing(fold, |table| touched.concerns(table));
        fold.apply(&by.0, operation, by);
        let mut new = missing(fold, |table| touched.concerns(table));
        new.retain(|missing| !before.contains(missing) && !missing.is_made(&by_sql));
        if !new.is_empty() {
            self.0.push(Promise {
                migration,
                operation,
                new,
            });
        }
    }

    /// What is still missing in the end, at the operations that have promised it.
    pub(in crate::migrations) fn findings(
        &self,
        project: &Project<'_>,
        end: &Fold,
    ) -> Vec<Finding> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let still = missing(end, |_| true);
        let findings = self.0.iter().filter_map(|promise| {
            let broken: Vec<String> = promise
                .new
                .intersection(&still)
                .filter(|missing| !missing.is_made_elsewhere(project, promise.operation))
                .map(Missing::shown)
                .collect();
            (!broken.is_empty()).then(|| promise.finding(project, &broken))
        });
        findings.collect()
    }
}

impl Promise<'_> {
    fn finding(&self, project: &Project<'_>, broken: &[String]) -> Finding {
        let place = project.location(&self.migration.id.path, Some(self.operation.span));
        Finding {
            rule: RULE.to_owned(),
            severity: Severity::Warning,
            location: Some(place),
            message: format!("after it the models have what the database has not: {}", broken.join(", ")),
            reason: "every query of the new code on these tables fails, unless something outside of the migrations has made them"
                .to_owned(),
            remedy: Some(
                "give database_operations what state_operations promise, or take both from one operation".to_owned(),
            ),
        }
    }
}

/// The tables whose columns an operation may change, for the models or in the database.
struct Touched(Vec<String>);

impl Touched {
    /// Those before the operation and after it.
    fn new(fold: &Fold, app: &str, operation: &Operation) -> Self {
        let mut tables = Vec::new();
        let mut open = vec![operation];
        while let Some(operation) = open.pop() {
            match &operation.kind {
                Kind::Separate { database, state } => open.extend(database.iter().chain(state)),
                Kind::RunSql(run) => open.extend(&run.state),
                Kind::CreateModel(created) => tables.extend(created.table.clone()),
                Kind::AlterModelTable { table, .. } => tables.extend(table.clone()),
                _ => {}
            }
            for model in operation.kind.models() {
                let found = [&fold.state, &fold.database].map(|state| state.model(app, model));
                tables.extend(found.into_iter().flatten().map(|model| model.table.clone()));
                tables.push(default_table(app, model));
            }
        }
        Self(tables)
    }

    /// Whether a table is one of them, or one between two models that a field of them makes.
    fn concerns(&self, table: &str) -> bool {
        let mut tables = self.0.iter();
        tables.any(|touched| {
            let (begin, rest) = table.split_at_checked(touched.len()).unwrap_or_default();
            begin.eq_ignore_ascii_case(touched) && (rest.is_empty() || rest.starts_with('_'))
        })
    }
}

/// What SQL makes in the database beside the operations, if the two halves of an operation can be compared. What code of one's own
/// does to the database is not known, nor is what SQL does that is not understood.
fn made_beside(operation: &Operation, sql: &ParsedSql<'_>) -> Option<Made> {
    let database = match &operation.kind {
        Kind::Separate { database, state } if !database.is_empty() || !state.is_empty() => {
            database.as_slice()
        }
        Kind::RunSql(run) if !run.state.is_empty() => std::slice::from_ref(operation),
        _ => return None,
    };
    let is_unknown = |inner: &Operation| match &inner.kind {
        Kind::RunSql(run) => !run.is_whole,
        Kind::RunPython(_) | Kind::Harmless | Kind::Separate { .. } => true,
        _ => false,
    };
    if database.iter().any(is_unknown) {
        return None;
    }
    Made::of(database.iter().flat_map(|inner| sql.of(inner)).flatten())
}

/// Something that the models have and no operation has made.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Missing {
    table: String,
    /// None if it is the whole table.
    column: Option<String>,
}

impl Missing {
    fn is_made(&self, by_sql: &Made) -> bool {
        by_sql.has(&self.table, self.column.as_deref())
    }

    /// Whether SQL of another operation, of whatever migration, makes it or may make it.
    fn is_made_elsewhere(&self, project: &Project<'_>, operation: &Operation) -> bool {
        let migrations = project.migrations.values();
        let others = migrations.flat_map(|migration| &migration.operations);
        let mut texts = Vec::new();
        for other in others.filter(|other| !std::ptr::eq(*other, operation)) {
            super::collect_sql(other, &mut texts);
        }
        let name = self.column.as_ref().unwrap_or(&self.table).to_lowercase();
        let mut texts = texts.into_iter();
        texts.any(|text| {
            text.to_lowercase().contains(&name)
                && (sql::read(text).iter())
                    .any(|one| Made::of([one]).is_none_or(|made| self.is_made(&made)))
        })
    }

    fn shown(&self) -> String {
        match &self.column {
            Some(column) => format!("{}.{column}", self.table),
            None => self.table.clone(),
        }
    }
}

/// What the models of some tables have and no operation has made.
fn missing(fold: &Fold, concerns: impl Fn(&str) -> bool) -> BTreeSet<Missing> {
    let mut missing = BTreeSet::new();
    let models: Vec<&Model> = (fold.state.models.values())
        .filter(|model| model.has_table() && concerns(&model.table))
        .collect();
    let names = models.iter().map(|model| model.table.to_ascii_lowercase());
    let tables = Tables::of(fold, &names.collect());
    for model in models {
        let table = &model.table;
        let Some(columns) = tables.0.get(&table.to_ascii_lowercase()) else {
            // A table between two models may have become a model of its own.
            if fold.database.between(table).is_none() {
                missing.insert(Missing {
                    table: table.clone(),
                    column: None,
                });
            }
            continue;
        };
        for (name, field) in model.fields.iter().filter(|(_, field)| field.has_column()) {
            let column = field.column(name);
            if !columns.contains(&column) {
                missing.insert(Missing {
                    table: table.clone(),
                    column: Some(column.into_owned()),
                });
            }
        }
    }
    missing
}

/// The columns of each table that operations have made, by its name in small letters.
struct Tables<'f>(HashMap<String, HashSet<Cow<'f, str>>>);

impl<'f> Tables<'f> {
    /// Those of the given names in small letters.
    fn of(fold: &'f Fold, names: &HashSet<String>) -> Self {
        let models = fold.database.models.values();
        let mut tables: HashMap<String, HashSet<Cow<'f, str>>> = HashMap::new();
        for model in models.filter(|model| !model.proxy) {
            let name = model.table.to_ascii_lowercase();
            if names.contains(&name) {
                let fields = model.fields.iter().filter(|(_, field)| field.has_column());
                // Of two models with one table, the first is the one that has it, as in `State::table`.
                tables
                    .entry(name)
                    .or_insert_with(|| fields.map(|(name, field)| field.column(name)).collect());
            }
        }
        Self(tables)
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::migrations::testing::Case;

    #[test]
    fn a_column_that_nobody_makes_is_missed() {
        let case = Case::new().adds(
            "migrations.SeparateDatabaseAndState(state_operations=[migrations.AddField('order', 'size', models.IntegerField(null=True))]),",
        );
        assert_eq!(case.warnings(), [RULE]);
        assert!(
            case.review().findings[0]
                .message
                .contains("shop_order.size")
        );
        let case = Case::new().adds(
            "migrations.SeparateDatabaseAndState(state_operations=[migrations.CreateModel('Ghost', [('id', models.AutoField(primary_key=True))])]),",
        );
        assert_eq!(case.warnings(), [RULE]);
    }

    #[test]
    fn a_model_that_moves_keeps_its_table() {
        let case = Case::new().adds(
            r#"migrations.SeparateDatabaseAndState(
                state_operations=[migrations.CreateModel("Tag", [
                    ("id", models.BigAutoField(primary_key=True)), ("text", models.CharField(max_length=30)),
                ], options={"db_table": "labels"})],
            ),"#,
        );
        assert!(case.all().is_empty());
    }

    #[test]
    fn a_table_that_moves_in_two_migrations_is_there_in_the_end() {
        let case = Case::new()
            .adds_after("0002_state", "0001_initial", r#"migrations.SeparateDatabaseAndState(
                state_operations=[migrations.CreateModel("Tag", [("id", models.BigAutoField(primary_key=True))])],
            ),"#, "")
            .adds_after("0003_move", "0002_state", r#"migrations.SeparateDatabaseAndState(
                database_operations=[migrations.AlterModelTable("label", "shop_tag")],
                state_operations=[migrations.DeleteModel("Label")],
            ),"#, "");
        assert_eq!(case.all(), ["rename-table"]);
    }

    #[test]
    fn halves_that_fit_are_fine() {
        let field = "models.IntegerField(null=True)";
        let case = Case::new().adds(&format!(
            "migrations.SeparateDatabaseAndState(
                database_operations=[migrations.AddField('order', 'size', {field})],
                state_operations=[migrations.AddField('order', 'size', {field})],
            ),"
        ));
        assert!(case.all().is_empty());
    }

    #[test]
    fn a_table_between_two_models_that_becomes_a_model_is_there() {
        let model = r#"migrations.CreateModel("OrderLabel", [("order", models.ForeignKey("shop.order", models.CASCADE))], options={"db_table": "shop_order_labels"})"#;
        let with = |database: &str| {
            Case::new().adds(&format!(
                "migrations.SeparateDatabaseAndState(database_operations=[{database}], state_operations=[{model}]),"
            ))
        };
        assert!(with("").warnings().is_empty());
        // The field takes its table away with it.
        let case = with("migrations.RemoveField('order', 'labels')");
        assert_eq!(case.warnings(), [RULE]);
        let message = &case.review().findings;
        assert!(
            message
                .iter()
                .any(|finding| finding.message.ends_with("has not: shop_order_labels")),
            "{message:?}"
        );
    }

    #[test]
    fn what_one_migration_promises_another_may_break() {
        let state = "state_operations=[migrations.AddField('order', 'size', models.IntegerField(null=True))]";
        let both = "database_operations=[migrations.AddField('order', 'size', models.IntegerField(null=True))]";
        let case = Case::new()
            .adds_after(
                "0002_size",
                "0001_initial",
                &format!("migrations.SeparateDatabaseAndState({both}, {state}),"),
                "",
            )
            .adds_after(
                "0003_drop",
                "0002_size",
                "migrations.SeparateDatabaseAndState(database_operations=[migrations.RemoveField('order', 'size')]),",
                "",
            );
        let review = case.review();
        let found = review.findings.iter().find(|finding| finding.rule == RULE);
        let place = found.and_then(|finding| finding.location.as_ref());
        assert!(place.is_some_and(|place| place.path.ends_with("0003_drop.py")));
    }

    #[test]
    fn sql_may_have_made_it() {
        let case = Case::new().adds(
            "migrations.SeparateDatabaseAndState(
                database_operations=[migrations.RunSQL('ALTER TABLE shop_order ADD COLUMN size integer', migrations.RunSQL.noop)],
                state_operations=[migrations.AddField('order', 'size', models.IntegerField(null=True))],
            ),",
        );
        assert!(case.all().is_empty());
    }

    /// An operation with this SQL beside a new column `size` of the models.
    fn beside(sql: &str) -> Case {
        Case::new().adds(&format!(
            "migrations.SeparateDatabaseAndState(
                database_operations=[migrations.RunSQL({sql}, migrations.RunSQL.noop)],
                state_operations=[migrations.AddField('order', 'size', models.IntegerField(null=True))],
            ),"
        ))
    }

    #[test]
    fn sql_that_is_understood_is_compared() {
        for sql in [
            "'CREATE INDEX CONCURRENTLY IF NOT EXISTS a ON shop_order (number)'",
            "'ALTER TABLE shop_order ADD COLUMN sizes integer'",
            "'ALTER TABLE labels ADD COLUMN size integer'",
            "migrations.RunSQL.noop",
        ] {
            assert!(beside(sql).warnings().contains(&RULE.to_owned()), "{sql}");
        }
        for sql in [
            "'ALTER TABLE shop_order RENAME total TO size'",
            "['ALTER TABLE shop_order ADD sizes integer', 'ALTER TABLE shop_order ADD size integer']",
            "'SELECT make_columns()'",
            "make()",
        ] {
            assert!(!beside(sql).warnings().contains(&RULE.to_owned()), "{sql}");
        }
    }

    #[test]
    fn state_operations_of_sql_are_compared_as_well() {
        let with = |column: &str| {
            Case::new().adds(&format!(
                "migrations.RunSQL('ALTER TABLE shop_order ADD {column} integer', migrations.RunSQL.noop, state_operations=[
                    migrations.AddField('order', 'size', models.IntegerField(null=True)),
                ]),"
            ))
        };
        assert_eq!(with("sizes").all(), [RULE]);
        assert!(with("size").all().is_empty());
    }

    #[test]
    fn sql_of_another_operation_may_have_made_it() {
        let state = "migrations.SeparateDatabaseAndState(state_operations=[migrations.AddField('order', 'size', models.IntegerField(null=True))]),";
        let run = |sql: &str| format!("migrations.RunSQL({sql:?}, migrations.RunSQL.noop),");
        let add = run("ALTER TABLE shop_order ADD COLUMN size integer");
        let same = Case::new().adds(&format!("{add}\n        {state}"));
        assert!(same.all().is_empty());
        let before = Case::new()
            .released("0002_add", "0001_initial", &add)
            .adds_after("0003_state", "0002_add", state, "");
        assert!(before.all().is_empty());
        let other = run("ALTER TABLE shop_order ADD COLUMN sizes integer");
        let other = Case::new().adds(&format!("{other}\n        {state}"));
        assert_eq!(other.all(), [RULE]);
    }

    #[test]
    fn operations_inside_of_it_are_judged() {
        let case = Case::new().adds(
            "migrations.SeparateDatabaseAndState(database_operations=[migrations.RemoveField('order', 'note')]),",
        );
        assert!(case.errors().contains(&"drop-column".to_owned()));
        let nested = "migrations.SeparateDatabaseAndState(database_operations=[migrations.SeparateDatabaseAndState(database_operations=[migrations.RunSQL('drop table labels')])]),";
        assert!(
            Case::new()
                .adds(nested)
                .errors()
                .contains(&"drop-table".to_owned())
        );
    }
}
