//! Whether two texts of a migration do the same.
//!
//! What is compared is the parser's tree: comments, layout, quotes and brackets are not in it. Beyond that, what is taken away
//! first is what Python does not look at when it runs the file: docstrings, types, `pass`; and what only places a migration in
//! the graph: imports and `dependencies`, which have rules of their own.

use super::{decode, guard, with_deep_stack};
use ruff_python_ast::comparable::ComparableStmt;
use ruff_python_ast::{self as ast, ExceptHandler, Expr, Stmt, Suite};

/// Attributes of a migration's class that only place it in the graph.
const PLACE: [&str; 4] = ["dependencies", "replaces", "run_before", "initial"];

/// Whether two Python files do the same. Files that cannot be read do not.
pub(crate) fn do_the_same(one: &[u8], other: &[u8]) -> bool {
    one == other || with_deep_stack(|| are_equal(one, other)).unwrap_or(false)
}

fn are_equal(one: &[u8], other: &[u8]) -> bool {
    let (Some(one), Some(other)) = (essence(one), essence(other)) else {
        return false;
    };
    one.len() == other.len()
        && (one.iter().zip(&other))
            .all(|(one, other)| ComparableStmt::from(one) == ComparableStmt::from(other))
}

/// The statements of a file that do something.
fn essence(bytes: &[u8]) -> Option<Suite> {
    let text = decode(bytes).ok()?.replace("\r\n", "\n");
    guard::check(&text).ok()?;
    let mut suite = ruff_python_parser::parse_module(&text).ok()?.into_suite();
    suite.retain(|statement| !is_import(statement));
    clean(&mut suite);
    for statement in &mut suite {
        if let Stmt::ClassDef(class) = statement {
            class.body.retain(|inner| !is_place(inner));
        }
    }
    Some(suite)
}

/// Imports at the top, those for types alone as well.
fn is_import(statement: &Stmt) -> bool {
    match statement {
        Stmt::Import(_) | Stmt::ImportFrom(_) => true,
        Stmt::If(branch) => {
            let name = match branch.test.as_ref() {
                Expr::Name(name) => name.id.as_str(),
                Expr::Attribute(attribute) => attribute.attr.as_str(),
                _ => return false,
            };
            name == "TYPE_CHECKING" && branch.elif_else_clauses.is_empty()
        }
        _ => false,
    }
}

fn is_place(statement: &Stmt) -> bool {
    matches!(statement, Stmt::Assign(assign)
        if matches!(assign.targets.as_slice(), [Expr::Name(name)] if PLACE.contains(&name.id.as_str())))
}

fn clean(body: &mut Suite) {
    body.retain(|statement| !does_nothing(statement));
    for statement in body {
        clean_statement(statement);
    }
}

/// `pass`, a text that stands alone, a type without a value.
fn does_nothing(statement: &Stmt) -> bool {
    match statement {
        Stmt::Pass(_) => true,
        Stmt::Expr(alone) => matches!(
            alone.value.as_ref(),
            Expr::StringLiteral(_) | Expr::EllipsisLiteral(_)
        ),
        Stmt::AnnAssign(assign) => assign.value.is_none(),
        _ => false,
    }
}

fn clean_statement(statement: &mut Stmt) {
    match statement {
        Stmt::FunctionDef(function) => {
            function.returns = None;
            forget_types(&mut function.parameters);
            clean(&mut function.body);
        }
        Stmt::ClassDef(class) => clean(&mut class.body),
        Stmt::AnnAssign(assign) => {
            if let Some(value) = assign.value.take() {
                *statement = Stmt::Assign(ast::StmtAssign {
                    range: assign.range,
                    node_index: ast::AtomicNodeIndex::default(),
                    targets: vec![(*assign.target).clone()],
                    value,
                });
            }
        }
        Stmt::For(repeat) => {
            clean(&mut repeat.body);
            clean(&mut repeat.orelse);
        }
        Stmt::While(repeat) => {
            clean(&mut repeat.body);
            clean(&mut repeat.orelse);
        }
        Stmt::If(branch) => {
            clean(&mut branch.body);
            for clause in &mut branch.elif_else_clauses {
                clean(&mut clause.body);
            }
        }
        Stmt::With(with) => clean(&mut with.body),
        Stmt::Match(choice) => {
            for case in &mut choice.cases {
                clean(&mut case.body);
            }
        }
        Stmt::Try(attempt) => {
            clean(&mut attempt.body);
            for ExceptHandler::ExceptHandler(handler) in &mut attempt.handlers {
                only_one(handler);
                clean(&mut handler.body);
            }
            clean(&mut attempt.orelse);
            clean(&mut attempt.finalbody);
        }
        _ => {}
    }
}

