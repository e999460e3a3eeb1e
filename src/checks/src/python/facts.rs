//! What a function does, as far as rules ask: its parameters, the calls it makes, the modules it imports.

use super::Span;
use super::convert::{dotted, span};
use super::vendor::{holds_on_postgres, leaves};
use ruff_python_ast::visitor::{Visitor, walk_comprehension, walk_expr, walk_stmt};
use ruff_python_ast::{self as ast, Expr as Node, Operator, Stmt};
use ruff_text_size::Ranged;

/// The facts of one function or lambda.
#[derive(Clone, Debug, Default)]
pub(crate) struct FunctionFacts {
    pub(crate) parameters: Vec<String>,
    /// Names that an assignment in the function binds: they hide imported ones.
    pub(crate) bound: Vec<String>,
    /// What names get inside of the function: by an assignment, or by `with … as name`.
    pub(crate) given: Vec<Given>,
    pub(crate) calls: Vec<CallFact>,
    /// Names that imports inside of the function bind, with the whole path of each and its leading dots.
    pub(crate) imports: Vec<(String, String)>,
    /// The names along what `for` goes through, here and in comprehensions. Slices are no part of it.
    pub(crate) iterated: Vec<Vec<String>>,
    /// A lambda or a function whose body does nothing.
    pub(crate) is_empty: bool,
    /// The text that it returns, if it does nothing else.
    pub(crate) returns: Option<String>,
    /// From another file: its places are not those of the migration.
    pub(crate) is_foreign: bool,
    pub(crate) span: Span,
}

/// How often a function gives something to a name.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Times<'f> {
    Never,
    /// So that it stands for that.
    Once(&'f Given),
    Several,
}

impl FunctionFacts {
    /// What the function gives to a name.
    pub(crate) fn given_to(&self, name: &str) -> Times<'_> {
        let mut given = self.given.iter().filter(|given| given.name == name);
        match (given.next(), given.next()) {
            (None, _) => Times::Never,
            (Some(only), None) => Times::Once(only),
            (Some(_), Some(_)) => Times::Several,
        }
    }
}

/// A name with what it gets.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) name: String,
    /// The names along the value, as those of a call.
    pub(crate) chain: Vec<String>,
    /// The value as a text.
    pub(crate) text: TextValue,
}

/// A value that should be a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TextValue {
    /// A text that is written out, or several that are added to each other.
    Text(String),
    /// A dotted name.
    Name(String),
    /// Computed: what is known of its beginning.
    Computed(String),
}

/// What a call of `execute` is given.
#[derive(Clone, Debug)]
pub(crate) struct Executed {
    pub(crate) text: TextValue,
    /// Whether there are values for its placeholders.
    pub(crate) has_parameters: bool,
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
    /// How many arguments have no keyword.
    pub(crate) places: usize,
    /// Keyword names.
    pub(crate) keywords: Vec<String>,
    /// What `execute` and `executemany` are given.
    pub(crate) executed: Option<Executed>,
    /// Under a condition that does not hold on Postgres.
    pub(crate) not_on_postgres: bool,
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
    walker.facts.returns = returned_text(&function.body);
    for statement in &function.body {
        walker.visit_stmt(statement);
    }
    walker.facts
}

/// The text that a body returns, if that is all that it does beside documenting itself.
fn returned_text(body: &[Stmt]) -> Option<String> {
    let (last, before) = body.split_last()?;
    let is_text =
        |one: &Stmt| matches!(one, Stmt::Expr(text) if text.value.is_string_literal_expr());
    let Stmt::Return(given) = last else {
        return None;
    };
    let text = given.value.as_deref()?.as_string_literal_expr()?;
    before
        .iter()
        .all(is_text)
        .then(|| text.value.to_str().to_owned())
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
    /// Whether what is walked is not reached on Postgres.
    not_on_postgres: bool,
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

    /// Walks what is reached on Postgres only if `reached`.
    fn branch<'a>(&mut self, reached: bool, body: &'a [Stmt]) {
        let before = self.not_on_postgres;
        self.not_on_postgres |= !reached;
        for statement in body {
            Visitor::<'a>::visit_stmt(self, statement);
        }
        self.not_on_postgres = before;
    }

    /// Walks the ways through an `if`. Those that ask for another database are not taken on Postgres.
    fn ways(&mut self, branch: &ast::StmtIf) {
        self.visit_expr(&branch.test);
        let verdict = holds_on_postgres(&branch.test);
        self.branch(verdict != Some(false), &branch.body);
        let mut taken = verdict == Some(true);
        for clause in &branch.elif_else_clauses {
            let verdict = clause.test.as_ref().and_then(holds_on_postgres);
            if let Some(test) = &clause.test {
                self.visit_expr(test);
            }
            self.branch(!taken && verdict != Some(false), &clause.body);
            taken |= verdict == Some(true);
        }
        // `if vendor != "sqlite": return`: what follows is for SQLite.
        if verdict == Some(true) && leaves(&branch.body) {
            self.not_on_postgres = true;
        }
    }

    fn goes_through(&mut self, node: &Node) {
        if !node.is_subscript_expr() {
            self.facts.iterated.push(chain(node));
        }
    }

    fn give(&mut self, target: &Node, value: &Node) {
        if let Some(name) = target.as_name_expr() {
            self.facts.given.push(Given {
                name: name.id.to_string(),
                chain: chain(value),
                text: text_value(value),
            });
        }
    }
}

