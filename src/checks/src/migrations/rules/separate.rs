//! `state-and-database-disagree`: `SeparateDatabaseAndState` whose halves do not fit.

use crate::migrations::graph::Graph;
use crate::migrations::migration::Migration;
use crate::migrations::operation::{Kind, Operation};
use crate::migrations::project::{Key, Project};
use crate::migrations::state::{Fold, Model};
use beanpole_model::{Finding, Severity};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};

pub(in crate::migrations) const RULE: &str = "state-and-database-disagree";

/// Looks at all judged migrations of a project, whose models and tables in the end are given.
///
/// Another migration may make what one has promised: tables that move between apps do so in two. So what is missing in the end
/// is looked at first, and then who has promised it. Mostly nothing is, and no migration has to be taken in again.
pub(in crate::migrations) fn findings(
    project: &Project<'_>,
    graph: &Graph,
    judged: &BTreeSet<Key>,
    end: &Fold,
) -> Vec<Finding> {
    let of = |key: &Key| project.migrations.get(key);
    let has_suspect = |migration: &Migration| migration.operations.iter().any(is_suspect);
    if !judged.iter().filter_map(of).any(has_suspect) {
        return Vec::new();
    }
    let still = missing(end, |_| true);
    if still.is_empty() {
        return Vec::new();
    }
    let mut search = Search {
        project,
        tables: still.iter().map(|missing| missing.table.clone()).collect(),
        still,
        fold: Fold::default(),
        findings: Vec::new(),
    };
    for key in &graph.order {
        if let Some(migration) = of(key) {
            search.take_in(key, migration, judged.contains(key));
        }
    }
    search.findings
}

/// Whether it has halves that can be compared: what code of one's own does to the database is not known.
fn is_suspect(operation: &Operation) -> bool {
    let Kind::Separate { database, state } = &operation.kind else {
        return false;
    };
    let is_by_hand = |inner: &Operation| {
        matches!(
            inner.kind,
            Kind::RunSql(_) | Kind::RunPython(_) | Kind::Harmless | Kind::Separate { .. }
        )
    };
    let is_empty = database.is_empty() && state.is_empty();
    !is_empty && !database.iter().any(is_by_hand)
}

/// Something that the models have and no operation has made.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Missing {
    table: String,
    /// None if it is the whole table.
    column: Option<String>,
}

/// The search for who has promised what is missing.
struct Search<'p> {
    project: &'p Project<'p>,
    still: BTreeSet<Missing>,
    /// Where it is missing.
    tables: HashSet<String>,
    fold: Fold,
    findings: Vec<Finding>,
}

impl Search<'_> {
    fn take_in(&mut self, key: &Key, migration: &Migration, is_judged: bool) {
        for operation in &migration.operations {
            let before = (is_judged && is_suspect(operation)).then(|| self.missing_now());
            self.fold.apply(&key.0, operation, key);
            if let Some(before) = before {
                let after = self.missing_now();
                let new = after.difference(&before);
                let new: Vec<String> = new
                    .filter(|missing| self.still.contains(missing))
                    .map(Missing::shown)
                    .collect();
                if !new.is_empty() {
                    self.say(migration, operation, &new);
                }
            }
        }
    }

    fn missing_now(&self) -> BTreeSet<Missing> {
        missing(&self.fold, |table| self.tables.contains(table))
    }

    fn say(&mut self, migration: &Migration, operation: &Operation, missing: &[String]) {
        let place = self
            .project
            .location(&migration.id.path, Some(operation.span));
        self.findings.push(Finding {
            rule: RULE.to_owned(),
            severity: Severity::Warning,
            location: Some(place),
            message: format!("after it the models have what the database has not: {}", missing.join(", ")),
            reason: "every query of the new code on these tables fails, unless something outside of the migrations has made them"
                .to_owned(),
            remedy: Some(
                "give database_operations what state_operations promise, or take both from one operation".to_owned(),
            ),
        });
    }
}

impl Missing {
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
    fn sql_may_have_made_it() {
        let case = Case::new().adds(
            "migrations.SeparateDatabaseAndState(
                database_operations=[migrations.RunSQL('ALTER TABLE shop_order ADD COLUMN size integer', migrations.RunSQL.noop)],
                state_operations=[migrations.AddField('order', 'size', models.IntegerField(null=True))],
            ),",
        );
        assert!(case.all().is_empty());
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