/// `except (A,)` is `except A`.
fn only_one(handler: &mut ast::ExceptHandlerExceptHandler) {
    if let Some(Expr::Tuple(tuple)) = handler.type_.as_deref_mut()
        && tuple.elts.len() == 1
    {
        handler.type_ = tuple.elts.pop().map(Box::new);
    }
}

fn forget_types(parameters: &mut ast::Parameters) {
    let ast::Parameters {
        posonlyargs,
        args,
        vararg,
        kwonlyargs,
        kwarg,
        ..
    } = parameters;
    for one in posonlyargs.iter_mut().chain(args).chain(kwonlyargs) {
        one.parameter.annotation = None;
    }
    for one in [vararg, kwarg].into_iter().flatten() {
        one.annotation = None;
    }
}

#[cfg(test)]
mod tests {
    use super::do_the_same;

    const TEXT: &str = "import a
from b import c


def fill(apps, editor, *rest, **more):
    rows = 1
    try:
        run('it', rows)
    except (A, B):
        pass


class Migration(m.Migration):
    dependencies = []
    operations = [m.RunPython(fill)]
";

    fn edited(from: &str, to: &str) -> bool {
        let text = TEXT.replace(from, to);
        assert_ne!(text, TEXT, "{from}");
        !do_the_same(TEXT.as_bytes(), text.as_bytes())
    }

    #[test]
    fn what_python_does_not_look_at_is_no_edit() {
        for (from, to) in [
            ("except (A, B):", "except A, B:"),
            ("'it'", "\"it\""),
            ("'it'", "'i' \"t\""),
            ("'it'", "r'it'"),
            ("rows = 1", "rows = (1)"),
            ("rows = 1", "rows: int = 1"),
            ("rows = 1", "\"\"\"Rows.\"\"\"\n    rows = 1  # one"),
            ("rows = 1", "rows: int\n    rows = 1"),
            ("        pass", "        \"\"\"No matter.\"\"\""),
            ("import a\nfrom b import c", "from b import c\nimport a"),
            (
                "import a",
                "import a\nif typing.TYPE_CHECKING:\n    from d import e",
            ),
            (
                "apps, editor, *rest, **more",
                "apps: Apps, editor: 'E', *rest: R, **more: M",
            ),
            ("**more)", "**more,) -> None"),
            ("class Migration", "\"\"\"Fills.\"\"\"\n\n\nclass Migration"),
            (
                "[m.RunPython(fill)]",
                "[\n        m.RunPython(fill),\n    ]",
            ),
            (
                "operations = ",
                "operations: ClassVar[list[m.Operation]] = ",
            ),
            (
                "dependencies = []",
                "dependencies: list[tuple[str, str]] = [('a', 'b')]",
            ),
            ("\n", "\r\n"),
        ] {
            assert!(!edited(from, to), "{to}");
        }
    }

    #[test]
    fn what_it_does_is() {
        for (from, to) in [
            ("except (A, B):", "except (A, C):"),
            ("except (A, B):", "except A:"),
            ("'it'", "'that'"),
            ("'it'", "b'it'"),
            ("rows = 1", "rows = 2"),
            ("rows = 1\n", "rows = 1\n    more()\n"),
            ("        pass", "        raise"),
            ("apps, editor", "editor, apps"),
            ("RunPython(fill)", "RunPython(fill, fill)"),
            ("    operations", "    atomic = False\n    operations"),
            ("rows = 1", "rows = ("),
        ] {
            assert!(edited(from, to), "{to}");
        }
    }

    #[test]
    fn one_error_alone_needs_no_brackets() {
        let text = |caught: &str| format!("try:\n    a()\nexcept {caught}:\n    b()\n");
        assert!(do_the_same(text("A").as_bytes(), text("(A,)").as_bytes()));
    }
}
