//! Everybody who is told about a release: people in Slack, error trackers, monitors, GitHub.
//!
//! One value with a beginning and an end. What the release learns about itself on its way goes to all
//! of them through a [`Teller`]. Nothing here fails or holds up a release: trouble is a warning.

use std::sync::{Arc, Mutex, PoisonError};

use beanpole_alert::marker::{
    Facts, GitHub, MarkerError, Markers, NewRelic, Rollbar, Sentry, Service, Untold, new_relic,
};
use beanpole_alert::{Place, ReleaseDetails};
use beanpole_deploy::ReleaseReport;
use beanpole_manifest::{NewRelicRegion, Project};
use beanpole_model::{Environment, Problem as _, Report, Reporter, Secret, SecretScrubber};
use tokio::task::JoinHandle;

use crate::announce::{self, Announcing};
use crate::context::Context;
use crate::github;
use crate::manner::Manner;
use crate::reporters::Fanout;

/// A release that is being told.
pub(crate) struct Telling {
    announcing: Announcing,
    teller: Teller,
    terminal: Arc<dyn Reporter>,
    /// GitHub is asked who approved.
    asking: Option<JoinHandle<()>>,
}

/// Takes what the release learns about itself. Clones speak for the same release.
#[derive(Clone)]
pub(crate) struct Teller {
    announcing: Announcing,
    shared: Arc<Mutex<Shared>>,
    environment: String,
    scrubber: SecretScrubber,
}

/// What the markers need, and the markers.
struct Shared {
    details: ReleaseDetails,
    markers: Markers,
}

impl Telling {
    /// Starts to tell: the first message goes out at once, markers when the commit is known. Needs a
    /// running tokio runtime.
    pub(crate) fn start(context: &Context, project: &Project) -> Self {
        let terminal = Arc::clone(&context.terminal) as Arc<dyn Reporter>;
        let mut announcement = announce::opening(project);
        let known = ReleaseDetails {
            released_by: github::actor(&context.environment),
            run_url: github::run_url(&context.environment),
            ..ReleaseDetails::default()
        };
        announcement.details.learn(known.clone());
        let announcing = Announcing::start(
            announce::destination(project, &context.environment),
            announcement,
            &context.scrubber,
            &*terminal,
        );
        let markers = Markers::new(services(project, context, &*terminal));
        Self::new(announcing, markers, known, project, context)
    }

    /// For a release that is made in this manner: one that is only planned is told to nobody.
    pub(crate) fn of(context: &Context, project: &Project, manner: &Manner) -> Self {
        if manner.plan {
            return Self::rehearsed(Announcing::nobody(), project, context);
        }
        let mut telling = Self::start(context, project);
        let approved_by = manner.approved_by.clone().or_else(|| {
            let variable = context.environment.get("BEANPOLE_APPROVED_BY");
            variable.map(str::to_owned)
        });
        if approved_by.is_none() {
            telling.asking = ask_who_approved(context, &telling.teller);
        }
        telling.teller.learn(ReleaseDetails {
            reason: manner.reason.clone(),
            approved_by,
            ..ReleaseDetails::default()
        });
        telling
    }

    /// The same with an announcement that was started already, and without markers: a rehearsal tells
    /// nobody outside.
    pub(crate) fn rehearsed(announcing: Announcing, project: &Project, context: &Context) -> Self {
        let nobody = Markers::default();
        let known = ReleaseDetails::default();
        Self::new(announcing, nobody, known, project, context)
    }

    fn new(
        announcing: Announcing,
        markers: Markers,
        details: ReleaseDetails,
        project: &Project,
        context: &Context,
    ) -> Self {
        Self {
            teller: Teller {
                announcing: announcing.clone(),
                shared: Arc::new(Mutex::new(Shared { details, markers })),
                environment: project.environment_key.clone(),
                scrubber: context.scrubber.clone(),
            },
            announcing,
            terminal: Arc::clone(&context.terminal) as Arc<dyn Reporter>,
            asking: None,
        }
    }

