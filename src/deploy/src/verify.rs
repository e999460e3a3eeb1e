//! Drives the gate: looks, waits, and hands what it saw to the pure rules.
//!
//! Rules: this module decides nothing. It knows how often to look, when time is over, and how to
//! ask; [`crate::gate`] says what it means.

use std::time::Duration;

use beanpole_probe::{HttpProbe, check_http};
use tokio::time::Instant;
use url::Url;

use crate::deadline;
use crate::error::Error;
use crate::gate::{Answer, Failure, Gate, Look};
use crate::observation::Sight;
use crate::scene::{Scene, is_passing};
use crate::step::StepId;

/// What an outside probe found.
struct ProbeAnswer {
    result: Result<(), String>,
    components: Vec<String>,
}

impl Scene<'_> {
    /// Looks until the gate's first phase is passed. Returns what was shown.
    ///
    /// # Errors
    /// [`Error::Unproven`], [`Error::Interrupted`], [`Error::Cloud`].
    pub(crate) async fn prove(&self, gate: &mut Gate, step: StepId) -> Result<String, Error> {
        let end = Instant::now() + self.pace.deadline(deadline::PROOF);
        let mut told = None;
        loop {
            let is_late = Instant::now() >= end;
            let sight = self.try_sight(is_late).await?;
            let look = Look {
                sight: sight.as_ref(),
                probe: None,
                time_is_over: is_late,
            };
            match gate.look(&look) {
                Answer::Next { shown } => return Ok(shown),
                Answer::Failed(failure) => return Err(self.failure(gate, failure, None)),
                Answer::Stay { missing } => self.tell_change(step, missing, &mut told),
            }
            self.pause(deadline::POLL).await?;
        }
    }

    /// Probes until the gate's second phase is passed. Returns what was shown.
    ///
    /// # Errors
    /// [`Error::ProbeFailed`], [`Error::Interrupted`].
    pub(crate) async fn probe(
        &self,
        gate: &mut Gate,
        url: &Url,
        step: StepId,
    ) -> Result<String, Error> {
        let mut told = None;
        loop {
            let answer = self.ask(url).await?;
            let look = Look {
                sight: None,
                probe: Some(answer.result.clone()),
                time_is_over: false,
            };
            match gate.look(&look) {
                Answer::Next { shown } => return Ok(shown),
                Answer::Failed(failure) => {
                    return Err(self.failure(gate, failure, Some((url, answer.components))));
                }
                Answer::Stay { missing } => self.tell_change(step, missing, &mut told),
            }
            self.pause(self.project.health.interval).await?;
        }
    }

    /// Looks and probes for the soak time, until the gate is open. Returns what was shown.
    ///
    /// # Errors
    /// [`Error::SoakFailed`], [`Error::Interrupted`], [`Error::Cloud`].
    pub(crate) async fn soak(
        &self,
        gate: &mut Gate,
        url: Option<&Url>,
        step: StepId,
    ) -> Result<String, Error> {
        let started = Instant::now();
        let time = self.pace.wait(self.project.health.soak);
        let patience = time + self.pace.deadline(deadline::PROOF);
        let mut told = None;
        loop {
            let elapsed = started.elapsed();
            let (sight, probe) =
                tokio::join!(self.try_sight(elapsed >= patience), self.ask_if(url));
            let (sight, probe) = (sight?, probe?);
            let components = probe.as_ref().map(|answer| answer.components.clone());
            let look = Look {
                sight: sight.as_ref(),
                probe: probe.map(|answer| answer.result),
                time_is_over: elapsed >= time,
            };
            let missing = match gate.look(&look) {
                Answer::Next { shown } => return Ok(shown),
                Answer::Failed(failure) => {
                    let probe = url.zip(components);
                    return Err(self.failure(gate, failure, probe));
                }
                Answer::Stay { missing } => missing,
            };
            if elapsed >= patience {
                let reason = missing.unwrap_or_else(|| "it never settled".to_owned());
                return Err(self.failure(gate, Failure::Soak(reason), None));
            }
            self.tell_change(step, missing, &mut told);
            self.pause(self.project.health.interval.max(Duration::from_secs(1)))
                .await?;
        }
    }

    /// The address of the health check from outside; none if the load balancer is internal or the
    /// environment has no address.
    pub(crate) fn health_url(&self, sight: &Sight) -> Option<Url> {
        if self.project.load_balancer.scheme == beanpole_manifest::Scheme::Internal {
            return None;
        }
        let address = sight.environment.as_ref()?.address.as_ref()?;
        Url::parse(&format!("http://{address}{}", self.project.health.path)).ok()
    }

    /// One look; none if it met passing trouble, unless time is over.
    async fn try_sight(&self, is_late: bool) -> Result<Option<Sight>, Error> {
        let answer = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(Error::Interrupted),
            answer = self.sight() => answer,
        };
        match answer {
            Ok(sight) => Ok(Some(sight)),
            Err(error) if is_passing(&error) && !is_late => Ok(None),
            Err(source) => Err(Error::Cloud {
                doing: "reading the health",
                source,
            }),
        }
    }

    async fn ask_if(&self, url: Option<&Url>) -> Result<Option<ProbeAnswer>, Error> {
        match url {
            Some(url) => self.ask(url).await.map(Some),
            None => Ok(None),
        }
    }

    async fn ask(&self, url: &Url) -> Result<ProbeAnswer, Error> {
        let probe = HttpProbe::health(url.clone(), self.project.health.timeout);
        let found = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(Error::Interrupted),
            found = Box::pin(check_http(&probe)) => found,
        };
        let components = found
            .failing()
            .map(|component| self.scrub(&format!("{}: {}", component.name, component.message)))
            .collect();
        let result = if found.ok {
            Ok(())
        } else {
            Err(self.scrub(&found.to_string()))
        };
        Ok(ProbeAnswer { result, components })
    }

    fn tell_change(&self, step: StepId, news: Option<String>, told: &mut Option<String>) {
        if let Some(message) = &news
            && told.as_ref() != Some(message)
        {
            self.progress(step, self.scrub(message));
            *told = news;
        }
    }

    fn failure(&self, gate: &Gate, failure: Failure, probe: Option<(&Url, Vec<String>)>) -> Error {
        let version = gate.expectation().version.clone();
        match (failure, probe) {
            (Failure::Unproven(reasons), _) => Error::Unproven {
                environment: self.project.environment.to_string(),
                version,
                reasons,
            },
            (Failure::Probe(reason), Some((url, components))) => Error::ProbeFailed {
                url: url.to_string(),
                reason,
                components,
            },
            (Failure::Probe(reason), None) => Error::SoakFailed {
                version,
                reason,
                components: Vec::new(),
            },
            (Failure::Soak(reason), probe) => Error::SoakFailed {
                version,
                reason,
                components: probe.map(|(_, components)| components).unwrap_or_default(),
            },
        }
    }
}
