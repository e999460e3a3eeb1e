//! coverage.py's own database, as `coverage run` leaves it: SQLite, schema 7 (coverage/sqldata.py, "Database storage").
//!
//! It holds the lines that ran and none of those that could have run: those are found in the project's files, by the rules of
//! coverage.py's parser. Ways out of branches cannot be counted so; `coverage xml` counts them.

use super::lines::Line;
use super::report::{self, Unreadable};
use crate::python::{Exclusion, statements};
use rusqlite::{Connection, MAIN_DB, Row};
use std::collections::{BTreeMap, BTreeSet};

/// How every SQLite database begins (sqlite.org/fileformat.html, "Magic Header String").
const SQLITE: &[u8] = b"SQLite format 3\0";

/// The schema that coverage.py writes since 5.0.
const SCHEMA: i64 = 7;

/// The last line that is believed: no file that is judged has more.
const LAST_LINE: u32 = 1 << 22;

/// As many bytes have a bit for each of them.
const LARGEST_BITS: usize = LAST_LINE as usize / 8 + 1;

/// What a database knows: the lines that ran, by the path of their file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Database {
    pub(super) files: BTreeMap<String, Ran>,
    /// Whether branches were measured as well, which are not counted here.
    pub(super) has_branches: bool,
}

/// The lines of a file that ran. What it takes grows with what the database holds of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ran {
    /// A bit for each line, lowest first, from 0 (coverage/numbits.py).
    bits: Vec<u8>,
    /// Lines at the ends of steps.
    ends: BTreeSet<u32>,
}

impl Ran {
    fn unite(&mut self, bits: &[u8]) {
        let bits = bits.get(..LARGEST_BITS).unwrap_or(bits);
        if self.bits.len() < bits.len() {
            self.bits.resize(bits.len(), 0);
        }
        for (known, more) in self.bits.iter_mut().zip(bits) {
            *known |= more;
        }
    }

    /// Whether one of these lines ran.
    fn any(&self, first: u32, last: u32) -> bool {
        let has_bit = |line: u32| {
            let byte = usize::try_from(line / 8)
                .ok()
                .and_then(|at| self.bits.get(at));
            byte.is_some_and(|byte| byte & (1 << (line % 8)) != 0)
        };
        self.ends.range(first..=last).next().is_some() || (first..=last).any(has_bit)
    }
}

/// Whether a report is a database.
#[must_use]
pub fn is_database(bytes: &[u8]) -> bool {
    bytes.starts_with(SQLITE)
}

pub(super) fn read(bytes: &[u8]) -> Result<Database, Unreadable> {
    report::check_size(bytes)?;
    rows(bytes).map_err(|error| match error {
        Fault::Sqlite(error) => {
            Unreadable::damaged(format!("it is not coverage.py's database: {error}"))
        }
        Fault::Code => Unreadable::damaged(
            "it holds views or columns that are computed, which coverage.py's has not",
        ),
        Fault::Schema(schema) => Unreadable {
            why: format!("its schema is {schema}; {SCHEMA} is known"),
            remedy: "give the output of `coverage xml` instead".to_owned(),
        },
    })
}

/// What ran of a file's statements.
#[derive(Debug, Default)]
pub(super) struct Measured {
    lines: Vec<(u32, Line)>,
    /// First lines of bare annotations, as in `size: int`, that ran, and of those that did not.
    annotations: (Vec<u32>, Vec<u32>),
}

impl Measured {
    fn has_run(&self) -> bool {
        self.lines.iter().any(|(_, line)| line.hit)
    }

    /// The lines. Annotations count if they are code for the Python that ran them.
    pub(super) fn lines(self, are_annotations_code: bool) -> Vec<(u32, Line)> {
        let (ran, idle) = self.annotations;
        let mut lines = self.lines;
        lines.extend(ran.into_iter().map(|first| (first, line_of(true))));
        if are_annotations_code {
            lines.extend(idle.into_iter().map(|first| (first, line_of(false))));
        }
        lines
    }
}

/// Whether the Python of a run made code of bare annotations, as it does up to 3.13: then most of them ran in the files that
/// ran. Without such a file, it is taken for one that does.
pub(super) fn are_annotations_code<'m>(files: impl Iterator<Item = &'m Measured>) -> bool {
    let (mut ran, mut idle) = (0, 0);
    for file in files.filter(|file| file.has_run()) {
        ran += file.annotations.0.len();
        idle += file.annotations.1.len();
    }
    ran >= idle
}

