//! What a function does, as far as rules ask: its parameters, the calls it makes, the modules it imports.

use super::Span;
use super::convert::span;
use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{self as ast, Expr as Node, Stmt};
use ruff_text_size::Ranged;

/// The facts of one function or lambda.
#[derive(Clone, Debug, Default)]
pub(crate) struct FunctionFacts {
    pub(crate) parameters: Vec<String>,
    /// Names that an assignment in the function binds: they hide imported ones.
    pub(crate) bound: Vec<String>,
    pub(crate) calls: Vec<CallFact>,
    /// Names that a `from module import name` inside of the function binds, with the module.
    pub(crate) imports: Vec<(String, String, Span)>,
    /// A lambda or a function whose body does nothing.
    pub(crate) is_empty: bool,
    /// From another file: its places are not those of the migration.
    pub(crate) is_foreign: bool,
    pub(crate) span: Span,
}

/// One call in a function.
#[derive(Clone, Debug)]
pub(crate) struct CallFact {
    /// The names from the root to what is called: `a.filter(b).update(c)` is `a`, `filter`, `update`. At most the last 16.
    pub(crate) chain: Vec<String>,
    /// Text arguments, in order; used for `get_model` and `execute`.
    pub(crate) texts: Vec<String>,
    /// Inside of a `for` or `while`, or of a comprehension.
    pub(crate) looped: bool,
    /// Keyword names.
    pub(crate) keywords: Vec<String>,
    pub(crate) span: Span,
}

impl CallFact {
    /// The last name: what is called.
    pub(crate) fn called(&self) -> &str {
        self.chain.last().map_or("", String::as_str)
    }

    /// The first name.
    pub(crate) fn root(&self) -> &str {
        self.chain.first().map_or("", String::as_str)
    }

    /// Whether the chain passes that name.
    pub(crate) fn passes(&self, name: &str) -> bool {
        self.chain.iter().any(|part| part == name)
    }
}

pub(super) fn function_facts(function: &ast::StmtFunctionDef) -> FunctionFacts {
    let mut walker = Walker::new(&function.parameters);
    walker.facts.span = span(function.name.range());
    walker.facts.is_empty = function.body.iter().all(|statement| match statement {
        Stmt::Pass(_) => true,
        Stmt::Expr(text) => matches!(
            text.value.as_ref(),
            Node::StringLiteral(_) | Node::EllipsisLiteral(_)
        ),
        Stmt::Return(given) => given
            .value
            .as_deref()
            .is_none_or(|value| matches!(value, Node::NoneLiteral(_))),
        _ => false,
    });
    for statement in &function.body {
        walker.visit_stmt(statement);
    }
    walker.facts
}

pub(super) fn lambda_facts(lambda: &ast::ExprLambda) -> FunctionFacts {
    let mut walker = lambda
        .parameters
        .as_deref()
        .map_or_else(Walker::default, Walker::new);
    walker.facts.span = span(lambda.range);
    walker.facts.is_empty = matches!(lambda.body.as_ref(), Node::NoneLiteral(_));
    walker.visit_expr(&lambda.body);
    walker.facts
}

#[derive(Default)]
struct Walker {
    facts: FunctionFacts,
    loops: u32,
}

impl Walker {
    fn new(parameters: &ast::Parameters) -> Self {
        let mut walker = Self::default();
        walker.facts.parameters = parameters
            .posonlyargs
            .iter()
            .chain(&parameters.args)
            .map(|parameter| parameter.parameter.name.to_string())
            .collect();
        walker
    }

    fn looped(&mut self, walk: impl FnOnce(&mut Self)) {
        self.loops += 1;
        walk(self);
        self.loops -= 1;
    }
}

impl<'a> Visitor<'a> for Walker {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::ImportFrom(import) => {
                for alias in &import.names {
                    let bound = alias.asname.as_ref().unwrap_or(&alias.name).to_string();
                    let dots = ".".repeat(usize::try_from(import.level).unwrap_or_default());
                    let module = import.module.as_ref().map_or("", |name| name.as_str());
                    self.facts
                        .imports
                        .push((bound, format!("{dots}{module}"), span(import.range)));
                }
            }
            Stmt::Assign(assign) => {
                let names = assign.targets.iter().filter_map(Node::as_name_expr);
                self.facts
                    .bound
                    .extend(names.map(|name| name.id.to_string()));
                walk_stmt(self, statement);
            }
            Stmt::For(repeat) => {
                self.visit_expr(&repeat.iter);
                self.looped(|walker| {
                    for inner in repeat.body.iter().chain(&repeat.orelse) {
                        walker.visit_stmt(inner);
                    }
                });
            }
            Stmt::While(repeat) => self.looped(|walker| {
                walker.visit_expr(&repeat.test);
                for inner in repeat.body.iter().chain(&repeat.orelse) {
                    walker.visit_stmt(inner);
                }
            }),
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, node: &'a Node) {
        match node {
            Node::Call(call) => {
                self.facts.calls.push(CallFact {
                    chain: chain(&call.func),
                    texts: call
                        .arguments
                        .args
                        .iter()
                        .filter_map(|arg| match arg {
                            Node::StringLiteral(text) => Some(text.value.to_str().to_owned()),
                            _ => None,
                        })
                        .collect(),
                    keywords: call
                        .arguments
                        .keywords
                        .iter()
                        .filter_map(|keyword| keyword.arg.as_ref().map(ToString::to_string))
                        .collect(),
                    looped: self.loops > 0,
                    span: span(node.range()),
                });
                walk_expr(self, node);
            }
            Node::ListComp(_) | Node::SetComp(_) | Node::DictComp(_) | Node::Generator(_) => {
                self.looped(|walker| walk_expr(walker, node));
            }
            _ => walk_expr(self, node),
        }
    }
}

/// The names along `a.b(c).d[e].f`, root first; only the last 16, so that a long chain stays cheap.
pub(super) fn chain(node: &Node) -> Vec<String> {
    let mut names = Vec::new();
    let mut node = node;
    while names.len() < 16 {
        node = match node {
            Node::Name(name) => {
                names.push(name.id.to_string());
                break;
            }
            Node::Attribute(attribute) => {
                names.push(attribute.attr.to_string());
                &attribute.value
            }
            Node::Call(call) => &call.func,
            Node::Subscript(subscript) => &subscript.value,
            _ => break,
        };
    }
    names.reverse();
    names
}
