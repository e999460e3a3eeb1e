//! What `beanpole check` looks at, and how strict it is.
//!
//! Rules: plain data. A value that is not given is none here, and the check's own default holds: it is written
//! down once, beside the check. Every setting that a group of checks has is here, unless it follows from others; its doc says
//! from which.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scalar::day;

/// Checks of the project's files, in git hooks and in CI.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Checks {
    /// Groups of checks that are switched on or off.
    pub groups: CheckGroups,
    /// How much the findings of a rule or a group matter, by its name. A rule's own wins over its group's.
    pub severity: BTreeMap<String, CheckLevel>,
    /// Findings that the project has decided to live with.
    pub ignore: Vec<CheckIgnore>,
    /// The file with the findings that were there before, from the project's root.
    pub baseline: Option<String>,
    /// Django migrations.
    pub migrations: MigrationChecks,
    /// Coverage.
    pub coverage: CoverageChecks,
    /// Pinned packages and base images.
    pub pins: PinChecks,
    /// Names of test files.
    pub test_names: TestNameChecks,
    /// Names of branches.
    pub branch: BranchChecks,
    /// Commit messages.
    pub commit_message: CommitMessageChecks,
    /// All files.
    pub files: FileChecks,
    /// The size of a pull request.
    pub change_size: ChangeSizeChecks,
    /// Secrets in files.
    pub secrets: SecretChecks,
    /// Django's settings in production.
    pub settings: SettingsChecks,
    /// Dockerfiles, entrypoints and compose files.
    pub docker: DockerChecks,
    /// GitHub Actions workflows.
    pub workflows: WorkflowChecks,
}

/// Groups of checks, by the names that `beanpole check` takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CheckGroups {
    /// Django migrations.
    pub migrations: bool,
    /// Coverage thresholds.
    pub coverage: bool,
    /// Pinned packages and base images.
    pub pins: bool,
    /// Names of test files.
    pub test_names: bool,
    /// The name of the branch.
    pub branch: bool,
    /// The commit message.
    pub commit_message: bool,
    /// Merge-conflict markers, debug statements, large files.
    pub files: bool,
    /// The size of the pull request.
    pub change_size: bool,
    /// Secrets and `.env` files.
    pub secrets: bool,
    /// Django's production settings.
    pub settings: bool,
    /// Dockerfiles, entrypoints and compose files.
    pub docker: bool,
    /// GitHub Actions workflows.
    pub workflows: bool,
}

impl CheckGroups {
    /// Each group's name and whether it is on.
    #[must_use]
    pub const fn by_name(&self) -> [(&'static str, bool); 12] {
        [
            ("migrations", self.migrations),
            ("coverage", self.coverage),
            ("pins", self.pins),
            ("test-names", self.test_names),
            ("branch", self.branch),
            ("commit-message", self.commit_message),
            ("files", self.files),
            ("change-size", self.change_size),
            ("secrets", self.secrets),
            ("settings", self.settings),
            ("docker", self.docker),
            ("workflows", self.workflows),
        ]
    }
}

impl Default for CheckGroups {
    fn default() -> Self {
        Self {
            migrations: true,
            coverage: true,
            pins: true,
            test_names: true,
            branch: true,
            commit_message: true,
            files: true,
            change_size: true,
            secrets: true,
            settings: true,
            docker: true,
            workflows: true,
        }
    }
}

/// How much findings matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckLevel {
    /// They are not reported. Tools that read YAML 1.1 write `off` as `false`.
    #[serde(alias = "false")]
    Off,
    /// Worth knowing.
    Note,
    /// Should be looked at; does not stop anything.
    Warning,
    /// Stops a commit or a release.
    Error,
}

impl JsonSchema for CheckLevel {
    fn schema_name() -> Cow<'static, str> {
        "CheckLevel".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "How much findings matter. `off` does not report them; only `error` stops anything.",
            // To editors that read YAML 1.1, `off` is `false`.
            "enum": ["off", "note", "warning", "error", false],
        })
    }
}

/// Findings that the project has decided to live with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckIgnore {
    /// The files, from the project's root: `*` stops at `/`, `**` does not, a directory stands for all below it.
    #[schemars(length(min = 1))]
    pub paths: Vec<String>,
    /// The ids of the rules.
    #[schemars(length(min = 1))]
    pub rules: Vec<String>,
    /// Why.
    #[schemars(length(min = 1))]
    pub reason: String,
    /// The last day on which it holds.
    #[serde(default, with = "day")]
    #[schemars(with = "Option<day::Text>")]
    pub until: Option<Date>,
    /// The line in the manifest on which it stands, from 1.
    #[serde(skip)]
    pub line: u32,
}

