//! What must come of a cell: written by thought, from what the product promises.
//!
//! 1. What only explains (events, causes, logs, and what is written down once the environment is
//!    touched) decides nothing; nor does cleaning up after the proof.
//! 2. Trouble that passes never ends a release.
//! 3. Trouble before the update was accepted changes nothing in the environment.
//! 4. When AWS can no longer be asked after that, nothing is claimed and nothing undone: AWS goes on.
//! 5. A roll-back that cannot be led to its end is not called one.
//! 6. A release that cannot be proven is rolled back, and a roll-back that cannot be proven is said
//!    to be none.

use beanpole_deploy::Verdict;
use beanpole_model::ExitCode;

use crate::cells::{Cell, Fault, Times};

/// Which version all instances run in the end, when AWS is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fleet {
    New,
    Former,
}

/// What must come of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) verdict: Verdict,
    pub(crate) exit_code: ExitCode,
    pub(crate) fleet: Fleet,
    /// Whether the bundle is in S3; none if both is right.
    pub(crate) bundle: Option<bool>,
    /// Whether the application version exists; none if both is right.
    pub(crate) version: Option<bool>,
}

impl Expected {
    pub(crate) const RELEASED: Self = Self {
        verdict: Verdict::Released,
        exit_code: ExitCode::Done,
        fleet: Fleet::New,
        bundle: Some(true),
        version: Some(true),
    };
    pub(crate) const ROLLED_BACK: Self = Self {
        verdict: Verdict::RolledBack,
        exit_code: ExitCode::FailedRestored,
        fleet: Fleet::Former,
        ..Self::RELEASED
    };
}

/// The part of a release that a phase belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Nothing in the environment is changed.
    Before,
    /// The change is accepted; AWS works by itself.
    After,
    /// The way back, before and after AWS has accepted it.
    Back { accepted: bool },
}

fn part(phase: &str) -> Part {
    match phase {
        "update+sent" | "prove" | "probe" | "soak" | "prune" => Part::After,
        "roll-back" => Part::Back { accepted: false },
        "roll-back+sent" => Part::Back { accepted: true },
        _ => Part::Before,
    }
}

/// True for phases that belong to a release that fails.
pub(crate) fn is_way_back(phase: &str) -> bool {
    matches!(part(phase), Part::Back { .. })
}

/// Events, causes and logs; the record and the lock once the environment is touched; and all that
/// cleans up.
fn only_explains(cell: &Cell) -> bool {
    let operation = &cell.operation;
    let explains = matches!(
        operation.name.as_str(),
        "DescribeEvents"
            | "DescribeEnvironmentHealth"
            | "RequestEnvironmentInfo"
            | "RetrieveEnvironmentInfo"
    );
    // Before the update, the release step's log of the one before is looked for.
    let is_log = cell.phase == "update" && operation.name == "GetObject";
    let is_written_down = operation.service == "s3" && part(&cell.phase) != Part::Before;
    explains || is_log || is_written_down || cell.phase == "prune"
}

/// Writing down that a step begins goes on beside the step, and so the fault may meet either; one that
/// comes once may also have come before the phase. Both ends are right.
fn meets_the_record(cell: &Cell) -> bool {
    cell.operation.name == "PutObject" && part(&cell.phase) == Part::Before
}

/// How a fault ends what it hits for good; none if it does not.
fn end_of(cell: &Cell) -> Option<ExitCode> {
    let lasts = cell.times == Times::Lasting;
    match cell.fault {
        Fault::Delay => None,
        Fault::Throttle
        | Fault::ServerError
        | Fault::Unavailable
        | Fault::UnknownServerError
        | Fault::Drop
        | Fault::DropAnswer => lasts.then_some(ExitCode::Outside),
        Fault::ExpiredCredentials | Fault::AccessDenied => Some(ExitCode::Credentials),
        Fault::Refused => Some(ExitCode::Usage),
    }
}

