//! A world whose faults begin at a chosen moment of a release.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use beanpole_deploy::{ReleaseReport, Verdict};
use beanpole_model::Event;
use beanpole_rehearsal::{Call, CallObserver, FaultScript};
use jiff::SignedDuration;

use crate::cells::{Operation, Phase};
use crate::support::{Outcome, Setup, World};

/// The phase before the first step that talks to AWS.
pub(crate) const BEGIN: &str = "begin";

/// How fast the clock runs: a look every 40 ms. Many worlds share the machine.
const SPEED: f64 = 250.0;

/// How many worlds are begun until one is there: on a busy machine AWS's fast clock may run away.
const WORLDS_TRIED: usize = 3;

/// Something to do when a phase begins.
type Cue = Box<dyn FnOnce() + Send>;

/// Follows a release from phase to phase: steps by the events, `+sent` by the calls.
#[derive(Default)]
pub(crate) struct Prompter {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    phase: Phase,
    calls: BTreeSet<(Phase, Operation)>,
    cue: Option<(Phase, Cue)>,
}

impl Prompter {
    /// Starts a release: its calls are collected anew, and `cue` is done once its phase begins.
    fn begin(&self, cue: Option<(Phase, Cue)>) {
        *self.state.lock().unwrap() = State {
            cue,
            ..State::default()
        };
        self.enter(BEGIN);
    }

    fn enter(&self, phase: &str) {
        let mut state = self.state.lock().unwrap();
        phase.clone_into(&mut state.phase);
        if let Some((wanted, _)) = &state.cue
            && wanted == phase
        {
            let cue = state.cue.take();
            drop(state);
            if let Some((_, cue)) = cue {
                cue();
            }
        }
    }

    fn hear(&self, event: &Event) {
        if let Event::StepStarted { id, .. } = event
            && id != "check"
        {
            self.enter(id);
        }
    }

    /// What was called in which phase, since the release began.
    pub(crate) fn calls(&self) -> BTreeSet<(Phase, Operation)> {
        self.state.lock().unwrap().calls.clone()
    }
}

impl CallObserver for Prompter {
    fn called(&self, call: &Call) {
        let phase = {
            let mut state = self.state.lock().unwrap();
            let operation = Operation {
                service: call.service.clone(),
                name: call.operation.clone(),
            };
            let phase = state.phase.clone();
            state.calls.insert((phase.clone(), operation));
            phase
        };
        if call.operation == "UpdateEnvironment" && call.status == 200 && !phase.contains('+') {
            self.enter(&format!("{phase}+sent"));
        }
    }
}

/// A world with an environment that runs a proven version.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) prompter: Arc<Prompter>,
    /// The version that runs.
    pub(crate) former: String,
}

/// Tells the versions of this process apart.
static SERIAL: AtomicU32 = AtomicU32::new(0);

impl Stage {
    /// `deployment` takes the place of the deployment and health lines of the manifest.
    pub(crate) async fn new(deployment: &'static str) -> Self {
        Self::with(deployment, SignedDuration::ZERO).await
    }

    /// The same, with AWS's clock ahead of ours.
    pub(crate) async fn with(deployment: &'static str, clock_offset: SignedDuration) -> Self {
        let mut last = String::new();
        for _ in 0..WORLDS_TRIED {
            match Self::build(deployment, clock_offset).await {
                Ok(stage) => return stage,
                Err(report) => last = report,
            }
        }
        panic!("no world could be built: {last}");
    }

    async fn build(deployment: &'static str, clock_offset: SignedDuration) -> Result<Self, String> {
        let prompter = Arc::new(Prompter::default());
        let setup = Setup {
            manifest: Some((
                "deployment: {policy: rolling, batch: 50%}\nhealth: {soak: 1m}",
                deployment,
            )),
            calls: Some(prompter.clone()),
            speed: Some(SPEED),
            clock_offset,
            ..Setup::default()
        };
        let world = World::with_environment(setup).await;
        let listener = prompter.clone();
        world.heard.listen(move |event| listener.hear(event));
        let report = world.release().await;
        if report.verdict != Verdict::Released {
            world.end().await;
            return Err(report.to_string());
        }
        Ok(Self {
            world,
            prompter,
            former: report.version_label.unwrap(),
        })
    }

    /// Commits another version and gives its label.
    pub(crate) async fn commit(&self, outcome: Option<Outcome>) -> String {
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let label = self.world.commit(&format!("print({serial})\n")).await;
        if let Some(outcome) = outcome {
            self.world.plane.decide(&label, outcome);
        }
        label
    }

    /// Releases the commit that is checked out; the script is played from the phase on.
    pub(crate) async fn release(&self, phase: &str, script: &str) -> ReleaseReport {
        let script = FaultScript::parse("cell.yaml", script).unwrap();
        let director = self.world.rehearsal.director();
        self.release_with(phase, move || director.play(script))
            .await
    }

    /// The same with anything else to do when the phase begins. It is done on the way of an event or
    /// an answer: it must not block.
    pub(crate) async fn release_with(
        &self,
        phase: &str,
        cue: impl FnOnce() + Send + 'static,
    ) -> ReleaseReport {
        self.prompter.begin(Some((phase.to_owned(), Box::new(cue))));
        self.world.release().await
    }

    /// The operations of each phase of a release that goes well and of one that is rolled back.
    pub(crate) async fn rehearse_calls(&self) -> BTreeSet<(Phase, Operation)> {
        self.commit(None).await;
        let report = self.release(BEGIN, "").await;
        assert_eq!(report.verdict, Verdict::Released, "{report}");
        let mut calls = self.prompter.calls();
        self.commit(Some(Outcome::Sick)).await;
        let report = self.release(BEGIN, "").await;
        assert_eq!(report.verdict, Verdict::RolledBack, "{report}");
        calls.extend(
            self.prompter
                .calls()
                .into_iter()
                .filter(|(phase, _)| crate::rules::is_way_back(phase)),
        );
        calls
    }
}
