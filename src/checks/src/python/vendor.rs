//! Conditions that ask which database it is: `connection.vendor == "postgresql"`.

use super::convert::dotted;
use super::verdict::verdict;
use ruff_python_ast::{BoolOp, CmpOp, Expr as Node, ExprCompare, Stmt, UnaryOp};

/// Django's name of Postgres.
const POSTGRES: &str = "postgresql";

/// How deep conditions are followed.
const DEEPEST: u32 = 16;

/// What a condition is on Postgres, if it asks for that alone.
pub(super) fn holds_on_postgres(test: &Node) -> Option<bool> {
    holds(test, DEEPEST)
}

fn holds(test: &Node, left: u32) -> Option<bool> {
    let left = left.checked_sub(1)?;
    match test {
        Node::UnaryOp(unary) if unary.op == UnaryOp::Not => {
            holds(&unary.operand, left).map(|verdict| !verdict)
        }
        Node::BoolOp(joined) => {
            let parts = joined.values.iter().map(|part| holds(part, left));
            verdict(&parts.collect::<Vec<_>>(), joined.op == BoolOp::Or)
        }
        Node::Compare(compare) => compared(compare),
        _ => None,
    }
}

fn compared(compare: &ExprCompare) -> Option<bool> {
    let ([operator], [right]) = (&*compare.ops, &*compare.comparators) else {
        return None;
    };
    let name = dotted(&compare.left)?;
    if name.rsplit('.').next() != Some("vendor") {
        return None;
    }
    let is_postgres = |node: &Node| {
        let text = node.as_string_literal_expr()?;
        Some(text.value.to_str() == POSTGRES)
    };
    match operator {
        CmpOp::Eq => is_postgres(right),
        CmpOp::NotEq => is_postgres(right).map(|same| !same),
        CmpOp::In => any(right, is_postgres),
        CmpOp::NotIn => any(right, is_postgres).map(|found| !found),
        _ => None,
    }
}

/// Whether a list of texts has one of which that holds.
fn any(list: &Node, holds: impl Fn(&Node) -> Option<bool>) -> Option<bool> {
    let items = match list {
        Node::List(list) => &list.elts,
        Node::Tuple(tuple) => &tuple.elts,
        Node::Set(set) => &set.elts,
        _ => return None,
    };
    let verdicts: Option<Vec<bool>> = items.iter().map(holds).collect();
    Some(verdicts?.contains(&true))
}

/// Whether nothing behind these statements is reached.
pub(super) fn leaves(body: &[Stmt]) -> bool {
    matches!(body.last(), Some(Stmt::Return(_) | Stmt::Raise(_)))
}

#[cfg(test)]
mod tests {
    use super::holds_on_postgres;

    fn verdict(test: &str) -> Option<bool> {
        let parsed = ruff_python_parser::parse_expression(test).unwrap();
        holds_on_postgres(parsed.expr())
    }

    #[test]
    fn a_question_for_the_database_is_answered_for_postgres() {
        for (test, expected) in [
            ("connection.vendor == 'postgresql'", Some(true)),
            ("schema_editor.connection.vendor == 'mysql'", Some(false)),
            ("vendor != 'sqlite'", Some(true)),
            ("vendor != 'postgresql'", Some(false)),
            ("not vendor == 'postgresql'", Some(false)),
            ("vendor in ('mysql', 'postgresql')", Some(true)),
            ("vendor not in ['postgresql']", Some(false)),
            ("vendor == 'mysql' and count", Some(false)),
            ("vendor == 'postgresql' and count", None),
            ("vendor == 'mysql' or vendor == 'oracle'", Some(false)),
            ("vendor == other", None),
            ("colour == 'postgresql'", None),
            ("count", None),
        ] {
            assert_eq!(verdict(test), expected, "{test}");
        }
    }
}
