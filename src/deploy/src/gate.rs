//! The gate that every release goes through before it is called released. Pure.
//!
//! Rules: there is one way out with success, and it leads through three phases in this order:
//! proven on every instance, healthy from outside several times in a row, well for the soak time.
//! The last look before the gate opens is always a good one, of both kinds. Whoever drives the gate
//! only looks, waits, and says when time is over; nothing else can open it.

use crate::observation::Sight;
use crate::proof::{self, Expectation, Proof, Reason, summarise};
use crate::soaking::{self, Soak};

/// How many failed probes in a row end the probing.
pub const PROBE_FAILURES_IN_A_ROW: u32 = 5;

/// How many probes are sent at most, as a multiple of the wanted successes: a check that succeeds
/// now and then but not in a row is not healthy.
pub const PROBES_FOR_EACH_SUCCESS: u32 = 5;

/// Where the gate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Version and health on every instance.
    Prove,
    /// The health check from outside.
    Probe,
    /// Both, for the soak time.
    Soak,
    /// Passed.
    Open,
}

/// What the driver of the gate saw.
#[derive(Clone, Debug)]
pub struct Look<'a> {
    /// The environment and its instances; none if they were not looked at or could not be read.
    pub sight: Option<&'a Sight>,
    /// The outside probe: what was wrong, or that it was well; none if it was not sent.
    pub probe: Option<Result<(), String>>,
    /// True once the phase has lasted as long as it must (soak) or may (the others).
    pub time_is_over: bool,
}

/// What follows from a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Look again.
    Stay {
        /// What is missing, for a progress line.
        missing: Option<String>,
    },
    /// The phase is passed.
    Next {
        /// What was shown, for people.
        shown: String,
    },
    /// Failed. The gate stays shut from now on.
    Failed(Failure),
}

/// Why the gate stays shut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Not proven.
    Unproven(Vec<Reason>),
    /// Not healthy from outside.
    Probe(String),
    /// Did not stay well.
    Soak(String),
}

/// The gate of one release.
#[derive(Clone, Debug)]
pub struct Gate {
    phase: Phase,
    proof: Proof,
    probes: Option<Probes>,
    soak: Soak,
    failure: Option<Failure>,
}

/// Probes in a row.
#[derive(Clone, Debug)]
struct Probes {
    wanted: u32,
    good: u32,
    bad: u32,
    sent: u32,
}

impl Gate {
    /// A gate for `expectation`. `probes` is how many outside probes must succeed in a row; none if
    /// the environment cannot be reached from outside.
    #[must_use]
    pub fn new(expectation: Expectation, probes: Option<u32>) -> Self {
        Self {
            phase: Phase::Prove,
            proof: Proof::new(expectation),
            probes: probes.map(|wanted| Probes {
                wanted: wanted.max(1),
                good: 0,
                bad: 0,
                sent: 0,
            }),
            soak: Soak::default(),
            failure: None,
        }
    }

    /// What must be true.
    #[must_use]
    pub fn expectation(&self) -> &Expectation {
        self.proof.expectation()
    }

    /// The current phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// True if outside probes are wanted at all.
    #[must_use]
    pub fn probes_outside(&self) -> bool {
        self.probes.is_some()
    }

    /// How many looks the soak took so far, and how many of them failed.
    #[must_use]
    pub fn soak_looks(&self) -> (u32, u32) {
        (self.soak.looks(), self.soak.failures())
    }

    /// Takes one look.
    pub fn look(&mut self, look: &Look<'_>) -> Answer {
        if let Some(failure) = &self.failure {
            return Answer::Failed(failure.clone());
        }
        let answer = match self.phase {
            Phase::Prove => self.prove(look),
            Phase::Probe => self.probe(look),
            Phase::Soak => self.soak(look),
            Phase::Open => Answer::Next {
                shown: String::new(),
            },
        };
        match &answer {
            Answer::Failed(failure) => self.failure = Some(failure.clone()),
            Answer::Next { .. } => self.phase = self.next_phase(),
            Answer::Stay { .. } => {}
        }
        answer
    }

