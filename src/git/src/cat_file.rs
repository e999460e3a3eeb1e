//! Contents of many blobs from one process (`git cat-file --batch`).

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Stdio};
use std::thread::{JoinHandle, spawn};

use crate::commit::is_object_id;
use crate::error::Error;
use crate::repository::Repository;

/// The command behind a reader, for messages.
const COMMAND: &str = "git cat-file --batch";

/// How much of git's messages is kept, in bytes.
const MOST_SAID: usize = 4096;

/// How many objects are asked for before the first answer is read. The questions must fit into a pipe
/// (16 KiB where it is smallest), or both sides would wait for each other.
const QUESTIONS_AHEAD: usize = 128;

/// Reads blobs one after the other from one git process, which ends when the reader is dropped.
/// A content is passed on as it arrives, so a large one does not fill the memory.
#[derive(Debug)]
pub(crate) struct CatFile {
    repository: Repository,
    child: Child,
    /// Taken on drop, so that git sees the end of its input.
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// What git says beside its answers, once it has ended.
    said: Option<JoinHandle<Vec<u8>>>,
    /// True once an answer was not read to its end: whatever follows would be misread.
    out_of_step: bool,
}

impl CatFile {
    pub(crate) fn start(repository: Repository) -> Result<Self, Error> {
        let git = repository.git();
        let mut child = git
            .command(repository.root())
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| git.not_started(source))?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(unexpected("it has no pipes"));
        };
        let said = child.stderr.take().map(|said| spawn(move || listen(said)));
        Ok(Self {
            said,
            repository,
            child,
            requests: Some(requests),
            answers: BufReader::new(answers),
            out_of_step: false,
        })
    }

    /// Writes the content of a blob to `destination`. Returns its size in bytes.
    ///
    /// # Errors
    /// [`Error::ObjectMissing`], [`Error::Destination`], or what went wrong with git.
    pub(crate) fn copy(&mut self, object: &str, destination: &mut dyn Write) -> Result<u64, Error> {
        self.ask(&[object])?;
        let answered = self.answer(object, destination);
        if matches!(answered, Ok(_) | Err(Error::ObjectMissing { .. })) {
            self.out_of_step = false;
        }
        answered
    }

    /// The contents of several blobs, in their order, each passed on when it is there; none for one that is larger than
    /// `largest` bytes, so that a huge one does not fill the memory. After an error, what came before it is known. Faster than one
    /// after the other: git works on the next ones while we read.
    ///
    /// # Errors
    /// Those of [`CatFile::copy`].
    pub(crate) fn read_each_up_to(
        &mut self,
        objects: &[&str],
        largest: u64,
        mut pass_on: impl FnMut(Option<Vec<u8>>),
    ) -> Result<(), Error> {
        for objects in objects.chunks(QUESTIONS_AHEAD) {
            self.ask(objects)?;
            for object in objects {
                let mut content = Bounded {
                    bytes: Some(Vec::new()),
                    largest,
                };
                self.answer(object, &mut content)?;
                pass_on(content.bytes);
            }
            self.out_of_step = false;
        }
        Ok(())
    }

    /// Asks for objects. Until all of them are answered, the reader is out of step.
    fn ask(&mut self, objects: &[&str]) -> Result<(), Error> {
        // Anything but an id could be an expression, or break the line protocol.
        if let Some(object) = objects.iter().find(|object| !is_object_id(object)) {
            return Err(self.missing(object));
        }
        if self.out_of_step {
            return Err(unexpected("an earlier answer was not read to its end"));
        }
        self.out_of_step = true;
        let questions: String = objects.iter().flat_map(|object| [*object, "\n"]).collect();
        let requests = self
            .requests
            .as_mut()
            .ok_or_else(|| unexpected("it has ended"))?;
        requests
            .write_all(questions.as_bytes())
            .and_then(|()| requests.flush())
            .map_err(|source| self.repository.git().not_started(source))
    }

    /// Reads one answer and passes its content on. Returns its size in bytes.
    fn answer(&mut self, object: &str, destination: &mut dyn Write) -> Result<u64, Error> {
        let Some(size) = self.head(object)? else {
            // Nothing follows the head of this answer; others may.
            return Err(self.missing(object));
        };
        let mut left = size;
        while left > 0 {
            let chunk = self
                .answers
                .fill_buf()
                .map_err(|source| self.repository.git().not_started(source))?;
            if chunk.is_empty() {
                return Err(self.ended(object));
            }
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
            let (part, _) = chunk.split_at(length);
            destination
                .write_all(part)
                .map_err(|source| Error::Destination {
                    object: object.to_owned(),
                    source,
                })?;
            self.answers.consume(length);
            left -= u64::try_from(length).unwrap_or(0);
        }
        let mut end = [0];
        self.answers
            .read_exact(&mut end)
            .map_err(|source| self.repository.git().not_started(source))?;
        if end == *b"\n" {
            Ok(size)
        } else {
            Err(unexpected("an object did not end where it should"))
        }
    }

    /// Reads the head of an answer: the size of the object, or `None` if it is missing.
    fn head(&mut self, object: &str) -> Result<Option<u64>, Error> {
        let mut head = String::new();
        let length = self
            .answers
            .read_line(&mut head)
            .map_err(|source| self.repository.git().not_started(source))?;
        if length == 0 {
            return Err(self.ended(object));
        }
        // `<object> <type> <size>`, or `<object> missing`.
        let mut fields = head.split_ascii_whitespace().skip(1);
        match (fields.next(), fields.next()) {
            (Some("missing"), _) => Ok(None),
            (Some(_type), Some(size)) => size
                .parse()
                .map(Some)
                .map_err(|_| unexpected(&format!("`{}`", head.trim_end()))),
            _ => Err(unexpected(&format!("`{}`", head.trim_end()))),
        }
    }

    /// That git ended while it was asked for an object: its damage, or a partial clone whose remote does not answer.
    fn ended(&mut self, object: &str) -> Error {
        self.requests.take();
        let status = self.child.wait();
        let said = self.said.take().and_then(|said| said.join().ok());
        Error::ContentUnread {
            object: object.to_owned(),
            status: status.map_or_else(|error| error.to_string(), |status| status.to_string()),
            said: String::from_utf8_lossy(&said.unwrap_or_default())
                .lines()
                .map(str::to_owned)
                .collect(),
        }
    }

    fn missing(&self, object: &str) -> Error {
        self.repository.missing(object)
    }
}

impl Drop for CatFile {
    fn drop(&mut self) {
        // The end of its input ends git. Out of step it may still be writing to a full pipe.
        self.requests.take();
        if self.out_of_step {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Reads to the end, so that the other side never waits, and keeps the beginning.
fn listen(mut said: ChildStderr) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut part = [0; 4096];
    while let Ok(length @ 1..) = said.read(&mut part) {
        let left = MOST_SAID.saturating_sub(kept.len());
        kept.extend(part.iter().take(length.min(left)));
    }
    kept
}

/// Keeps what is written to it, up to a limit; beyond it, nothing.
struct Bounded {
    bytes: Option<Vec<u8>>,
    largest: u64,
}

impl Write for Bounded {
    fn write(&mut self, part: &[u8]) -> std::io::Result<usize> {
        if let Some(bytes) = &mut self.bytes {
            bytes.extend_from_slice(part);
            if u64::try_from(bytes.len()).is_ok_and(|length| length > self.largest) {
                self.bytes = None;
            }
        }
        Ok(part.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn unexpected(detail: &str) -> Error {
    Error::Unexpected {
        command: COMMAND.to_owned(),
        detail: detail.to_owned(),
    }
}
