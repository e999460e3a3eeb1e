//! Where a branch left its base.

use super::Direct;
use crate::commit::CommitId;
use crate::selection::Fork;

/// How much memory the walk through the history keeps of what it read, in bytes.
const CACHE: usize = 4 * 1024 * 1024;

impl Direct {
    /// As [`crate::Repository::fork`]. Git is asked in a shallow clone, whose history ends early, and where there is not one
    /// merge base.
    pub(crate) fn fork(&self, base: &str, head: &str) -> Option<Fork> {
        let mut repository = self.repository()?;
        repository.object_cache_size_if_unset(CACHE);
        if repository.is_shallow().ok()? {
            return None;
        }
        let commit = |name: &str| {
            let found = repository.rev_parse_single(name).ok()?.object().ok()?;
            Some(found.peel_to_commit().ok()?.id)
        };
        let (tip, head) = (commit(base)?, commit(head)?);
        let bases = repository.merge_bases_many(tip, &[head]).ok()?;
        let [base] = bases.as_slice() else {
            return None;
        };
        let known = |id: gix::ObjectId| CommitId::new(id.to_string()).ok();
        Some(Fork {
            base: known(base.detach())?,
            head: known(head)?,
            tip: known(tip)?,
        })
    }
}
