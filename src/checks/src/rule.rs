//! What every rule says about itself.

use beanpole_model::Severity;

/// A family of rules, judged together. Its name is what `beanpole check GROUP` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Django migrations.
    Migrations,
    /// Coverage thresholds.
    Coverage,
    /// Pinned packages and base images.
    Pins,
    /// Names of test files.
    TestNames,
    /// The name of the branch.
    Branch,
    /// The commit message.
    CommitMessage,
    /// Merge-conflict markers, debug statements, large files.
    Files,
    /// The size of the pull request.
    ChangeSize,
    /// Secrets and `.env` files.
    Secrets,
    /// Django's production settings.
    Settings,
    /// Dockerfiles, entrypoints and compose files.
    Docker,
    /// GitHub Actions workflows.
    Workflows,
}

impl Group {
    /// All groups, in the order in which they are listed.
    pub const ALL: [Self; 12] = [
        Self::Migrations,
        Self::Coverage,
        Self::Pins,
        Self::TestNames,
        Self::Branch,
        Self::CommitMessage,
        Self::Files,
        Self::ChangeSize,
        Self::Secrets,
        Self::Settings,
        Self::Docker,
        Self::Workflows,
    ];

    /// The name on the command line and in the manifest.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Migrations => "migrations",
            Self::Coverage => "coverage",
            Self::Pins => "pins",
            Self::TestNames => "test-names",
            Self::Branch => "branch",
            Self::CommitMessage => "commit-message",
            Self::Files => "files",
            Self::ChangeSize => "change-size",
            Self::Secrets => "secrets",
            Self::Settings => "settings",
            Self::Docker => "docker",
            Self::Workflows => "workflows",
        }
    }
}

impl std::fmt::Display for Group {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A rule: one kind of finding. Its id is the name of its page in `docs/checks/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The stable id, in kebab case: `drop-column`.
    pub id: &'static str,
    /// Its family.
    pub group: Group,
    /// How much its findings matter, unless the manifest says otherwise.
    pub severity: Severity,
    /// What it reports, in one line without a full stop.
    pub summary: &'static str,
}
