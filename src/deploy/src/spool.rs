//! Where an archive is written to: bounded, and silent in trouble.
//!
//! Rules: the archive library finishes an archive when it is dropped, and prints to standard error
//! if that fails. So this writer never fails towards the library: the first trouble is kept in a
//! slot that the packer looks at after each file, and everything after it goes nowhere.

use std::io::{self, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// What went wrong while writing.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The limit was reached.
    TooLarge,
    /// The system refused.
    Io(io::Error),
}

/// The slot for the first trouble.
#[derive(Clone, Debug, Default)]
pub(crate) struct TroubleSlot(Arc<Mutex<Option<Trouble>>>);

impl TroubleSlot {
    /// Takes the trouble out, if there was any.
    pub(crate) fn take(&self) -> Option<Trouble> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, trouble: Trouble) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
    }
}

/// A writer of at most `limit` bytes.
#[derive(Debug)]
pub(crate) struct Spool<W> {
    inner: W,
    position: u64,
    end: u64,
    limit: u64,
    is_dead: bool,
    slot: TroubleSlot,
}

impl<W: Write + Seek> Spool<W> {
    /// Writes to `inner`, which must be empty.
    pub(crate) fn new(inner: W, limit: u64, slot: TroubleSlot) -> Self {
        Self {
            inner,
            position: 0,
            end: 0,
            limit,
            is_dead: false,
            slot,
        }
    }

    /// The inner writer and the number of bytes in it.
    pub(crate) fn into_inner(self) -> (W, u64) {
        (self.inner, self.end)
    }

    fn die(&mut self, trouble: Trouble) {
        self.is_dead = true;
        self.slot.put(trouble);
    }
}

impl<W: Write + Seek> Write for Spool<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let after = self.position.saturating_add(buffer.len() as u64);
        if !self.is_dead {
            if after > self.limit {
                self.die(Trouble::TooLarge);
            } else if let Err(error) = self.inner.write_all(buffer) {
                self.die(Trouble::Io(error));
            }
        }
        self.position = after;
        self.end = self.end.max(after);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.is_dead
            && let Err(error) = self.inner.flush()
        {
            self.die(Trouble::Io(error));
        }
        Ok(())
    }
}

impl<W: Write + Seek> Seek for Spool<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.end.checked_add_signed(offset),
        };
        let target = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        if !self.is_dead
            && target != self.position
            && let Err(error) = self.inner.seek(SeekFrom::Start(target))
        {
            self.die(Trouble::Io(error));
        }
        self.position = target;
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn keeps_the_first_trouble_and_swallows_the_rest() {
        let slot = TroubleSlot::default();
        let mut spool = Spool::new(Cursor::new(Vec::new()), 5, slot.clone());
        spool.write_all(b"abc").unwrap();
        assert!(slot.take().is_none());
        spool.write_all(b"def").unwrap();
        assert!(matches!(slot.take(), Some(Trouble::TooLarge)));
        spool.write_all(b"ghi").unwrap();
        assert!(slot.take().is_none());
        assert_eq!(spool.stream_position().unwrap(), 9);
        let (inner, _) = spool.into_inner();
        assert_eq!(inner.into_inner(), b"abc");
    }

    #[test]
    fn seeks_like_its_inner_writer() {
        let mut spool = Spool::new(Cursor::new(Vec::new()), 100, TroubleSlot::default());
        spool.write_all(b"hello world").unwrap();
        spool.seek(SeekFrom::Start(6)).unwrap();
        spool.write_all(b"there").unwrap();
        assert_eq!(spool.seek(SeekFrom::End(-1)).unwrap(), 10);
        spool.write_all(b"!").unwrap();
        assert!(spool.seek(SeekFrom::Current(-100)).is_err());
        let (inner, size) = spool.into_inner();
        assert_eq!(
            (inner.into_inner().as_slice(), size),
            (b"hello ther!".as_slice(), 11)
        );
    }
}
