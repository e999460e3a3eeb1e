//! Git LFS pointers: small texts that stand in a commit for large files.

/// The longest pointer (Git LFS specification: "less than 1024 bytes").
const LONGEST: usize = 1024;

/// True if a blob's content is a Git LFS pointer instead of the file itself. A bundle made of such a
/// blob would ship the pointer.
#[must_use]
pub fn is_lfs_pointer(content: &[u8]) -> bool {
    if content.len() >= LONGEST {
        return false;
    }
    let Ok(text) = std::str::from_utf8(content) else {
        return false;
    };
    let mut lines = text.lines();
    let version = lines.next().is_some_and(|line| {
        line == "version https://git-lfs.github.com/spec/v1"
            || line == "version https://hawser.github.com/spec/v1"
    });
    // Further keys are sorted, and extensions may stand before `oid`.
    version
        && lines.clone().any(|line| line.starts_with("oid sha256:"))
        && lines.any(|line| line.starts_with("size "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_pointer_from_a_file_about_pointers() {
        let pointer = format!(
            "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n",
            "a".repeat(64)
        );
        assert!(is_lfs_pointer(pointer.as_bytes()));
        assert!(!is_lfs_pointer(format!("# {pointer}").as_bytes()));
        assert!(!is_lfs_pointer(
            format!("{pointer}{}", "x".repeat(1024)).as_bytes()
        ));
        assert!(!is_lfs_pointer(
            b"version https://git-lfs.github.com/spec/v1\n"
        ));
        assert!(!is_lfs_pointer(&[0xff, 0xfe]));
        assert!(!is_lfs_pointer(b""));
    }
}
