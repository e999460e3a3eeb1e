//! Did it stay well for the soak time? Pure.
//!
//! Rules: one failing look is forgiven if the next one is good: a probe may meet a lost packet, and
//! health data has hiccups. Two failing looks in a row fail the soak, and so does the third failing
//! look overall: a release that fails now and then is not well. Another version or a vanished
//! environment fails at once. A look that is merely waiting (an instance that was just launched)
//! neither passes nor fails, but the soak cannot end on it.

/// How many failing looks in a row end the soak.
pub const FAILURES_IN_A_ROW: u32 = 2;

/// How many failing looks end the soak in all.
pub const FAILURES_IN_ALL: u32 = 3;

/// One look during the soak: proof and probe together, the worse of both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// Proven, and the probe passed.
    Good,
    /// Nothing is wrong, but not all can be proven at this moment.
    Waiting(String),
    /// Unhealthy, or the probe failed.
    Bad(String),
    /// Another version, a failed instance, or no environment.
    Fatal(String),
}

/// Where the soak stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing speaks against it, and the last look was good: it may end here.
    Good,
    /// Goes on, and must not end here.
    Unsettled,
    /// Failed, for this reason.
    Failed(String),
}

/// A soak over many looks.
#[derive(Clone, Debug, Default)]
pub struct Soak {
    in_a_row: u32,
    in_all: u32,
    looks: u32,
}

impl Soak {
    /// Takes one look.
    pub fn look(&mut self, look: Look) -> Standing {
        self.looks += 1;
        match look {
            Look::Good => {
                self.in_a_row = 0;
                Standing::Good
            }
            Look::Waiting(_) => Standing::Unsettled,
            Look::Fatal(reason) => Standing::Failed(reason),
            Look::Bad(reason) => {
                self.in_a_row += 1;
                self.in_all += 1;
                if self.in_a_row >= FAILURES_IN_A_ROW || self.in_all >= FAILURES_IN_ALL {
                    Standing::Failed(reason)
                } else {
                    Standing::Unsettled
                }
            }
        }
    }

    /// How many looks were taken.
    #[must_use]
    pub fn looks(&self) -> u32 {
        self.looks
    }

    /// How many of them failed.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.in_all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad() -> Look {
        Look::Bad("500".to_owned())
    }

    #[test]
    fn one_failure_is_forgiven_when_the_next_look_is_good() {
        let mut soak = Soak::default();
        assert_eq!(soak.look(Look::Good), Standing::Good);
        assert_eq!(soak.look(bad()), Standing::Unsettled);
        assert_eq!(soak.look(Look::Good), Standing::Good);
        assert_eq!((soak.looks(), soak.failures()), (3, 1));
    }

    #[test]
    fn two_in_a_row_fail_even_with_a_wait_between() {
        let mut soak = Soak::default();
        soak.look(bad());
        soak.look(Look::Waiting(String::new()));
        assert_eq!(soak.look(bad()), Standing::Failed("500".to_owned()));
    }

    #[test]
    fn the_third_failure_overall_fails() {
        let mut soak = Soak::default();
        for _ in 0..2 {
            assert_eq!(soak.look(bad()), Standing::Unsettled);
            assert_eq!(soak.look(Look::Good), Standing::Good);
        }
        assert_eq!(soak.look(bad()), Standing::Failed("500".to_owned()));
    }

    #[test]
    fn another_version_fails_at_once() {
        let mut soak = Soak::default();
        assert_eq!(
            soak.look(Look::Fatal("gone".to_owned())),
            Standing::Failed("gone".to_owned())
        );
    }

    #[test]
    fn a_wait_is_no_place_to_end() {
        assert_eq!(
            Soak::default().look(Look::Waiting("new".to_owned())),
            Standing::Unsettled
        );
    }
}