    /// What hears the release's events: the terminal and Slack.
    pub(crate) fn reporter(&self) -> Arc<dyn Reporter> {
        let mut reporters = vec![Arc::clone(&self.terminal)];
        reporters.extend(self.announcing.reporter());
        Arc::new(Fanout(reporters))
    }

    /// What takes news about the release. May be cloned and handed on.
    pub(crate) const fn teller(&self) -> &Teller {
        &self.teller
    }

    /// Tells how the release ended, and waits until everybody knows, within a deadline.
    pub(crate) async fn finish(self, outcome: Result<&ReleaseReport, &Report>) {
        let Self {
            announcing,
            teller,
            terminal,
            asking,
        } = self;
        if let Some(asking) = asking {
            // It speaks for the announcement, which waits for nobody.
            asking.abort();
            let _ended = asking.await;
        }
        let (state, url) = match outcome {
            Ok(report) => (announce::state(report.verdict), report.url.as_deref()),
            Err(report) => (announce::early_state(report), None),
        };
        let (markers, facts) = teller.take(url);
        let scrubber = teller.scrubber.clone();
        // The announcement ends when nobody else speaks for it any more.
        drop(teller);
        let slack = announcing.finish(&*terminal, |announcement| match outcome {
            Ok(report) => announce::conclude(announcement, report),
            Err(report) => announce::conclude_early(announcement, report),
        });
        let others = async {
            match facts {
                Some(facts) => markers.finish(&facts, state).await,
                None => Vec::new(),
            }
        };
        let (_, untold) = tokio::join!(slack, others);
        for Untold { service, error } in untold {
            terminal.warn(scrubber.scrub(&told_not(service, &error)));
        }
    }
}

fn told_not(service: &str, error: &MarkerError) -> String {
    let hint = error
        .hint()
        .map(|hint| format!(" ({hint})"))
        .unwrap_or_default();
    format!(
        "{service} was not told: {}{hint}. The release does not depend on it.",
        error.summary()
    )
}

impl Teller {
    /// Takes what is known now; fields that are left empty change nothing. Markers begin as soon as
    /// the commit is known.
    pub(crate) fn learn(&self, news: ReleaseDetails) {
        self.announcing.change(|announcement| {
            announcement.details.learn(news.clone());
        });
        let mut shared = self.lock();
        shared.details.learn(news);
        let facts = Facts::of(&self.environment, &shared.details, None, &self.scrubber);
        if let Some(facts) = facts {
            shared.markers.begin(&facts);
        }
    }

    /// Where Slack tells the release, once it does: for the journal, so that another run can go on with
    /// the same message.
    #[expect(dead_code, reason = "the journal of a release will keep it")]
    pub(crate) fn place(&self) -> Option<Place> {
        self.announcing.place()
    }

