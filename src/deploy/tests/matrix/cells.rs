//! The cells: where × what × how often.

use std::collections::BTreeSet;
use std::fmt;

/// A moment of a release: the step that runs. `update+sent` and `roll-back+sent` begin when AWS has
/// accepted the change; `begin` is all that comes before the first step.
pub(crate) type Phase = String;

/// An operation of a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Operation {
    pub(crate) service: String,
    pub(crate) name: String,
}

impl Operation {
    /// Every operation of every service.
    pub(crate) fn every() -> Self {
        Self {
            service: "*".to_owned(),
            name: "*".to_owned(),
        }
    }
}

/// A request fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Throttle,
    ServerError,
    Unavailable,
    UnknownServerError,
    Drop,
    DropAnswer,
    Delay,
    ExpiredCredentials,
    AccessDenied,
    Refused,
}

impl Fault {
    /// In the words of a fault script.
    pub(crate) fn script(self) -> &'static str {
        match self {
            Self::Throttle => "throttle",
            Self::ServerError => "server-error",
            Self::Unavailable => "unavailable",
            Self::UnknownServerError => {
                "{error: {status: 500, code: SomethingNew, message: Unheard of.}}"
            }
            Self::Drop => "drop",
            Self::DropAnswer => "drop-answer",
            Self::Delay => "{delay: 20s}",
            Self::ExpiredCredentials => "expired-credentials",
            Self::AccessDenied => "access-denied",
            Self::Refused => {
                "{error: {status: 400, code: InvalidParameterValue, message: No such thing.}}"
            }
        }
    }
}

/// How many calls are spoiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    Once,
    /// More often than the client tries by itself.
    Thrice,
    Lasting,
}

impl Times {
    fn script(self) -> u32 {
        match self {
            Self::Once => 1,
            Self::Thrice => 3,
            Self::Lasting => 0,
        }
    }
}

/// One cell of the matrix.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) phase: Phase,
    pub(crate) operation: Operation,
    pub(crate) fault: Fault,
    pub(crate) times: Times,
}

impl Cell {
    /// The fault script, played from the beginning of the phase on.
    pub(crate) fn script(&self) -> String {
        let Operation { service, name } = &self.operation;
        format!(
            "requests:\n  - {{service: '{service}', operation: '{name}', times: {}, fault: {}}}\n",
            self.times.script(),
            self.fault.script()
        )
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Operation { service, name } = &self.operation;
        let (phase, fault, times) = (&self.phase, self.fault, self.times);
        write!(
            formatter,
            "{phase}: {service}:{name} × {fault:?} × {times:?}"
        )
    }
}

/// How many of the cells are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// Every fault at every call of every step, each as often as its turn is: the numbers of times go round.
    /// Half of all cells; what every change has to pass.
    Each,
    /// Every fault at every call of every step, with every number of times.
    Whole,
}

impl Width {
    /// What the environment asks for.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test has no main that hands it the environment"
    )]
    pub(crate) fn wanted() -> Self {
        match std::env::var("BEANPOLE_MATRIX").as_deref() {
            Ok("whole") => Self::Whole,
            Ok(other) => panic!("BEANPOLE_MATRIX is `{other}`; the only value is `whole`"),
            Err(_) => Self::Each,
        }
    }
}

/// The cells of one fault, the longest first. Lasting faults also hit everything at once.
pub(crate) fn of(fault: Fault, calls: &BTreeSet<(Phase, Operation)>, width: Width) -> Vec<Cell> {
    let times: &[Times] = match fault {
        Fault::Throttle | Fault::Drop | Fault::DropAnswer => {
            &[Times::Once, Times::Thrice, Times::Lasting]
        }
        _ => &[Times::Once, Times::Lasting],
    };
    let phases: BTreeSet<&Phase> = calls.iter().map(|(phase, _)| phase).collect();
    let every = phases.into_iter().map(|phase| Cell {
        phase: phase.clone(),
        operation: Operation::every(),
        fault,
        times: Times::Lasting,
    });
    let mut cells: Vec<Cell> = calls
        .iter()
        .enumerate()
        .flat_map(|(call, (phase, operation))| {
            times
                .iter()
                .enumerate()
                .filter(move |(turn, _)| {
                    width == Width::Whole || (call + fault as usize) % times.len() == *turn
                })
                .map(move |(_, times)| Cell {
                    phase: phase.clone(),
                    operation: operation.clone(),
                    fault,
                    times: *times,
                })
        })
        .chain(every)
        .collect();
    cells.sort_by_key(|cell| cell.times != Times::Lasting);
    cells
}
