//! The parser's tree to the statements of a settings module.

use super::convert::span;
use super::{
    Assign, Branch, Statement, Unreadable, Value, ValueKind, decode, guard, with_deep_stack,
};
use ruff_python_ast::{self as ast, BoolOp, CmpOp, Expr as Node, Number, Operator, Stmt, UnaryOp};
use ruff_text_size::Ranged;

/// How deep a value may nest before the rest of it is opaque.
const DEEPEST_VALUE: u32 = 60;

/// How deep blocks are followed.
const DEEPEST_BLOCK: u32 = 60;

/// Reads a file as a list of statements.
///
/// # Errors
/// The file is too large, nests too deeply, or is not Python.
pub(crate) fn script(bytes: &[u8]) -> Result<Vec<Statement>, Unreadable> {
    let text = decode(bytes)?;
    with_deep_stack(|| {
        guard::check(&text)?;
        let parsed = ruff_python_parser::parse_module(&text).map_err(|error| Unreadable {
            why: format!("not valid Python: {}", error.error),
            at: Some(span(error.location)),
        })?;
        Ok(block(parsed.suite(), 0))
    })?
}

fn block(statements: &[Stmt], depth: u32) -> Vec<Statement> {
    let mut out = Vec::new();
    if depth <= DEEPEST_BLOCK {
        for statement in statements {
            self::statement(statement, depth, &mut out);
        }
    }
    out
}

fn statement(statement: &Stmt, depth: u32, out: &mut Vec<Statement>) {
    let deeper = depth + 1;
    match statement {
        Stmt::Assign(assign) => {
            for target in &assign.targets {
                bind(target, &assign.value, false, out);
            }
        }
        Stmt::AnnAssign(assign) => {
            if let Some(given) = &assign.value {
                bind(&assign.target, given, false, out);
            }
        }
        Stmt::AugAssign(assign) => bind(&assign.target, &assign.value, true, out),
        Stmt::Import(import) => out.extend(import.names.iter().map(|alias| Statement::Import {
            module: alias.name.to_string(),
            names: Some(Vec::new()),
            span: span(import.range),
        })),
        Stmt::ImportFrom(import) => out.push(import_from(import)),
        Stmt::If(branch) => out.push(Statement::If(
            std::iter::once(Branch {
                test: Some(value(&branch.test, 0)),
                body: block(&branch.body, deeper),
            })
            .chain(branch.elif_else_clauses.iter().map(|clause| Branch {
                test: clause.test.as_ref().map(|test| value(test, 0)),
                body: block(&clause.body, deeper),
            }))
            .collect(),
        )),
        Stmt::Try(attempt) => {
            let mut body = block(&attempt.body, deeper);
            body.extend(block(&attempt.orelse, deeper));
            let others = attempt.handlers.iter().map(|handler| {
                let ast::ExceptHandler::ExceptHandler(handler) = handler;
                block(&handler.body, deeper)
            });
            out.push(Statement::Try(body, others.collect()));
            out.extend(block(&attempt.finalbody, deeper));
        }
        Stmt::With(with) => out.extend(block(&with.body, deeper)),
        Stmt::For(repeat) => out.push(Statement::Maybe(block(&repeat.body, deeper))),
        Stmt::While(repeat) => out.push(Statement::Maybe(block(&repeat.body, deeper))),
        Stmt::Match(choice) => out.extend(
            choice
                .cases
                .iter()
                .map(|case| Statement::Maybe(block(&case.body, deeper))),
        ),
        // `def main(): os.environ.setdefault(…)` of manage.py; the names that a function binds are its own.
        Stmt::FunctionDef(function) => {
            out.extend(
                block(&function.body, deeper)
                    .into_iter()
                    .filter(|inner| matches!(inner, Statement::Call(_))),
            );
        }
        Stmt::ClassDef(class) => {
            let has_bases = class
                .arguments
                .as_deref()
                .is_some_and(|given| !given.args.is_empty());
            if has_bases {
                out.push(Statement::Class {
                    name: class.name.to_string(),
                    span: span(class.name.range()),
                    body: block(&class.body, deeper),
                });
            }
        }
        Stmt::Expr(alone) => expression_statement(&alone.value, out),
        Stmt::Delete(delete) => out.extend(delete.targets.iter().map(|target| {
            Statement::Effect(super::convert::root_name(target), span(delete.range))
        })),
        _ => {}
    }
}

fn import_from(import: &ast::StmtImportFrom) -> Statement {
    let dots = ".".repeat(usize::try_from(import.level).unwrap_or_default());
    let module = import.module.as_ref().map_or("", |name| name.as_str());
    let star = import.names.iter().any(|alias| alias.name.as_str() == "*");
    Statement::Import {
        module: format!("{dots}{module}"),
        names: (!star).then(|| {
            import
                .names
                .iter()
                .map(|alias| {
                    let bound = alias.asname.as_ref().unwrap_or(&alias.name);
                    (alias.name.to_string(), bound.to_string())
                })
                .collect()
        }),
        span: span(import.range),
    }
}

