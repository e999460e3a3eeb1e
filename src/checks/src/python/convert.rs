//! The parser's tree to our values.

use super::facts::{function_facts, lambda_facts};
use super::{Assignment, Body, Call, Class, Expr, ExprKind, Import, Module, Span, Unreadable};
use ruff_python_ast::{self as ast, Expr as Node, Number, Operator, Stmt, UnaryOp};
use ruff_text_size::{Ranged, TextRange};

/// How deep a value may nest before the rest of it is opaque. The deepest of public projects have about ten levels.
const DEEPEST_VALUE: u32 = 100;

/// How deep blocks may nest before their content is passed over as an effect.
const DEEPEST_BLOCK: u32 = 100;

/// Reads a file. Call it on a deep stack: [`super::with_deep_stack`].
///
/// # Errors
/// The file is too large, nests too deeply, or is not Python.
pub(crate) fn read(text: &str) -> Result<Module, Unreadable> {
    super::guard::check(text)?;
    let parsed = ruff_python_parser::parse_module(text).map_err(|error| Unreadable {
        why: format!("not valid Python: {}", error.error),
        at: Some(span(error.location)),
    })?;
    let mut module = Module::default();
    let mut reader = Reader {
        imports: Vec::new(),
        star_imports: Vec::new(),
    };
    reader.block(parsed.suite(), &mut module.body, Place::default());
    module.imports = reader.imports.into_iter().collect();
    module.star_imports = reader.star_imports;
    Ok(module)
}

pub(super) fn span(range: TextRange) -> Span {
    Span {
        start: range.start().to_u32(),
        end: range.end().to_u32(),
    }
}

/// Where a statement stands.
#[derive(Clone, Copy, Default)]
struct Place {
    depth: u32,
    conditional: bool,
    looped: bool,
}

impl Place {
    fn inside(self) -> Self {
        Self {
            depth: self.depth + 1,
            conditional: true,
            ..self
        }
    }
}

struct Reader {
    imports: Vec<(String, Import)>,
    star_imports: Vec<Import>,
}

impl Reader {
    fn block(&mut self, statements: &[Stmt], body: &mut Body, place: Place) {
        for statement in statements {
            self.statement(statement, body, place);
        }
    }

    fn statement(&mut self, statement: &Stmt, body: &mut Body, place: Place) {
        let at = span(statement.range());
        if place.depth > DEEPEST_BLOCK {
            body.effects.push((String::new(), at));
            return;
        }
        let inside = place.inside();
        match statement {
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::FunctionDef(function) => {
                body.functions
                    .insert(function.name.to_string(), function_facts(function));
            }
            Stmt::ClassDef(class) => {
                let class = self.class(class, place);
                body.classes.push(class);
            }
            Stmt::Assign(assign) => {
                for target in &assign.targets {
                    bind(target, &assign.value, false, place, at, body);
                }
            }
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    bind(&assign.target, value, false, place, at, body);
                }
            }
            Stmt::AugAssign(assign) => {
                if assign.op == Operator::Add {
                    bind(&assign.target, &assign.value, true, place, at, body);
                } else {
                    body.effects.push((root_name(&assign.target), at));
                }
            }
            Stmt::If(branch) => {
                self.block(&branch.body, body, inside);
                for clause in &branch.elif_else_clauses {
                    self.block(&clause.body, body, inside);
                }
            }
            Stmt::Try(attempt) => {
                self.block(&attempt.body, body, inside);
                for handler in &attempt.handlers {
                    let ast::ExceptHandler::ExceptHandler(handler) = handler;
                    self.block(&handler.body, body, inside);
                }
                self.block(&attempt.orelse, body, inside);
                self.block(&attempt.finalbody, body, inside);
            }
            Stmt::With(with) => self.block(&with.body, body, inside),
            Stmt::For(repeat) => {
                let looped = Place {
                    looped: true,
                    ..inside
                };
                self.block(&repeat.body, body, looped);
                self.block(&repeat.orelse, body, inside);
            }
            Stmt::While(repeat) => {
                let looped = Place {
                    looped: true,
                    ..inside
                };
                self.block(&repeat.body, body, looped);
            }
            Stmt::Expr(expression) => {
                if let Node::Call(call) = expression.value.as_ref() {
                    body.effects.push((root_name(&call.func), at));
                }
            }
            Stmt::Delete(delete) => {
                for target in &delete.targets {
                    body.effects.push((root_name(target), at));
                }
            }
            Stmt::Match(_) => body.effects.push((String::new(), at)),
            _ => {}
        }
    }

    fn class(&mut self, class: &ast::StmtClassDef, place: Place) -> Class {
        let mut inner = Body::default();
        let depth = Place {
            depth: place.depth + 1,
            ..Place::default()
        };
        self.block(&class.body, &mut inner, depth);
        Class {
            name: class.name.to_string(),
            bases: class.arguments.as_deref().map_or_else(Vec::new, |given| {
                given.args.iter().map(|base| expression(base, 0)).collect()
            }),
            is_decorated: !class.decorator_list.is_empty(),
            body: inner,
            span: span(class.name.range()),
        }
    }

    fn import(&mut self, import: &ast::StmtImport) {
        for alias in &import.names {
            let module = alias.name.to_string();
            let (bound, module) = match &alias.asname {
                Some(name) => (name.to_string(), module),
                // `import a.b` binds `a`.
                None => {
                    let first = module.split('.').next().unwrap_or_default().to_owned();
                    (first.clone(), first)
                }
            };
            let import = Import {
                level: 0,
                module,
                name: None,
                span: span(alias.range),
            };
            self.imports.push((bound, import));
        }
    }

    fn import_from(&mut self, import: &ast::StmtImportFrom) {
        for alias in &import.names {
            let made = Import {
                level: import.level,
                module: import
                    .module
                    .as_ref()
                    .map_or_else(String::new, ToString::to_string),
                name: Some(alias.name.to_string()),
                span: span(import.range),
            };
            if alias.name.as_str() == "*" {
                self.star_imports.push(made);
            } else {
                let bound = alias.asname.as_ref().unwrap_or(&alias.name).to_string();
                self.imports.push((bound, made));
            }
        }
    }
}

