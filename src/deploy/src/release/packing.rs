//! The bundle of a release, packed while other things are asked.
//!
//! Rules: packing changes nothing but this machine's cache. It is given up when the release ends before
//! it is needed.

use beanpole_manifest::Project;
use camino::Utf8PathBuf;
use tokio::task::JoinHandle;
use tokio_util::sync::DropGuard;

use super::{Source, Story};
use crate::bundle::{Bundle, pack};
use crate::check::Candidate;
use crate::error::Error;
use crate::form::Form;
use crate::layout::Layout;
use crate::upload::BundlePlace;

/// A bundle on its way. Dropping it gives it up.
#[derive(Debug)]
pub(super) struct Packing {
    work: JoinHandle<Result<Bundle, Error>>,
    gives_up: DropGuard,
}

impl Packing {
    /// The packed bundle.
    ///
    /// # Errors
    /// Those of [`pack`].
    pub(super) async fn finish(self) -> Result<Bundle, Error> {
        self.work.await.map_err(|source| Error::Worker {
            doing: "packing the bundle",
            source,
        })?
    }

    /// Gives it up, and waits until nothing is left of it.
    pub(super) async fn abandon(self) {
        drop(self.gives_up);
        drop(self.work.await);
    }
}

impl Story<'_> {
    /// Begins to pack before the bundle is asked for, unless the image has to be pushed first.
    pub(super) fn begin_packing(&mut self) {
        if let Source::Commit(candidate) = self.request.source
            && !matches!(candidate.form, Form::Image(_))
        {
            self.packing = Some(self.pack(candidate));
        }
    }

    /// Packs the bundle on a thread of its own.
    pub(super) fn pack(&self, candidate: &Candidate) -> Packing {
        let (layout, repository) = (candidate.layout.clone(), candidate.repository.clone());
        let time = candidate.commit.committed_at;
        let directory: Utf8PathBuf = self.request.cache_directory.to_owned();
        let kept = self.kept_directory();
        let cancel = self.scene.cancel.child_token();
        let gives_up = cancel.clone().drop_guard();
        Packing {
            work: tokio::task::spawn_blocking(move || {
                pack(&layout, &repository, time, &directory, &kept, &cancel)
            }),
            gives_up,
        }
    }

    /// Keeps the bundle for the next release, beside what comes now.
    pub(super) fn keep(&self, bundle: Bundle, layout: Layout) {
        let directory = self.kept_directory();
        tokio::task::spawn_blocking(move || bundle.keep(&layout, &directory));
    }

    /// Where the application's last bundle is kept.
    fn kept_directory(&self) -> Utf8PathBuf {
        let Project { application, .. } = self.home.project;
        let folder = crate::ledger::file_name(application.as_str());
        self.request.cache_directory.join("kept").join(folder)
    }

    /// Where the bundle goes.
    pub(super) async fn bundle_place(&self, digest: &str) -> Result<BundlePlace, Error> {
        Ok(BundlePlace {
            bucket: self.bucket().await?,
            key: crate::label::bundle_key(&self.home.project.application, digest),
        })
    }
}
