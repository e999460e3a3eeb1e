//! Whether git looks at the execute bit of files on disk.

use crate::error::Error;
use crate::repository::Repository;

impl Repository {
    /// Whether the execute bit of a file on disk is the one that git keeps (`core.fileMode`; false on Windows).
    ///
    /// # Errors
    /// What went wrong with git.
    pub fn keeps_execute_bit(&self) -> Result<bool, Error> {
        let arguments = ["config", "--type=bool", "--get", "core.fileMode"];
        let output = self.git().run(self.root(), &arguments)?;
        // Without the setting git writes nothing, and looks at the bit.
        Ok(output.stdout.trim_ascii() != b"false")
    }
}