/// The lines of a file by what it holds and by what ran of it: a statement has run if a line of it has.
pub(super) fn measured(
    source: &[u8],
    ran: &Ran,
    exclusion: &Exclusion,
) -> Result<Measured, String> {
    let found = statements(source, exclusion).map_err(|error| error.why)?;
    let has_run = |first: &u32| ran.any(*first, found.long.last_line(*first));
    let sure = found.executable.iter();
    Ok(Measured {
        lines: sure
            .map(|first| (*first, line_of(has_run(first))))
            .collect(),
        annotations: (found.annotations.iter().copied()).partition(has_run),
    })
}

const fn line_of(hit: bool) -> Line {
    Line {
        hit,
        branches: (0, 0),
    }
}

enum Fault {
    Sqlite(rusqlite::Error),
    Schema(i64),
    /// It has views, virtual tables or generated columns.
    Code,
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn rows(bytes: &[u8]) -> Result<Database, Fault> {
    let mut connection = Connection::open_in_memory()?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.deserialize_read_exact(MAIN_DB, bytes, bytes.len(), true)?;
    refuse_code(&connection)?;
    let schema = "SELECT version FROM coverage_schema";
    let schema: i64 = connection.query_row(schema, [], |row| row.get(0))?;
    if schema != SCHEMA {
        return Err(Fault::Schema(schema));
    }
    let mut files: BTreeMap<i64, (String, Ran)> = BTreeMap::new();
    each(&connection, "SELECT id, path FROM file", |row| {
        files.insert(row.get(0)?, (row.get(1)?, Ran::default()));
        Ok(())
    })?;
    each(
        &connection,
        "SELECT file_id, numbits FROM line_bits",
        |row| {
            if let Some((_, ran)) = files.get_mut(&row.get(0)?) {
                ran.unite(row.get_ref(1)?.as_blob()?);
            }
            Ok(())
        },
    )?;
    // With branches, lines are the ends of steps; negative ones are the ends of functions.
    let mut has_branches = false;
    each(
        &connection,
        "SELECT file_id, fromno, tono FROM arc",
        |row| {
            if let Some((_, ran)) = files.get_mut(&row.get(0)?) {
                let ends: [i64; 2] = [row.get(1)?, row.get(2)?];
                ran.ends.extend(ends.into_iter().filter_map(line));
            }
            has_branches = true;
            Ok(())
        },
    )?;
    Ok(Database {
        files: files.into_values().collect(),
        has_branches,
    })
}

/// Refuses what computes while it is read: a view, a virtual table or a generated column may go on for ever, or grow without end.
fn refuse_code(connection: &Connection) -> Result<(), Fault> {
    let tables =
        "SELECT count(*) FROM sqlite_schema WHERE type = 'view' OR sql LIKE 'CREATE VIRTUAL%'";
    let columns =
        "SELECT count(*) FROM sqlite_schema, pragma_table_xinfo(sqlite_schema.name) AS found
        WHERE sqlite_schema.type = 'table' AND found.hidden != 0";
    for question in [tables, columns] {
        let count: i64 = connection.query_row(question, [], |row| row.get(0))?;
        if count > 0 {
            return Err(Fault::Code);
        }
    }
    Ok(())
}

fn each(
    connection: &Connection,
    question: &str,
    mut take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(question)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}

fn line(number: i64) -> Option<u32> {
    let line = u32::try_from(number).ok()?;
    (1..=LAST_LINE).contains(&line).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database as coverage.py makes it, with these statements on top.
    fn database(statements: &str) -> Vec<u8> {
        let mut connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(&format!(
                "CREATE TABLE coverage_schema (version integer);
                 INSERT INTO coverage_schema VALUES (7);
                 CREATE TABLE meta (key text, value text, unique (key));
                 CREATE TABLE file (id integer primary key, path text, unique (path));
                 CREATE TABLE context (id integer primary key, context text, unique (context));
                 CREATE TABLE line_bits (file_id integer, context_id integer, numbits blob,
                     unique (file_id, context_id));
                 CREATE TABLE arc (file_id integer, context_id integer, fromno integer, tono integer,
                     unique (file_id, context_id, fromno, tono));
                 {statements}"
            ))
            .unwrap();
        connection.serialize(MAIN_DB).unwrap().to_vec()
    }

    fn lines(ran: &Ran) -> Vec<u32> {
        (1..40).filter(|line| ran.any(*line, *line)).collect()
    }

    #[test]
    fn lines_of_all_contexts_are_united() {
        // Bits 1, 2 and 9; then 3.
        let bytes = database(
            "INSERT INTO file VALUES (1, '/ci/a.py'), (2, '/ci/never.py');
             INSERT INTO line_bits VALUES (1, 1, x'0602'), (1, 2, x'08');",
        );
        let found = read(&bytes).unwrap();
        assert_eq!(lines(&found.files["/ci/a.py"]), [1, 2, 3, 9]);
        assert_eq!(found.files["/ci/never.py"], Ran::default());
        assert!(!found.has_branches);
    }

    #[test]
    fn with_branches_the_ends_of_steps_are_the_lines() {
        let bytes = database(
            "INSERT INTO file VALUES (1, 'a.py');
             INSERT INTO arc VALUES (1, 1, -1, 1), (1, 1, 1, 2), (1, 1, 2, -1);",
        );
        let found = read(&bytes).unwrap();
        assert_eq!(lines(&found.files["a.py"]), [1, 2]);
        assert!(found.has_branches);
    }

    /// coverage.py 7.17.3 counts three statements in the file that never ran, with CPython 3.11.
    #[test]
    fn annotations_count_as_the_run_shows() {
        let text = "class Basket:\n    \"\"\"Words.\"\"\"\n    size: int\n    price: int = 1\n";
        let read = |bits: &[u8]| {
            let mut ran = Ran::default();
            ran.unite(bits);
            measured(text.as_bytes(), &ran, Exclusion::standard()).unwrap()
        };
        let statements = |others: &[&[u8]]| {
            let mut files: Vec<Measured> = others.iter().map(|bits| read(bits)).collect();
            files.push(read(b""));
            let are_code = are_annotations_code(files.iter());
            let mut lines = files.pop().unwrap().lines(are_code);
            lines.sort_by_key(|(first, _)| *first);
            lines
                .into_iter()
                .map(|(first, _)| first)
                .collect::<Vec<_>>()
        };
        assert_eq!(statements(&[]), [1, 3, 4]);
        // Bits 1 to 4, as of 3.13; and without 3, as of 3.14.
        assert_eq!(statements(&[b"\x1e"]), [1, 3, 4]);
        assert_eq!(statements(&[b"\x16"]), [1, 4]);
        assert_eq!(read(b"\x1e").lines(false).len(), 3);
    }

    #[test]
    fn what_is_not_a_database_of_coverage_is_said() {
        let other = |statements: &str| {
            let mut connection = Connection::open_in_memory().unwrap();
            connection.execute_batch(statements).unwrap();
            read(&connection.serialize(MAIN_DB).unwrap()).unwrap_err()
        };
        let error = other("CREATE TABLE a (b); ");
        assert!(error.why.contains("coverage_schema"), "{error:?}");
        let error =
            other("CREATE TABLE coverage_schema (version); INSERT INTO coverage_schema VALUES (8)");
        assert!(error.why.contains("schema is 8"), "{error:?}");
        let mut damaged = database("");
        damaged.truncate(600);
        assert!(read(&damaged).is_err());
        assert!(read(SQLITE).is_err());
        // A number as a text is no blob.
        let bytes = database(
            "INSERT INTO file VALUES (1, 'a.py'); INSERT INTO line_bits VALUES (1, 1, 'no')",
        );
        assert!(read(&bytes).is_err());
    }

    #[test]
    fn what_computes_is_refused() {
        for code in [
            "DROP TABLE file; CREATE VIEW file AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x AS id, 'a.py' AS path FROM c;",
            "CREATE TABLE more (a, b GENERATED ALWAYS AS (printf('%300000000s', a)));",
        ] {
            let error = read(&database(code)).unwrap_err();
            assert!(error.why.contains("computed"), "{error:?}");
        }
    }

    #[test]
    fn hostile_numbers_are_left_out() {
        let bytes = database(
            "INSERT INTO file VALUES (1, 'a.py');
             INSERT INTO arc VALUES (1, 1, 9223372036854775807, -9223372036854775808);
             INSERT INTO line_bits VALUES (1, 1, zeroblob(600000));",
        );
        let ran = &read(&bytes).unwrap().files["a.py"];
        assert!(!ran.any(1, LAST_LINE) && ran.ends.is_empty());
        assert_eq!(ran.bits.len(), LARGEST_BITS);
    }
}
