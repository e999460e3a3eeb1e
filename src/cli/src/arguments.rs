//! The flags, apart from the work.

use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand};

use crate::commands;
use crate::deferred::Deferred;

/// What `--help` ends with.
const EXAMPLES: &str = "\
Examples:
  beanpole rehearse examples/blog     a whole release on this machine, no AWS account needed
  beanpole init                       write beanpole.yaml for this project
  beanpole check                      judge what is staged, before it is committed
  beanpole plan --env production      what apply would change
  beanpole apply --env production     make it so
  beanpole deploy --env production    release the current commit and prove it

Exit codes:
  0 done and proven · 1 findings, or unhealthy · 2 usage or manifest
  3 failed, former state restored · 4 failed, former state not restored
  5 busy or locked · 6 out of time, AWS goes on · 7 credentials or permission
  8 network or an outside service · 70 a bug in beanpole · 130 interrupted";

/// Ship and run Django on AWS Elastic Beanstalk: from a commit to a release that is proven healthy.
#[derive(Debug, Parser)]
#[command(name = "beanpole", version, after_help = EXAMPLES, propagate_version = false)]
pub struct Arguments {
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes.
#[derive(Args, Clone, Debug, Default)]
pub struct Global {
    /// The manifest to read [default: beanpole.yaml here or in a parent directory]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "BEANPOLE_MANIFEST",
        help_heading = "Global options"
    )]
    pub manifest: Option<Utf8PathBuf>,
    /// The environment of the manifest to work on
    #[arg(
        long,
        short = 'e',
        global = true,
        value_name = "NAME",
        env = "BEANPOLE_ENV",
        help_heading = "Global options"
    )]
    pub env: Option<String>,
    /// Write the result as JSON to stdout
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
    /// Say nothing on stderr but errors
    #[arg(
        long,
        short,
        global = true,
        conflicts_with = "verbose",
        help_heading = "Global options"
    )]
    pub quiet: bool,
    /// Show the output of builds, containers and Beanstalk too
    #[arg(long, short, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub verbose: u8,
    /// Write no colours (also: the variable NO_COLOR)
    #[arg(long, global = true, help_heading = "Global options")]
    pub no_color: bool,
    /// Answer yes to every question
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub yes: bool,
}

/// How AWS is reached. The manifest names the region; these are for everything else.
#[derive(Args, Clone, Debug, Default)]
pub struct Aws {
    /// The profile of the AWS configuration files to use
    #[arg(long, value_name = "NAME", env = "AWS_PROFILE", help_heading = "AWS")]
    pub profile: Option<String>,
    /// The role to assume, by ARN
    #[arg(
        long,
        value_name = "ARN",
        env = "BEANPOLE_ASSUME_ROLE",
        help_heading = "AWS"
    )]
    pub assume_role: Option<String>,
    /// Where to reach AWS instead of its own addresses, such as a running rehearsal
    #[arg(
        long,
        value_name = "URL",
        env = "AWS_ENDPOINT_URL",
        help_heading = "AWS"
    )]
    pub endpoint_url: Option<String>,
    /// How many times as fast as the wall clock the other side runs (for rehearsals)
    #[arg(
        long,
        value_name = "FACTOR",
        env = "BEANPOLE_SPEED",
        default_value_t = 1.0,
        hide = true
    )]
    pub speed: f64,
}

impl Arguments {
    /// Whether the result is JSON: `--json`, and what means the same.
    #[must_use]
    pub fn answers_json(&self) -> bool {
        let by_format = matches!(&self.command, Command::Check(check) if check.answers_json());
        self.global.json || by_format
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a beanpole.yaml to start from
    Init(Deferred<commands::init::Init>),
    /// Build the image of the current commit through the Docker Engine
    Build(Deferred<commands::build::Build>),
    /// Judge files, branch and commits: migrations, secrets, settings, pins and more
    Check(Deferred<commands::check::Check>),
    /// Put git hooks in place that run the checks
    Hooks(Deferred<commands::hooks::Hooks>),
    /// Show what apply would change
    Plan(Deferred<commands::plan::Plan>),
    /// Create or change the infrastructure until it is as the manifest says
    Apply(Deferred<commands::apply::Apply>),
    /// Release the current commit and prove it
    Deploy(Deferred<commands::deploy::Deploy>),
    /// Bring the former version back and prove it
    Rollback(Deferred<commands::rollback::Rollback>),
    /// Release the version of one environment in another
    Promote(Deferred<commands::promote::Promote>),
    /// Show the releases of an environment
    History(Deferred<commands::history::History>),
    /// Show, take or release the lock of an environment
    Lock(Deferred<commands::lock::Lock>),
    /// Show what runs and how it is
    Status(Deferred<commands::status::Status>),
    /// Show what Beanstalk says about its work
    Events(Deferred<commands::events::Events>),
    /// Fetch the logs of every instance
    Logs(Deferred<commands::logs::Logs>),
    /// Take back the update that is under way
    Abort(Deferred<commands::abort::Abort>),
    /// Run a whole release on this machine, against an embedded AWS
    Rehearse(Deferred<commands::rehearse::Rehearse>),
    /// Ask a health check endpoint once
    Probe(Deferred<commands::probe::Probe>),
    /// Send a test message to the alert routes
    Alert(Deferred<commands::alert::Alert>),
    /// Print the JSON Schema of the manifest
    Schema(Deferred<commands::schema::Schema>),
    /// Print a completion script for a shell
    Completions(Deferred<commands::completions::Completions>),
    /// Print the manual page
    Man(Deferred<commands::man::Man>),
}