/// What may come of a cell: one of these.
pub(crate) fn expected(cell: &Cell) -> Vec<Expected> {
    let expected = usually(cell);
    if !meets_the_record(cell) || expected.verdict != Verdict::Stopped {
        return vec![expected];
    }
    let stopped = Expected {
        bundle: None,
        version: None,
        ..expected
    };
    if cell.times == Times::Lasting {
        vec![stopped]
    } else {
        vec![stopped, Expected::RELEASED]
    }
}

fn usually(cell: &Cell) -> Expected {
    let untroubled = if is_way_back(&cell.phase) {
        Expected::ROLLED_BACK
    } else {
        Expected::RELEASED
    };
    let Some(exit_code) = end_of(cell) else {
        return untroubled;
    };
    if only_explains(cell) || is_harmless(cell) {
        return untroubled;
    }
    if cannot_be_proven(cell) {
        return Expected {
            verdict: Verdict::NotRestored,
            exit_code: ExitCode::FailedNotRestored,
            fleet: Fleet::Former,
            ..Expected::RELEASED
        };
    }
    match part(&cell.phase) {
        // Whether AWS has taken the update nobody knows.
        Part::Before if is_no_answer(cell.fault) && cell.operation.name == "UpdateEnvironment" => {
            Expected {
                verdict: Verdict::Unverified,
                exit_code,
                fleet: Fleet::Former,
                ..Expected::RELEASED
            }
        }
        Part::Before => {
            let (bundle, version) = made(cell);
            Expected {
                verdict: Verdict::Stopped,
                exit_code,
                fleet: Fleet::Former,
                bundle,
                version,
            }
        }
        Part::After => Expected {
            verdict: Verdict::Unverified,
            exit_code,
            ..Expected::RELEASED
        },
        Part::Back { accepted } => Expected {
            verdict: Verdict::NotRestored,
            exit_code: ExitCode::FailedNotRestored,
            fleet: if accepted { Fleet::Former } else { Fleet::New },
            ..Expected::RELEASED
        },
    }
}

/// True for faults after which the request may have been carried out all the same. Throttling refuses it for certain.
fn is_no_answer(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::Drop | Fault::ServerError | Fault::Unavailable | Fault::UnknownServerError
    )
}

/// Final answers that a release can do without.
fn is_harmless(cell: &Cell) -> bool {
    let operation = cell.operation.name.as_str();
    match cell.fault {
        // S3 answers 403 without a body for what does not exist, to whoever may not list.
        Fault::AccessDenied => {
            operation == "HeadObject" || (cell.phase == "lock" && operation == "GetObject")
        }
        // The answer to a HEAD has no code: a GET is asked for it.
        Fault::ExpiredCredentials => operation == "HeadObject",
        Fault::Refused if operation == "HeadObject" => true,
        // A refusal may be a race with someone else's change that is over: once more is worth it.
        // Beanstalk answers so without enhanced health: only if it stays so nothing can be proven.
        Fault::Refused => {
            cell.times == Times::Once
                && matches!(operation, "UpdateEnvironment" | "DescribeInstancesHealth")
        }
        // The change was made; the environment says so.
        Fault::DropAnswer => operation == "UpdateEnvironment",
        _ => false,
    }
}

/// Without the instances' health nothing can be proven: not the release, and not the way back.
fn cannot_be_proven(cell: &Cell) -> bool {
    cell.fault == Fault::Refused && cell.operation.name == "DescribeInstancesHealth"
}

/// Whether bundle and version are there when a release stops before its update.
fn made(cell: &Cell) -> (Option<bool>, Option<bool>) {
    let is_carried_out = cell.fault == Fault::DropAnswer;
    match cell.phase.as_str() {
        "upload" if is_carried_out => (None, Some(false)),
        "version" if is_carried_out => (Some(true), None),
        "version" => (Some(true), Some(false)),
        "update" => (Some(true), Some(true)),
        _ => (Some(false), Some(false)),
    }
}
