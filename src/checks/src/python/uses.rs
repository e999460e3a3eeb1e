//! What a file imports and calls anywhere, in the order of its text.

use super::convert::span;
use super::facts::chain;
use super::{Span, Unreadable};
use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr as Node, Stmt};
use ruff_text_size::Ranged;

/// An import: `from MODULE import NAME` or `import MODULE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UsedImport {
    /// Without leading dots; empty for `from . import name`.
    pub(crate) module: String,
    /// The imported name, if it is one of a module.
    pub(crate) name: Option<String>,
    /// The name that the file calls it by.
    pub(crate) bound: String,
    /// Whether it counts from the package of the file.
    pub(crate) is_relative: bool,
    pub(crate) span: Span,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UsedCall {
    /// The names from the root to what is called: `pdb.set_trace()` is `pdb`, `set_trace`. At most the last 16.
    pub(crate) chain: Vec<String>,
    pub(crate) span: Span,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Uses {
    pub(crate) imports: Vec<UsedImport>,
    pub(crate) calls: Vec<UsedCall>,
}

/// Functions that are called as those that stop for a debugger. What they use is left out.
const DEBUGGERS: [&str; 3] = ["breakpoint", "breakpointhook", "set_trace"];

/// Reads a file. Call it on a deep stack: [`super::with_deep_stack`].
///
/// # Errors
/// The file is too large, nests too deeply, or is not Python.
pub(crate) fn uses(text: &str) -> Result<Uses, Unreadable> {
    super::guard::check(text)?;
    let parsed = ruff_python_parser::parse_module(text).map_err(|error| Unreadable {
        why: format!("not valid Python: {}", error.error),
        at: Some(span(error.location)),
    })?;
    let mut found = Uses::default();
    for statement in parsed.suite() {
        found.visit_stmt(statement);
    }
    Ok(found)
}

impl<'a> Visitor<'a> for Uses {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Import(import) => {
                for alias in &import.names {
                    self.imports.push(UsedImport {
                        module: alias.name.to_string(),
                        name: None,
                        // `import a.b` binds `a`.
                        bound: alias.asname.as_ref().map_or_else(
                            || alias.name.split('.').next().unwrap_or_default().to_owned(),
                            ToString::to_string,
                        ),
                        is_relative: false,
                        span: span(alias.range()),
                    });
                }
            }
            Stmt::ImportFrom(import) => {
                for alias in &import.names {
                    self.imports.push(UsedImport {
                        module: import
                            .module
                            .as_ref()
                            .map_or_else(String::new, ToString::to_string),
                        name: Some(alias.name.to_string()),
                        bound: alias.asname.as_ref().unwrap_or(&alias.name).to_string(),
                        is_relative: import.level > 0,
                        span: span(import.range()),
                    });
                }
            }
            // A debugger of one's own debugs on purpose.
            Stmt::FunctionDef(function) if DEBUGGERS.contains(&function.name.as_str()) => {}
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, node: &'a Node) {
        if let Node::Call(call) = node {
            self.calls.push(UsedCall {
                chain: chain(&call.func),
                span: span(node.range()),
            });
        }
        walk_expr(self, node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_and_calls_are_found_at_any_depth() {
        let text = "import a.b, c\ndef f():\n    from d import e as g\n    return [pdb.set_trace() for x in h(1)]\nfrom . import i\n";
        let found = uses(text).unwrap();
        let imports: Vec<_> = found
            .imports
            .iter()
            .map(|one| (one.module.as_str(), one.name.as_deref(), one.is_relative))
            .collect();
        assert_eq!(
            imports,
            [
                ("a.b", None, false),
                ("c", None, false),
                ("d", Some("e"), false),
                ("", Some("i"), true)
            ]
        );
        let bound: Vec<&str> = found.imports.iter().map(|one| one.bound.as_str()).collect();
        assert_eq!(bound, ["a", "c", "g", "i"]);
        let mut calls: Vec<String> = found.calls.iter().map(|one| one.chain.join(".")).collect();
        calls.sort();
        assert_eq!(calls, ["h", "pdb.set_trace"]);
    }

    #[test]
    fn what_is_not_python_has_a_place() {
        let error = uses("a = 1\nb = (\n").unwrap_err();
        assert!(error.at.is_some() && error.why.contains("not valid Python"));
    }
}