/// Django migrations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MigrationChecks {
    /// Tables on which even a short lock hurts: tables (`shop_order`) or models (`shop.Order`).
    pub hot_tables: Vec<String>,
    /// The package of an app's migrations by the app's label, as in Django's `MIGRATION_MODULES`. That of settings modules is
    /// read too, where it is written out; what stands here wins.
    pub modules: BTreeMap<String, String>,
    /// The release of Django: `5.2`. Decides which remedies are offered.
    #[schemars(with = "Option<crate::schema::Text>")]
    pub django: Option<String>,
    /// The major release of Postgres.
    #[schemars(range(min = 9))]
    pub postgres: Option<u32>,
    /// The project's manage.py for `beanpole check --exact`, as a person types it in the manifest's directory:
    /// `docker compose run --rm web python manage.py`. It is split into words, and no shell reads it.
    pub manage: Option<String>,
}

/// Coverage. Thresholds are percentages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CoverageChecks {
    /// Reports, from the project's root: coverage.py's JSON, XML or database, or LCOV.
    pub reports: Vec<String>,
    /// Reports of the base, for `never_decrease`.
    pub base_reports: Vec<String>,
    /// What all files together must reach. 100 means every line.
    #[schemars(range(min = 0, max = 100))]
    pub total: Option<f64>,
    /// Decimal places of the comparison, as coverage.py's `precision`. A threshold's own places count if they are more.
    #[schemars(range(min = 0, max = 10))]
    pub precision: Option<u8>,
    /// What the changed lines must reach.
    #[schemars(range(min = 0, max = 100))]
    pub changed: Option<f64>,
    /// How many changed lines it takes to be judged.
    pub minimum_lines: Option<u32>,
    /// Whether it must not fall below the base's.
    pub never_decrease: Option<bool>,
    /// By how much it may fall all the same, in percentage points.
    #[schemars(range(min = 0, max = 100))]
    pub tolerance: Option<f64>,
    /// Whether changed lines that no test ran are reported one by one.
    pub uncovered: Option<bool>,
    /// What the files below a path must reach, by the path.
    pub paths: BTreeMap<String, f64>,
    /// Patterns of Python files that need not be in a report, beside the usual ones: tests, migrations, `manage.py` and their
    /// like.
    pub exclude: Vec<String>,
    /// Beginnings of paths in reports, with what stands there in the project: `/app/` becomes `backend/`. For reports from
    /// a container.
    pub source_paths: BTreeMap<String, String>,
}

/// Pinned packages and base images.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PinChecks {
    /// Patterns of further requirements files, which are production whatever their names say. The usual names count as well.
    pub files: Option<Vec<String>>,
    /// Patterns of requirements files that are not production, whatever their names say. `files` counts first.
    pub development_files: Vec<String>,
    /// Whether packages for development need a pin as well.
    pub pin_development: Option<bool>,
    /// Packages and base images that need no pin.
    pub allow: Vec<String>,
    /// Further packages that belong to tests and development only; `name-*` names a family.
    pub test_packages: Vec<String>,
    /// Packages that production may have although they are known as packages for tests; `name-*` names a family.
    pub allow_in_production: Vec<String>,
    /// Whether packages need hashes.
    pub hashes: Option<bool>,
    /// Whether images need a digest.
    pub digests: Option<bool>,
}

/// Names of test files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TestNameChecks {
    /// Who finds the tests. Without it, the project's own settings decide.
    pub runner: Option<TestRunner>,
    /// Patterns of the names of test files: `test_*.py`.
    pub patterns: Option<Vec<String>>,
    /// Patterns of files that are no tests, whatever is in them.
    pub exclude: Vec<String>,
}

/// Who finds the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TestRunner {
    /// Django's own (`manage.py test`).
    Django,
    /// pytest.
    Pytest,
}

/// Names of branches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BranchChecks {
    /// A regular expression that a name matches as a whole. It stands instead of `templates`.
    pub pattern: Option<String>,
    /// The allowed forms, made of `{type}`, `{ticket}`, `{developer}`, `{name}` and plain text, instead of the usual ones.
    #[schemars(length(min = 1))]
    pub templates: Option<Vec<String>>,
    /// What `{type}` may be, instead of the usual words: `feature`, `hotfix`.
    pub prefixes: Option<Vec<String>>,
    /// Branches that nobody commits to, instead of the usual ones. `*` stops at `/`, `**` does not.
    pub protected: Option<Vec<String>>,
    /// Further branches whose names are not judged, instead of the usual ones: `renovate/**`.
    pub exempt: Option<Vec<String>>,
    /// Whether merge commits on a protected branch are refused as well. `git pull` makes some.
    pub refuse_merges: Option<bool>,
    /// Projects of tickets, of which a name holds one: `SHOP` for `SHOP-123`.
    pub ticket_projects: Vec<String>,
    /// A regular expression for one ticket, for those of another form: `#[0-9]+`. It stands instead of `ticket_projects`.
    pub ticket_pattern: Option<String>,
    /// Whether a name must hold a ticket.
    pub ticket_required: Option<bool>,
}