/// `NAME.append(x)` and its like add to a name; other calls are kept as they are.
fn expression_statement(node: &Node, out: &mut Vec<Statement>) {
    let Node::Call(call) = node else {
        return;
    };
    if let Node::Attribute(method) = call.func.as_ref()
        && let Some((name, keys)) = target(&method.value)
        && name
            .chars()
            .all(|char| char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_')
    {
        let given = match (method.attr.as_str(), call.arguments.args.as_ref()) {
            ("append", [item]) | ("insert", [_, item]) | ("add", [item]) => {
                let item = value(item, 0);
                Some(Value {
                    span: item.span,
                    kind: ValueKind::List(vec![item]),
                })
            }
            ("extend" | "update", [items]) => Some(value(items, 0)),
            ("setdefault", [key, item]) => {
                let key = value(key, 0);
                let item = value(item, 0);
                Some(Value {
                    span: item.span,
                    kind: ValueKind::Dict(vec![(Some(key), item)]),
                })
            }
            ("update", []) => Some(keywords_as_dict(call)),
            _ => None,
        };
        out.push(match given {
            Some(value) => Statement::Assign(Assign {
                name,
                keys,
                value,
                adds: true,
                span: span(call.range()),
            }),
            None => Statement::Effect(name, span(call.range())),
        });
        return;
    }
    out.push(Statement::Call(value(node, 0)));
}

fn keywords_as_dict(call: &ast::ExprCall) -> Value {
    let items = call.arguments.keywords.iter().map(|keyword| {
        let item = value(&keyword.value, 0);
        let key = keyword.arg.as_ref().map(|name| Value {
            kind: ValueKind::Str(name.to_string()),
            span: item.span,
        });
        (key, item)
    });
    Value {
        kind: ValueKind::Dict(items.collect()),
        span: span(call.range()),
    }
}

fn bind(node: &Node, given: &Node, adds: bool, out: &mut Vec<Statement>) {
    if let (Node::Tuple(names), Node::Tuple(values)) = (node, given)
        && names.elts.len() == values.elts.len()
    {
        for (name, value) in names.elts.iter().zip(&values.elts) {
            bind(name, value, adds, out);
        }
        return;
    }
    let at = span(node.range());
    out.push(match target(node) {
        Some((name, keys)) => Statement::Assign(Assign {
            name,
            keys,
            value: value(given, 0),
            adds,
            span: at,
        }),
        None => Statement::Effect(super::convert::root_name(node), at),
    });
}

/// The name and the keys of `NAME["a"]["b"]`.
fn target(node: &Node) -> Option<(String, Vec<Option<String>>)> {
    let mut keys = Vec::new();
    let mut node = node;
    loop {
        node = match node {
            Node::Name(name) => {
                keys.reverse();
                return Some((name.id.to_string(), keys));
            }
            Node::Subscript(part) => {
                keys.push(match part.slice.as_ref() {
                    Node::StringLiteral(text) => Some(text.value.to_str().to_owned()),
                    _ => None,
                });
                &part.value
            }
            _ => return None,
        };
    }
}

fn value(node: &Node, depth: u32) -> Value {
    let kind = if depth > DEEPEST_VALUE {
        ValueKind::Opaque
    } else {
        kind(node, depth + 1)
    };
    Value {
        kind,
        span: span(node.range()),
    }
}

fn kind(node: &Node, deeper: u32) -> ValueKind {
    let one = |node: &Node| Box::new(value(node, deeper));
    let all = |nodes: &[Node]| nodes.iter().map(|node| value(node, deeper)).collect();
    match node {
        Node::NoneLiteral(_) => ValueKind::None,
        Node::BooleanLiteral(literal) => ValueKind::Bool(literal.value),
        Node::NumberLiteral(literal) => match &literal.value {
            Number::Int(int) => int.as_i64().map_or(ValueKind::Opaque, ValueKind::Int),
            _ => ValueKind::Opaque,
        },
        Node::StringLiteral(literal) => ValueKind::Str(literal.value.to_str().to_owned()),
        Node::List(list) => ValueKind::List(all(&list.elts)),
        Node::Tuple(tuple) => ValueKind::List(all(&tuple.elts)),
        Node::Set(set) => ValueKind::List(all(&set.elts)),
        Node::Dict(dict) => ValueKind::Dict(
            dict.items
                .iter()
                .map(|item| {
                    let key = item.key.as_ref().map(|key| value(key, deeper));
                    (key, value(&item.value, deeper))
                })
                .collect(),
        ),
        Node::Name(name) => ValueKind::Name(name.id.to_string()),
        Node::Attribute(attribute) => super::convert::dotted(node).map_or_else(
            || ValueKind::Attribute(one(&attribute.value), attribute.attr.to_string()),
            ValueKind::Name,
        ),
        Node::Subscript(part) => ValueKind::Index(one(&part.value), one(&part.slice)),
        Node::Call(call) => ValueKind::Call(
            one(&call.func),
            all(&call.arguments.args),
            call.arguments
                .keywords
                .iter()
                .map(|keyword| {
                    let name = keyword.arg.as_ref().map(ToString::to_string);
                    (name, value(&keyword.value, deeper))
                })
                .collect(),
        ),
        Node::BinOp(binary) => binary_kind(binary, deeper),
        Node::UnaryOp(unary) => match unary.op {
            UnaryOp::Not => ValueKind::Not(one(&unary.operand)),
            UnaryOp::USub => match value(&unary.operand, deeper).kind {
                ValueKind::Int(int) => int.checked_neg().map_or(ValueKind::Opaque, ValueKind::Int),
                _ => ValueKind::Opaque,
            },
            _ => ValueKind::Opaque,
        },
        Node::BoolOp(both) => match both.op {
            BoolOp::Or => ValueKind::Or(all(&both.values)),
            BoolOp::And => ValueKind::And(all(&both.values)),
        },
        Node::Compare(compare) => comparison(compare, deeper),
        Node::Starred(starred) => ValueKind::Starred(one(&starred.value)),
        Node::If(choice) => {
            ValueKind::Either(one(&choice.test), one(&choice.body), one(&choice.orelse))
        }
        _ => ValueKind::Opaque,
    }
}

fn comparison(compare: &ast::ExprCompare, deeper: u32) -> ValueKind {
    let ([operator], [right]) = (compare.ops.as_ref(), compare.comparators.as_ref()) else {
        return ValueKind::Opaque;
    };
    let left = Box::new(value(&compare.left, deeper));
    let right = Box::new(value(right, deeper));
    let negated = |kind: ValueKind| {
        ValueKind::Not(Box::new(Value {
            kind,
            span: span(compare.range()),
        }))
    };
    match operator {
        CmpOp::Eq | CmpOp::Is => ValueKind::Equal(left, right),
        CmpOp::NotEq | CmpOp::IsNot => negated(ValueKind::Equal(left, right)),
        CmpOp::In => ValueKind::In(left, right),
        CmpOp::NotIn => negated(ValueKind::In(left, right)),
        _ => ValueKind::Opaque,
    }
}

/// `60 * 60` is a number, `a + b` may be lists.
fn binary_kind(binary: &ast::ExprBinOp, deeper: u32) -> ValueKind {
    let left = value(&binary.left, deeper);
    let right = value(&binary.right, deeper);
    let numbers = match (&left.kind, &right.kind) {
        (ValueKind::Int(left), ValueKind::Int(right)) => Some((*left, *right)),
        _ => None,
    };
    let made = match (binary.op, numbers) {
        (Operator::Mult, Some((left, right))) => left.checked_mul(right),
        (Operator::Add, Some((left, right))) => left.checked_add(right),
        (Operator::Sub, Some((left, right))) => left.checked_sub(right),
        (Operator::Add, None) => return ValueKind::Add(Box::new(left), Box::new(right)),
        _ => None,
    };
    made.map_or(ValueKind::Opaque, ValueKind::Int)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assigns(text: &str) -> Vec<Assign> {
        script(text.as_bytes())
            .unwrap()
            .into_iter()
            .filter_map(|statement| match statement {
                Statement::Assign(assign) => Some(assign),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn parts_of_a_mapping_have_keys() {
        let all = assigns(
            "DATABASES['default']['CONN_MAX_AGE'] = 60\nA.update(b=1)\nB += [1]\nC.append('x')\n",
        );
        assert_eq!(
            all[0].keys,
            [Some("default".to_owned()), Some("CONN_MAX_AGE".to_owned())]
        );
        assert!(!all[0].adds && all[1].adds && all[2].adds && all[3].adds);
        assert!(matches!(&all[1].value.kind, ValueKind::Dict(items) if items.len() == 1));
        assert!(matches!(&all[3].value.kind, ValueKind::List(items) if items.len() == 1));
    }

    #[test]
    fn numbers_are_computed_without_overflow() {
        let all = assigns("A = 60 * 60 * 24 * 365\nB = 9223372036854775807 * 2\nC = -1\n");
        assert_eq!(all[0].value.kind, ValueKind::Int(31_536_000));
        assert_eq!(all[1].value.kind, ValueKind::Opaque);
        assert_eq!(all[2].value.kind, ValueKind::Int(-1));
    }

    #[test]
    fn several_names_at_once() {
        let all = assigns("A, B = 1, 2\nC = D = 3\n");
        let names: Vec<_> = all.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["A", "B", "C", "D"]);
    }

    #[test]
    fn branches_are_kept() {
        let all = script(b"if DEBUG:\n    A = 1\nelse:\n    A = 2\ntry:\n    from .local import *\nexcept ImportError:\n    pass\n").unwrap();
        assert!(matches!(&all[0], Statement::If(branches) if branches.len() == 2));
        assert!(matches!(&all[1], Statement::Try(body, others)
            if matches!(&body[..], [Statement::Import { names: None, module, .. }] if module == ".local") && others.len() == 1));
    }
}
