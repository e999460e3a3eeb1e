//! The public name moves from one environment to the other.
//!
//! Rules: a swap sent twice is no swap, so it is sent again only when the environments have been seen
//! to be at rest with their old names after it. Who holds the name decides, never an answer: it may be
//! lost.

use beanpole_cloud::Kind;
use beanpole_model::EnvironmentName;

use super::Colours;
use crate::deadline;
use crate::error::Error;
use crate::following::QUIET_LOOKS;
use crate::observation::EnvironmentState;
use crate::poll::Poll;
use crate::scene::{Scene, is_passing};
use crate::step::{Ended, StepId};

/// How often a swap is sent.
const ATTEMPTS: u32 = 3;

/// What one look at the pair showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    /// The target holds the production name.
    There,
    /// The other one does.
    Elsewhere,
    /// It cannot be told at the moment.
    Unclear,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Done,
    Send,
    Wait,
    GiveUp,
}

/// Follows a swap over many looks. Pure.
#[derive(Clone, Copy, Debug, Default)]
struct Swapping {
    sent: u32,
    was_busy: bool,
    quiet: u32,
}

impl Swapping {
    /// Takes one look: who holds the name, and whether both environments are Ready.
    fn look(&mut self, names: Names, both_ready: bool) -> Next {
        if !both_ready {
            self.was_busy = true;
            return Next::Wait;
        }
        match names {
            Names::There => Next::Done,
            Names::Unclear => Next::Wait,
            Names::Elsewhere if self.sent == 0 => Next::Send,
            // Right after the call both the names and the states may be stale.
            Names::Elsewhere if !self.was_busy && self.quiet < QUIET_LOOKS => {
                self.quiet += 1;
                Next::Wait
            }
            Names::Elsewhere if self.sent < ATTEMPTS => Next::Send,
            Names::Elsewhere => Next::GiveUp,
        }
    }

    /// The swap was sent, whatever became of the answer.
    fn sent(&mut self) {
        self.sent += 1;
        self.was_busy = false;
        self.quiet = 0;
    }
}

