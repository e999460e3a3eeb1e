//! `RunPython`: its function, and the functions of the file that this one calls.

use super::OperationReader;
use crate::migrations::operation::{Reverse, RunPython};
use crate::python::{Call, Expr, ExprKind, FunctionFacts, Span};
use std::collections::BTreeSet;

impl OperationReader<'_> {
    pub(super) fn run_python(&mut self, call: &Call, span: Span) -> RunPython {
        let code = call.argument(0, "code");
        let noop = code
            .and_then(Expr::as_name)
            .is_some_and(|name| name.ends_with("RunPython.noop"));
        let facts = match code {
            Some(_) if noop => None,
            Some(code) => self.function(code),
            None => self.cannot_see_code("RunPython has no function", span),
        };
        let helpers = facts
            .as_ref()
            .map_or_else(Vec::new, |facts| self.helpers(facts));
        let sql = facts
            .iter()
            .chain(&helpers)
            .flat_map(|facts| self.code_sql(facts, span))
            .collect();
        let imported_models = facts
            .iter()
            .chain(&helpers)
            .flat_map(|facts| self.imported_models(facts))
            .collect();
        RunPython {
            code: facts,
            sql,
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
                self.cannot_see_code(
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
            _ => self.cannot_see_code(
                "the function of RunPython is made by another one",
                code.span,
            ),
        }
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
