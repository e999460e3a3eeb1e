//! A release's part in blue/green: the second environment, the swap, and the end of the old one.
//!
//! Rules: the live environment is not touched before the swap; until then a failure changes nothing
//! for users, and nothing has to be taken back. After it the way back is the same swap again.

use super::Story;
use super::steps::unchanged;
use crate::error::Error;
use crate::plan::Standing;
use crate::step::{Ended, StepId};

impl Story<'_> {
    /// Sees to it that there is a second environment to release on.
    pub(super) async fn prepare_green(&mut self) -> Result<(), Error> {
        let Some(colours) = self.colours else {
            return Err(Error::Unplanned("preparing the second environment"));
        };
        let (home, whole) = (self.home, self.change.whole());
        let scene = self.target;
        let green = self
            .home
            .steps
            .run(StepId::PrepareGreen, async {
                let prepared = home.prepare_green(colours, StepId::PrepareGreen).await?;
                if !whole.is_empty() {
                    // Nobody is served by it: settings and removals go at once.
                    scene.ensure_options(&whole, StepId::PrepareGreen).await?;
                }
                Ok::<_, Error>(prepared)
            })
            .await?;
        if green.created {
            self.create("environment", green.environment.to_string());
        }
        // What was live is what a failure leaves in place.
        let live = self.former.take();
        self.scene = self.target;
        let sight = self.look().await?;
        self.former = live;
        if self.is_proven(&sight) {
            // Kept for the way back, and this is the way back.
            self.standing = Standing::Applied;
        }
        Ok(())
    }

    /// Gives the public name to the environment that is proven, and proves that users reach it.
    pub(super) async fn swap(&mut self) -> Result<(), Error> {
        let Some(colours) = self.colours else {
            return Err(Error::Unplanned("swapping"));
        };
        let home = self.home;
        let target = self.scene.project.environment.clone();
        if colours.live == target {
            let message = format!("`{target}` holds the public name");
            return unchanged(home.steps, StepId::Swap, message).await;
        }
        self.is_swapped = true;
        home.steps
            .run(StepId::Swap, home.swap(colours, StepId::Swap))
            .await?;
        // The public name belongs to this environment now, and so does its address.
        self.look().await?;
        let mut gate = self.new_gate(None);
        self.scene.prove(&mut gate, StepId::Swap).await?;
        if let Some(url) = self.url.clone() {
            self.scene.probe(&mut gate, &url, StepId::Swap).await?;
        }
        Ok(())
    }

    /// Ends the environment that served before, as the manifest says.
    pub(super) async fn retire(&mut self) -> Result<(), Error> {
        let Some(colours) = self.colours else {
            return Err(Error::Unplanned("retiring"));
        };
        let home = self.home;
        let old = match self.scene.project.environment == colours.live {
            true => &colours.idle,
            false => &colours.live,
        };
        home.steps
            .run(StepId::Retire, home.retire(old, StepId::Retire))
            .await
    }

    /// Undoes a failed blue/green release: the public name goes back, if it was given away.
    pub(super) async fn swap_back(&self) -> Result<Ended<()>, Error> {
        let Some(colours) = self.colours else {
            return Err(Error::Unplanned("swapping back"));
        };
        let served = &colours.live;
        if !self.is_swapped {
            let message = format!("`{served}` was never touched and goes on serving");
            return Ok(Ended::unchanged((), message));
        }
        self.home.swap_back(colours, StepId::RollBack).await?;
        Ok(Ended::done(
            (),
            format!("`{served}` holds the public name again"),
        ))
    }
}
