//! What a function of `RunPython` does to the database without models: SQL that it runs, and methods of the schema editor.

use super::OperationReader;
use super::placeholders::filled;
use crate::python::{CallFact, Executed, FunctionFacts, Span, TextValue, Times};

/// The names that a schema editor has in helpers. In the function of `RunPython` itself it is the second parameter.
const EDITORS: [&str; 2] = ["schema_editor", "editor"];

/// The names that a cursor has where nothing shows its making.
const CURSORS: [&str; 2] = ["cursor", "cur"];

/// The methods of a schema editor that change tables.
const CHANGES: [&str; 14] = [
    "create_model",
    "delete_model",
    "add_field",
    "remove_field",
    "alter_field",
    "add_index",
    "remove_index",
    "rename_index",
    "add_constraint",
    "remove_constraint",
    "alter_db_table",
    "alter_db_tablespace",
    "alter_unique_together",
    "alter_index_together",
];

impl OperationReader<'_> {
    /// The SQL that a function runs, with its places. What is computed is said, and what the schema editor changes.
    pub(super) fn code_sql(
        &mut self,
        facts: &FunctionFacts,
        operation: Span,
    ) -> Vec<(String, Span)> {
        let mut found = Vec::new();
        for call in facts.calls.iter().filter(|call| !call.not_on_postgres) {
            // A function of another file has places of that file.
            let place = if facts.is_foreign {
                operation
            } else {
                call.span
            };
            if let Some(method) = changing_method(facts, call) {
                self.cannot_see_code::<()>(
                    format!("schema_editor.{method} changes tables in Python"),
                    place,
                );
            } else if let Some(executed) = sql_of(facts, call) {
                found.extend(
                    self.executed(facts, executed, place)
                        .map(|text| (text, place)),
                );
            }
        }
        found
    }

    /// The text that a call of `execute` runs.
    fn executed(
        &mut self,
        facts: &FunctionFacts,
        executed: &Executed,
        place: Span,
    ) -> Option<String> {
        let text = match self.text(facts, &executed.text) {
            TextValue::Text(text) => text,
            // What only reads changes nothing, whatever it reads.
            TextValue::Computed(beginning) if only_reads(&beginning) => return None,
            TextValue::Computed(_) | TextValue::Name(_) => {
                return self.cannot_see_code("the SQL that the code runs is computed", place);
            }
        };
        Some(if executed.has_parameters {
            filled(&text)
        } else {
            text
        })
    }

    /// A value, with what the name that it is stands for.
    fn text(&self, facts: &FunctionFacts, value: &TextValue) -> TextValue {
        let TextValue::Name(name) = value else {
            return value.clone();
        };
        let unknown = TextValue::Computed(String::new());
        match facts.given_to(name) {
            Times::Once(given) if !matches!(given.text, TextValue::Name(_)) => given.text.clone(),
            Times::Once(_) | Times::Several => unknown,
            // A parameter hides what the file calls so.
            Times::Never if facts.parameters.contains(name) || facts.is_foreign => unknown,
            Times::Never => (self.names.constant(name))
                .and_then(|value| self.joined(value, 0))
                .map_or(unknown, TextValue::Text),
        }
    }
}

/// What is called, and the names in front of it.
fn receiver(call: &CallFact) -> (&[String], &str) {
    match call.chain.split_last() {
        Some((method, receiver)) => (receiver, method),
        None => (&[], ""),
    }
}

fn is_editor(facts: &FunctionFacts, name: &str) -> bool {
    let second = facts.parameters.get(1);
    EDITORS.contains(&name)
        || second.is_some_and(|second| second == name)
        || is_made_by(facts, name, "schema_editor")
}

fn is_cursor(facts: &FunctionFacts, name: &str) -> bool {
    CURSORS.contains(&name) || is_made_by(facts, name, "cursor")
}

/// Whether a name is given what a function of that name makes.
fn is_made_by(facts: &FunctionFacts, name: &str, function: &str) -> bool {
    let mut given = facts.given.iter().filter(|given| given.name == name);
    given.any(|given| given.chain.last().is_some_and(|made| made == function))
}

/// The method of the schema editor that a call is, if it is one that changes tables.
fn changing_method<'c>(facts: &FunctionFacts, call: &'c CallFact) -> Option<&'c str> {
    let (receiver, method) = receiver(call);
    match receiver {
        [editor] if is_editor(facts, editor) && CHANGES.contains(&method) => Some(method),
        _ => None,
    }
}

/// What a call gives to a cursor or to the schema editor.
fn sql_of<'c>(facts: &FunctionFacts, call: &'c CallFact) -> Option<&'c Executed> {
    let executed = call.executed.as_ref()?;
    let (receiver, _) = receiver(call);
    let runs = match receiver {
        [name] => is_editor(facts, name) || is_cursor(facts, name),
        [.., last] => last == "cursor",
        [] => false,
    };
    runs.then_some(executed)
}

/// Whether a statement that begins like this reads only.
fn only_reads(beginning: &str) -> bool {
    let first = beginning.split_whitespace().next();
    first.is_some_and(|word| word.eq_ignore_ascii_case("select"))
}