    fn next_phase(&self) -> Phase {
        match self.phase {
            Phase::Prove if self.probes.is_some() => Phase::Probe,
            Phase::Prove | Phase::Probe => Phase::Soak,
            Phase::Soak | Phase::Open => Phase::Open,
        }
    }

    fn prove(&mut self, look: &Look<'_>) -> Answer {
        let Some(sight) = look.sight else {
            return Answer::Stay { missing: None };
        };
        match self.proof.look(sight) {
            proof::Standing::Proven { instances } => Answer::Next {
                shown: match instances {
                    1 => "the instance runs it and is healthy".to_owned(),
                    _ => format!("all {instances} instances run it and are healthy"),
                },
            },
            proof::Standing::Refuted(reasons) => Answer::Failed(Failure::Unproven(reasons)),
            proof::Standing::Waiting(reasons) if look.time_is_over => {
                Answer::Failed(Failure::Unproven(reasons))
            }
            proof::Standing::Waiting(reasons) => Answer::Stay {
                missing: Some(summarise(&reasons)),
            },
        }
    }

    fn probe(&mut self, look: &Look<'_>) -> Answer {
        let (Some(probes), Some(result)) = (&mut self.probes, &look.probe) else {
            return Answer::Stay { missing: None };
        };
        probes.sent += 1;
        match result {
            Ok(()) => {
                probes.good += 1;
                probes.bad = 0;
                if probes.good >= probes.wanted {
                    return Answer::Next {
                        shown: format!("healthy {} times in a row", probes.good),
                    };
                }
            }
            Err(reason) => {
                probes.good = 0;
                probes.bad += 1;
                if probes.bad >= PROBE_FAILURES_IN_A_ROW || look.time_is_over {
                    return Answer::Failed(Failure::Probe(reason.clone()));
                }
            }
        }
        if probes.sent >= probes.wanted.saturating_mul(PROBES_FOR_EACH_SUCCESS) {
            let reason = match result {
                Err(reason) => reason.clone(),
                Ok(()) => "it succeeds only now and then".to_owned(),
            };
            return Answer::Failed(Failure::Probe(reason));
        }
        Answer::Stay {
            missing: Some(match result {
                Ok(()) => format!("healthy {} of {} times", probes.good, probes.wanted),
                Err(reason) => reason.clone(),
            }),
        }
    }

    fn soak(&mut self, look: &Look<'_>) -> Answer {
        let seen = self.soak_look(look);
        let missing = match &seen {
            soaking::Look::Good => None,
            soaking::Look::Waiting(what)
            | soaking::Look::Bad(what)
            | soaking::Look::Fatal(what) => Some(what.clone()),
        };
        match self.soak.look(seen) {
            soaking::Standing::Failed(reason) => Answer::Failed(Failure::Soak(reason)),
            soaking::Standing::Good if look.time_is_over => Answer::Next {
                shown: match self.soak_looks() {
                    (looks, 0) => format!("well in {looks} of {looks} looks"),
                    (looks, failures) => format!("well in {} of {looks} looks", looks - failures),
                },
            },
            soaking::Standing::Good | soaking::Standing::Unsettled => Answer::Stay { missing },
        }
    }

    /// Proof and probe in one look, the worse of both.
    fn soak_look(&mut self, look: &Look<'_>) -> soaking::Look {
        let Some(sight) = look.sight else {
            return soaking::Look::Waiting("the environment was not readable".to_owned());
        };
        let (is_proven, missing) = match self.proof.look(sight) {
            proof::Standing::Proven { .. } => (true, None),
            proof::Standing::Refuted(reasons) => return soaking::Look::Fatal(summarise(&reasons)),
            proof::Standing::Waiting(reasons) => {
                if reasons.iter().any(Reason::is_unwell) {
                    return soaking::Look::Bad(summarise(&reasons));
                }
                (false, Some(summarise(&reasons)))
            }
        };
        match (&look.probe, self.probes.is_some()) {
            (Some(Err(reason)), _) => soaking::Look::Bad(reason.clone()),
            (None, true) => soaking::Look::Waiting("the probe was not sent".to_owned()),
            _ if is_proven => soaking::Look::Good,
            _ => soaking::Look::Waiting(missing.unwrap_or_default()),
        }
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