/// Commit messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CommitMessageChecks {
    /// The types of Conventional Commits that are allowed.
    pub types: Option<Vec<String>>,
    /// The scopes that are allowed.
    pub scopes: Option<Vec<String>>,
    /// Whether a scope has to be there.
    pub require_scope: Option<bool>,
    /// The longest first line, in characters.
    #[schemars(range(min = 20))]
    pub longest_subject: Option<u32>,
    /// The longest further line, in characters.
    #[schemars(range(min = 20))]
    pub longest_line: Option<u32>,
    /// Projects of tickets, of which a message holds one: `SHOP` for `SHOP-123`.
    pub ticket_projects: Vec<String>,
    /// A regular expression for one ticket, for those of another form: `#[0-9]+`. It stands instead of `ticket_projects`.
    pub ticket_pattern: Option<String>,
    /// Where the ticket has to stand. Without it, `ticket_required` asks for one anywhere.
    pub ticket_place: Option<TicketPlace>,
    /// Whether a message must hold a ticket.
    pub ticket_required: Option<bool>,
}

/// Where the ticket has to stand in a commit message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TicketPlace {
    /// No ticket is asked for.
    None,
    /// First of all: `SHOP-1 feat: …` or `[SHOP-1] feat: …`.
    Start,
    /// Between type and colon: `feat [SHOP-1]: …`.
    AfterType,
    /// As the scope: `feat(SHOP-1): …`.
    Scope,
    /// First in the description: `feat: SHOP-1 …` or `feat: [SHOP-1] …`.
    Description,
    /// In a footer: `Refs: SHOP-1`.
    Footer,
    /// Anywhere in the message.
    Anywhere,
}

/// All files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FileChecks {
    /// The largest file, in KiB.
    #[schemars(range(min = 1))]
    pub largest_kib: Option<u64>,
    /// Patterns of files that may be larger.
    pub large: Vec<String>,
    /// Patterns of files in which debug statements stay.
    pub debug: Vec<String>,
    /// Further modules that only debugging needs: `shop.debug`.
    pub debug_modules: Vec<String>,
    /// Whether `print(…)` counts as a debug statement.
    pub print: Option<bool>,
}

/// The size of a pull request, in lines added and removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChangeSizeChecks {
    /// From how many lines on there is a warning.
    #[schemars(range(min = 1))]
    pub warning: Option<u32>,
    /// From how many lines on it is an error.
    #[schemars(range(min = 1))]
    pub error: Option<u32>,
    /// Whether migrations count.
    pub count_migrations: Option<bool>,
    /// Whether the lines of deleted files count.
    pub count_deleted_files: Option<bool>,
    /// Patterns of files that do not count, beside lock files and what is generated.
    pub exclude: Vec<String>,
}

/// Secrets in files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SecretChecks {
    /// Patterns of files with examples, which hold no real secrets. They are not searched.
    pub examples: Vec<String>,
    /// Patterns of files like `.env` that hold no secrets, beside `.env.example` and its like.
    pub allow_files: Vec<String>,
    /// Patterns of files whose passwords are made up, beside the usual names of tests. Keys of known services count there as
    /// well.
    pub tests: Vec<String>,
    /// Regular expressions of texts that look like secrets and are none.
    pub allow: Vec<String>,
    /// Whether assignments to names like `password` and `api_key` are judged.
    pub assignments: Option<bool>,
    /// Fingerprints of secrets that are known: the last word of a finding's message.
    #[schemars(with = "Vec<crate::schema::Text>")]
    pub baseline: Vec<String>,
}

/// Django's settings in production.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SettingsChecks {
    /// The settings modules that production loads: `blog.settings.production`.
    pub modules: Vec<String>,
    /// Whether something before the application redirects to HTTPS, so that it need not do so itself.
    pub redirects_elsewhere: Option<bool>,
}

/// Dockerfiles, entrypoints and compose files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DockerChecks {
    /// Words that mark a file, a directory or a stage as meant for development or tests, instead of the usual ones.
    pub development: Option<Vec<String>>,
    /// Names of variables that look like secrets and are none.
    pub not_secret: Vec<String>,
    /// The build context of a Dockerfile, both from the project's root, where nothing else tells it.
    pub contexts: BTreeMap<String, String>,
    /// Hosts that scripts may wait for although no compose service has their name.
    pub hosts: Vec<String>,
}

/// GitHub Actions workflows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WorkflowChecks {
    /// Owners whose actions may be named by tag with a warning, instead of GitHub's own.
    pub first_party: Option<Vec<String>>,
}