fn bind(target: &Node, value: &Node, adds: bool, place: Place, at: Span, body: &mut Body) {
    match target {
        Node::Name(name) => body.assignments.push(Assignment {
            name: name.id.to_string(),
            value: expression(value, 0),
            adds,
            conditional: place.conditional,
            looped: place.looped,
            span: at,
        }),
        other => body.effects.push((root_name(other), at)),
    }
}

/// The first name of `name.attribute[…]…`, or nothing.
pub(super) fn root_name(node: &Node) -> String {
    let mut node = node;
    loop {
        node = match node {
            Node::Name(name) => return name.id.to_string(),
            Node::Attribute(attribute) => &attribute.value,
            Node::Subscript(subscript) => &subscript.value,
            Node::Call(call) => &call.func,
            _ => return String::new(),
        };
    }
}

/// The dotted name that an expression is, if it is one.
pub(super) fn dotted(node: &Node) -> Option<String> {
    let mut parts = Vec::new();
    let mut node = node;
    loop {
        match node {
            Node::Name(name) => {
                parts.push(name.id.as_str());
                parts.reverse();
                return Some(parts.join("."));
            }
            Node::Attribute(attribute) => {
                parts.push(attribute.attr.as_str());
                node = &attribute.value;
            }
            _ => return None,
        }
    }
}

pub(super) fn expression(node: &Node, depth: u32) -> Expr {
    let at = span(node.range());
    if depth > DEEPEST_VALUE {
        return Expr {
            kind: ExprKind::Opaque("it nests too deeply"),
            span: at,
        };
    }
    let deeper = depth + 1;
    let all = |nodes: &[Node]| nodes.iter().map(|node| expression(node, deeper)).collect();
    let kind = match node {
        Node::NoneLiteral(_) => ExprKind::None,
        Node::BooleanLiteral(literal) => ExprKind::Bool(literal.value),
        Node::NumberLiteral(literal) => number(&literal.value),
        Node::StringLiteral(literal) => ExprKind::Str(literal.value.to_str().to_owned()),
        Node::BytesLiteral(_) => ExprKind::Number("bytes".to_owned()),
        Node::EllipsisLiteral(_) => ExprKind::Name("...".to_owned()),
        Node::List(list) => ExprKind::List(all(&list.elts)),
        Node::Tuple(tuple) => ExprKind::Tuple(all(&tuple.elts)),
        Node::Set(set) => ExprKind::Set(all(&set.elts)),
        Node::Dict(dict) => ExprKind::Dict(
            dict.items
                .iter()
                .map(|item| {
                    (
                        item.key.as_ref().map(|key| expression(key, deeper)),
                        expression(&item.value, deeper),
                    )
                })
                .collect(),
        ),
        Node::Name(_) => ExprKind::Name(dotted(node).unwrap_or_default()),
        Node::Attribute(_) => dotted(node).map_or(
            ExprKind::Opaque("it is an attribute of a computed value"),
            ExprKind::Name,
        ),
        Node::Call(call) => ExprKind::Call(Box::new(Call {
            callee: expression(&call.func, deeper),
            args: all(&call.arguments.args),
            keywords: call
                .arguments
                .keywords
                .iter()
                .map(|keyword| {
                    (
                        keyword.arg.as_ref().map(ToString::to_string),
                        expression(&keyword.value, deeper),
                    )
                })
                .collect(),
        })),
        Node::BinOp(binary) if binary.op == Operator::Add => ExprKind::Add(
            Box::new(expression(&binary.left, deeper)),
            Box::new(expression(&binary.right, deeper)),
        ),
        Node::BinOp(_) => ExprKind::Opaque("it is computed"),
        Node::UnaryOp(unary) if unary.op == UnaryOp::USub => {
            match expression(&unary.operand, deeper).kind {
                ExprKind::Int(value) => ExprKind::Int(-value),
                ExprKind::Number(text) => ExprKind::Number(format!("-{text}")),
                _ => ExprKind::Opaque("it is computed"),
            }
        }
        Node::Starred(starred) => ExprKind::Starred(Box::new(expression(&starred.value, deeper))),
        Node::If(choice) => ExprKind::Either(
            Box::new(expression(&choice.body, deeper)),
            Box::new(expression(&choice.orelse, deeper)),
        ),
        Node::Lambda(lambda) => ExprKind::Lambda(Box::new(lambda_facts(lambda))),
        Node::FString(_) | Node::TString(_) => ExprKind::Opaque("it is a formatted text"),
        Node::ListComp(_) | Node::SetComp(_) | Node::DictComp(_) | Node::Generator(_) => {
            ExprKind::Opaque("it is built by a comprehension")
        }
        _ => ExprKind::Opaque("it is computed"),
    };
    Expr { kind, span: at }
}

fn number(value: &Number) -> ExprKind {
    match value {
        Number::Int(int) => int
            .as_i64()
            .map_or_else(|| ExprKind::Number(int.to_string()), ExprKind::Int),
        Number::Float(float) => ExprKind::Number(float.to_string()),
        Number::Complex { real, imag } => ExprKind::Number(format!("{real}+{imag}j")),
    }
}