/// How deep texts are added to each other.
const DEEPEST_TEXT: u32 = 64;

fn text_value(node: &Node) -> TextValue {
    if let Some(text) = joined(node, DEEPEST_TEXT) {
        return TextValue::Text(text);
    }
    match dotted(node) {
        Some(name) => TextValue::Name(name),
        None => TextValue::Computed(beginning(node, DEEPEST_TEXT)),
    }
}

/// A text, or texts that are added to each other.
fn joined(node: &Node, left: u32) -> Option<String> {
    match node {
        Node::StringLiteral(text) => Some(text.value.to_str().to_owned()),
        Node::BinOp(sum) if sum.op == Operator::Add && left > 0 => {
            Some(joined(&sum.left, left - 1)? + &joined(&sum.right, left - 1)?)
        }
        _ => None,
    }
}

/// What is written out at the beginning of a text that is computed: `f"SELECT {a}"`, `"SELECT %s" % a`, `"SELECT {}".format(a)`.
fn beginning(node: &Node, left: u32) -> String {
    if left == 0 {
        return String::new();
    }
    match node {
        Node::StringLiteral(text) => text.value.to_str().to_owned(),
        Node::BinOp(computed) => beginning(&computed.left, left - 1),
        Node::Call(call) => beginning(&call.func, left - 1),
        Node::Attribute(attribute) => beginning(&attribute.value, left - 1),
        Node::FString(text) => {
            let first = text
                .value
                .elements()
                .next()
                .and_then(|one| one.as_literal());
            first.map_or_else(String::new, |literal| literal.value.to_string())
        }
        _ => String::new(),
    }
}

fn executed(call: &ast::ExprCall, called: &str) -> Option<Executed> {
    if !matches!(called, "execute" | "executemany") {
        return None;
    }
    let keyword = |name: &str| call.arguments.find_keyword(name).map(|found| &found.value);
    let given = |place: usize, name: &str| call.arguments.args.get(place).or_else(|| keyword(name));
    let text = given(0, "sql").or_else(|| keyword("query"));
    Some(Executed {
        text: text.map_or_else(|| TextValue::Computed(String::new()), text_value),
        has_parameters: given(1, "params").is_some_and(|value| !value.is_none_literal_expr()),
    })
}

impl<'a> Visitor<'a> for Walker {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::ImportFrom(import) => {
                for alias in &import.names {
                    let bound = alias.asname.as_ref().unwrap_or(&alias.name).to_string();
                    let dots = ".".repeat(usize::try_from(import.level).unwrap_or_default());
                    let module = import.module.as_ref().map_or("", |name| name.as_str());
                    let dot = if module.is_empty() { "" } else { "." };
                    let path = format!("{dots}{module}{dot}{}", alias.name);
                    self.facts.imports.push((bound, path));
                }
            }
            Stmt::Import(import) => {
                for alias in &import.names {
                    let module = alias.name.to_string();
                    // `import a.b` binds `a`.
                    let first = module.split('.').next().unwrap_or_default().to_owned();
                    self.facts.imports.push(match &alias.asname {
                        Some(name) => (name.to_string(), module),
                        None => (first.clone(), first),
                    });
                }
            }
            Stmt::Assign(assign) => {
                let names = assign.targets.iter().filter_map(Node::as_name_expr);
                self.facts
                    .bound
                    .extend(names.map(|name| name.id.to_string()));
                for target in &assign.targets {
                    self.give(target, &assign.value);
                }
                walk_stmt(self, statement);
            }
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    self.give(&assign.target, value);
                }
                walk_stmt(self, statement);
            }
            Stmt::AugAssign(assign) => {
                self.give(&assign.target, &assign.value);
                walk_stmt(self, statement);
            }
            Stmt::With(with) => {
                for item in &with.items {
                    if let Some(target) = &item.optional_vars {
                        self.give(target, &item.context_expr);
                    }
                }
                walk_stmt(self, statement);
            }
            Stmt::If(branch) => self.ways(branch),
            Stmt::For(repeat) => {
                self.goes_through(&repeat.iter);
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
                let chain = chain(&call.func);
                let called = chain.last().map_or("", String::as_str);
                self.facts.calls.push(CallFact {
                    executed: executed(call, called),
                    not_on_postgres: self.not_on_postgres,
                    chain,
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
                    places: call.arguments.args.len(),
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

    fn visit_comprehension(&mut self, comprehension: &'a ast::Comprehension) {
        self.goes_through(&comprehension.iter);
        walk_comprehension(self, comprehension);
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
