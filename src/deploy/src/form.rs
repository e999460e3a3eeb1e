//! The two forms of a bundle, and how a candidate of the image form gets its image.
//!
//! Rules: in the source form the bundle is known with the commit. In the image form it names the image
//! by the digest that its push gave, so that bundle, label and key are final only after the push;
//! until then they are provisional and name the image by its tag. The tag is the address of the
//! content that the image is built from: a later run finds the pushed image by it, gets the same
//! digest, and with it the same bundle and the same version.

use beanpole_image::PushedImage;

use crate::check::Candidate;
use crate::error::Error;
use crate::label::version_label;
use crate::layout::Layout;

/// How much of the source digest is the tag: 128 bits.
const TAG_DIGITS: usize = 32;

/// What a bundle holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// The sources; every instance builds the image.
    Source,
    /// A compose file that names a pushed image. Chosen by `image.registry` in the manifest.
    Image(ImageForm),
}

/// What the image form needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageForm {
    /// What the image is built from.
    pub sources: Layout,
    /// The repository as the manifest names it.
    pub repository: String,
    /// The tag that the image gets: 32 digits of the digest of its sources and build settings.
    pub tag: String,
    /// The image, once it is known to be in the registry.
    pub pushed: Option<PushedImage>,
}

impl ImageForm {
    /// The form before the push, and the provisional name of the image.
    pub(crate) fn new(repository: &str, sources: Layout) -> (Self, String) {
        let tag: String = sources.digest().chars().take(TAG_DIGITS).collect();
        let provisional = format!("{repository}:{tag}");
        let form = Self {
            sources,
            repository: repository.to_owned(),
            tag,
            pushed: None,
        };
        (form, provisional)
    }
}

impl Candidate {
    /// What the image is built from: the bundle itself in the source form.
    #[must_use]
    pub fn build_context(&self) -> &Layout {
        match &self.form {
            Form::Source => &self.layout,
            Form::Image(form) => &form.sources,
        }
    }

    /// True once bundle and label are final.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match &self.form {
            Form::Source => true,
            Form::Image(form) => form.pushed.is_some(),
        }
    }

    /// The same candidate with its pushed image: bundle and label are final. In the source form
    /// nothing changes.
    ///
    /// # Errors
    /// [`Error::Render`], [`Error::Label`].
    pub fn with_image(mut self, image: PushedImage) -> Result<Self, Error> {
        let Form::Image(form) = &mut self.form else {
            return Ok(self);
        };
        self.layout = Layout::of_image(&self.project, &form.sources, &image.reference())?;
        self.label = version_label(self.commit.id.short(), self.layout.digest())
            .map_err(|source| Error::Label { source })?;
        form.pushed = Some(image);
        Ok(self)
    }

    /// Refuses a candidate whose image is not known to be in its registry.
    ///
    /// # Errors
    /// [`Error::ImageNotPushed`].
    pub(crate) fn expect_final(&self) -> Result<(), Error> {
        match &self.form {
            Form::Image(form) if form.pushed.is_none() => Err(Error::ImageNotPushed {
                image: format!("{}:{}", form.repository, form.tag),
            }),
            Form::Image(_) | Form::Source => Ok(()),
        }
    }
}