    /// The markers and what they are to be told at the end.
    fn take(&self, url: Option<&str>) -> (Markers, Option<Facts>) {
        let mut shared = self.lock();
        let facts = Facts::of(&self.environment, &shared.details, url, &self.scrubber);
        (std::mem::take(&mut shared.markers), facts)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks GitHub who approved this run's deployment, beside the release. Without an answer, or the right to ask, nobody is named.
fn ask_who_approved(context: &Context, teller: &Teller) -> Option<JoinHandle<()>> {
    let run = context.environment.get("GITHUB_RUN_ID")?.to_owned();
    let github = github(&context.environment, &context.scrubber)?.ok()?;
    let teller = teller.clone();
    Some(tokio::spawn(async move {
        if let Ok(Some(approvers)) = github.approvers(&run).await {
            teller.learn(ReleaseDetails {
                approved_by: Some(approvers),
                ..ReleaseDetails::default()
            });
        }
    }))
}

/// The services that the manifest and the environment name. One whose token is missing is a note, one
/// that cannot be used a warning.
fn services(project: &Project, context: &Context, reporter: &dyn Reporter) -> Vec<Service> {
    let environment = &context.environment;
    let markers = &project.markers;
    let mut found: Vec<(&str, Result<Service, MarkerError>)> = Vec::new();
    if let Some(rollbar) = &markers.rollbar
        && let Some(token) = token("Rollbar", &rollbar.token_variable, context, reporter)
    {
        let made = Rollbar::new(
            &token,
            &rollbar.token_variable,
            rollbar.environment.clone(),
            rollbar.url.as_deref(),
        );
        found.push(("Rollbar", made.map(Service::Rollbar)));
    }
    if let Some(sentry) = &markers.sentry
        && let Some(token) = token("Sentry", &sentry.token_variable, context, reporter)
    {
        let made = Sentry::new(
            &token,
            &sentry.token_variable,
            &sentry.organization,
            &sentry.project,
            sentry.environment.clone(),
            sentry.url.as_deref(),
        );
        found.push(("Sentry", made.map(Service::Sentry)));
    }
    if let Some(new_relic) = &markers.new_relic
        && let Some(key) = token("New Relic", &new_relic.key_variable, context, reporter)
    {
        let address = new_relic.url.as_deref().unwrap_or(match new_relic.region {
            NewRelicRegion::Us => new_relic::ADDRESS_US,
            NewRelicRegion::Eu => new_relic::ADDRESS_EU,
        });
        let made = NewRelic::new(
            &key,
            &new_relic.key_variable,
            &new_relic.entity_guid,
            address,
        );
        found.push(("New Relic", made.map(Service::NewRelic)));
    }
    if let Some(made) = github(environment, &context.scrubber) {
        found.push(("GitHub", made.map(Service::GitHub)));
    }
    let usable = |(name, made): (&str, Result<Service, MarkerError>)| {
        made.map_err(|error| reporter.warn(told_not(name, &error)))
            .ok()
    };
    found.into_iter().filter_map(usable).collect()
}

fn token(
    service: &str,
    variable: &str,
    context: &Context,
    reporter: &dyn Reporter,
) -> Option<Secret> {
    let Some(value) = context.environment.get(variable) else {
        reporter.note(format!("{service} is not told: {variable} is not set"));
        return None;
    };
    let token = Secret::new(value.trim());
    context.scrubber.learn(&token);
    Some(token)
}

/// GitHub is told when a token and a repository are there, as in GitHub Actions.
fn github(
    environment: &Environment,
    scrubber: &SecretScrubber,
) -> Option<Result<GitHub, MarkerError>> {
    let repository = environment.get("GITHUB_REPOSITORY")?;
    let (variable, value) = ["GITHUB_TOKEN", "GH_TOKEN"]
        .into_iter()
        .find_map(|name| Some((name, environment.get(name)?)))?;
    let token = Secret::new(value.trim());
    scrubber.learn(&token);
    let address = environment.get("GITHUB_API_URL");
    Some(GitHub::new(&token, variable, repository, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn github_needs_a_token_and_a_repository() {
        let scrubber = SecretScrubber::default();
        let told = |pairs: &[(&str, &str)]| {
            let environment: Environment = pairs.iter().copied().collect();
            github(&environment, &scrubber)
        };
        assert!(told(&[]).is_none());
        assert!(told(&[("GITHUB_TOKEN", "ghs_planted-token")]).is_none());
        assert!(told(&[("GITHUB_REPOSITORY", "acme/blog")]).is_none());
        let both = [
            ("GITHUB_REPOSITORY", "acme/blog"),
            ("GH_TOKEN", "ghs_planted-token"),
        ];
        assert!(told(&both).unwrap().is_ok());
        assert_eq!(scrubber.scrub("x ghs_planted-token"), "x [redacted]");
        let odd = [("GITHUB_REPOSITORY", "../x"), ("GH_TOKEN", "ghs_planted")];
        assert!(matches!(
            told(&odd),
            Some(Err(MarkerError::Repository { .. }))
        ));
        let plain = [
            ("GITHUB_REPOSITORY", "acme/blog"),
            ("GH_TOKEN", "ghs_planted"),
            ("GITHUB_API_URL", "http://ghe.example/api/v3"),
        ];
        assert!(matches!(
            told(&plain),
            Some(Err(MarkerError::Address { .. }))
        ));
    }
}
