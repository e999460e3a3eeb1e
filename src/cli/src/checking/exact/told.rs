//! What the answer tells of exact mode.

use beanpole_checks::migrations::ExactAnswer;
use serde::Serialize;

/// Which migrations were judged by their SQL, as the answer tells it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Exactly {
    /// The paths of those that were.
    judged: Vec<String>,
    /// Those that were not.
    not_judged: Vec<NotJudged>,
}

#[derive(Debug, Serialize)]
struct NotJudged {
    path: String,
    why: String,
}

impl Exactly {
    pub(in crate::checking) fn of(answers: &[ExactAnswer]) -> Self {
        let mut told = Self::default();
        for answer in answers {
            let path = answer.migration.path.clone();
            match &answer.sql {
                Ok(_) => told.judged.push(path),
                Err(one) => told.not_judged.push(NotJudged {
                    path,
                    why: one.why.clone(),
                }),
            }
        }
        told
    }

    /// The paths of migrations whose SQL could not be had.
    pub(in crate::checking) fn not_judged(&self) -> impl Iterator<Item = &str> {
        self.not_judged.iter().map(|one| one.path.as_str())
    }
}