impl Scene<'_> {
    /// Gives the production name to the idle environment of `colours`, which is proven by now.
    ///
    /// # Errors
    /// Those of [`Scene::swap_to`].
    pub async fn swap(&self, colours: &Colours, step: StepId) -> Result<Ended<()>, Error> {
        self.swap_to(&colours.idle, step).await
    }

    /// Gives it back to the environment that was live in `colours`.
    ///
    /// # Errors
    /// Those of [`Scene::swap_to`].
    pub async fn swap_back(&self, colours: &Colours, step: StepId) -> Result<Ended<()>, Error> {
        self.swap_to(&colours.live, step).await
    }

    /// Sees to it that `target` holds the production name. Waits for environments that are busy;
    /// changes nothing if it holds the name already. Clients may reach the other one until the name's
    /// records expire ([`deadline::NAMES_EXPIRE`]).
    ///
    /// # Errors
    /// [`Error::NoEnvironment`], [`Error::EnvironmentGone`], [`Error::NotSwapped`],
    /// [`Error::OutOfTime`], [`Error::Cloud`], [`Error::Interrupted`].
    pub async fn swap_to(
        &self,
        target: &EnvironmentName,
        step: StepId,
    ) -> Result<Ended<()>, Error> {
        let mut poll = Poll::new(self, deadline::SWAP);
        let mut swapping = Swapping::default();
        let mut refusals = 0_u32;
        loop {
            let (names, both_ready, from) = self.names(target).await?;
            let trouble = match swapping.look(names, both_ready) {
                Next::Done if swapping.sent == 0 => {
                    let message = format!("`{target}` holds the public name");
                    return Ok(Ended::unchanged((), message));
                }
                Next::Done => {
                    let message = format!("`{target}` holds the public name now");
                    return Ok(Ended::done((), message));
                }
                Next::GiveUp => {
                    return Err(Error::NotSwapped {
                        environment: target.to_string(),
                    });
                }
                Next::Wait => None,
                Next::Send => {
                    if self.cancel.is_cancelled() {
                        return Err(Error::Interrupted);
                    }
                    self.progress(
                        step,
                        format!("swapping the names of `{from}` and `{target}`"),
                    );
                    let application = &self.project.application;
                    let beanstalk = &self.cloud.beanstalk;
                    let answer = Box::pin(beanstalk.swap_cnames(application, &from, target)).await;
                    match answer {
                        Ok(_) => {
                            swapping.sent();
                            None
                        }
                        // It may have worked although the answer was lost.
                        Err(error) if matches!(error.kind, Kind::Network | Kind::Service) => {
                            swapping.sent();
                            Some(error)
                        }
                        Err(error) if error.kind == Kind::Busy || is_passing(&error) => None,
                        // Refused as busy, and Ready again before the client could look.
                        Err(error) if error.kind == Kind::InvalidParameter && refusals == 0 => {
                            refusals += 1;
                            None
                        }
                        Err(source) => {
                            let doing = "swapping the public names";
                            return Err(Error::Cloud { doing, source });
                        }
                    }
                }
            };
            let doing = "swapping the public names";
            poll.next(self, doing, trouble, |limit| self.out_of_time(limit))
                .await?;
        }
    }

    /// Who holds the name, whether both are Ready, and from whom it would be taken.
    async fn names(
        &self,
        target: &EnvironmentName,
    ) -> Result<(Names, bool, EnvironmentName), Error> {
        let colours = match self.live_environment().await {
            // While names move both may answer to anything.
            Err(Error::NoLiveEnvironment { .. }) => {
                return Ok((Names::Unclear, true, target.clone()));
            }
            other => other?,
        };
        let (own, other) = if colours.live == *target {
            (Some(&colours.blue), colours.green.as_ref())
        } else {
            (colours.green.as_ref(), Some(&colours.blue))
        };
        let gone = |state: &str| Error::EnvironmentGone {
            environment: target.to_string(),
            state: state.to_owned(),
        };
        let own = EnvironmentState::from(&own.ok_or_else(|| gone("gone"))?.status);
        let other = other.map(|other| EnvironmentState::from(&other.status));
        let is_there = colours.live == *target;
        if let EnvironmentState::Ending(state) = &own {
            return Err(gone(state));
        }
        // The one that had the name may be gone by now; nobody has to wait for it.
        let other_rests = match other {
            None | Some(EnvironmentState::Ending(_)) => is_there,
            Some(state) => state == EnvironmentState::Ready,
        };
        let names = if is_there {
            Names::There
        } else {
            Names::Elsewhere
        };
        Ok((
            names,
            own == EnvironmentState::Ready && other_rests,
            colours.live,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_there_is_not_swapped() {
        assert_eq!(Swapping::default().look(Names::There, true), Next::Done);
        assert_eq!(Swapping::default().look(Names::There, false), Next::Wait);
    }

    #[test]
    fn busy_environments_are_waited_for_before_and_after() {
        let mut swapping = Swapping::default();
        assert_eq!(swapping.look(Names::Elsewhere, false), Next::Wait);
        assert_eq!(swapping.look(Names::Elsewhere, true), Next::Send);
        swapping.sent();
        assert_eq!(swapping.look(Names::Elsewhere, false), Next::Wait);
        assert_eq!(swapping.look(Names::Unclear, true), Next::Wait);
        assert_eq!(swapping.look(Names::There, true), Next::Done);
    }

    #[test]
    fn a_stale_answer_does_not_swap_twice() {
        let mut swapping = Swapping::default();
        assert_eq!(swapping.look(Names::Elsewhere, true), Next::Send);
        swapping.sent();
        for _ in 0..QUIET_LOOKS {
            assert_eq!(swapping.look(Names::Elsewhere, true), Next::Wait);
        }
        // It has lasted: the request never came through.
        assert_eq!(swapping.look(Names::Elsewhere, true), Next::Send);
    }

    #[test]
    fn a_swap_that_never_works_is_given_up() {
        let mut swapping = Swapping::default();
        for _ in 0..ATTEMPTS {
            assert_eq!(swapping.look(Names::Elsewhere, true), Next::Send);
            swapping.sent();
            assert_eq!(swapping.look(Names::Elsewhere, false), Next::Wait);
        }
        assert_eq!(swapping.look(Names::Elsewhere, true), Next::GiveUp);
    }
}
