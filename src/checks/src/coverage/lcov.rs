//! LCOV's tracefile (geninfo(1)): `SF:` begins a file, `DA:line,hits[,hash]` is a line, `BRDA:line,block,branch,taken` a way out.

use super::lines::{FileLines, Line};
use super::report::{Report, Unreadable};
use std::collections::BTreeMap;

pub(super) fn read(text: &str) -> Result<Report, Unreadable> {
    let mut report = Report::default();
    let mut file: Option<File<'_>> = None;
    for (index, record) in text.lines().enumerate() {
        let record = record.trim_end();
        let damaged = |what: &str| {
            Unreadable::damaged(format!(
                "line {} is LCOV, but {what}",
                index.saturating_add(1)
            ))
        };
        if let Some(path) = record.strip_prefix("SF:") {
            report.end(file.replace(File::new(path)));
        } else if record == "end_of_record" {
            report.end(file.take());
        } else if let Some(count) = record.strip_prefix("BRF:") {
            file.iter_mut()
                .for_each(|file| file.counted.1 = count.trim().parse().unwrap_or_default());
        } else if let Some(count) = record.strip_prefix("BRH:") {
            file.iter_mut()
                .for_each(|file| file.counted.0 = count.trim().parse().unwrap_or_default());
        } else if let Some(fields) = record.strip_prefix("DA:") {
            let file = (file.as_mut()).ok_or_else(|| damaged("no file was named before it"))?;
            let (line, hit) = line_and_hits(fields).ok_or_else(|| damaged("not `DA:line,hits`"))?;
            let branches = (0, 0);
            file.line(line).unite(Line { hit, branches });
        } else if let Some(fields) = record.strip_prefix("BRDA:") {
            let file = (file.as_mut()).ok_or_else(|| damaged("no file was named before it"))?;
            let (line, taken) =
                way_out(fields).ok_or_else(|| damaged("not `BRDA:line,block,branch,taken`"))?;
            // It belongs to a line that `DA:` names as well, before or after.
            let (hit, all) = &mut file.line(line).branches;
            *hit = hit.saturating_add(u32::from(taken));
            *all = all.saturating_add(1);
        }
    }
    report.end(file);
    Ok(report)
}

/// The file whose records are read.
struct File<'t> {
    path: &'t str,
    lines: BTreeMap<u32, Line>,
    /// Ways out, as `BRH:` and `BRF:` count them: taken, all.
    counted: (u32, u32),
}

impl<'t> File<'t> {
    const fn new(path: &'t str) -> Self {
        Self {
            path,
            lines: BTreeMap::new(),
            counted: (0, 0),
        }
    }

    fn line(&mut self, number: u32) -> &mut Line {
        self.lines.entry(number).or_default()
    }
}

impl Report {
    /// Notes a file that is read.
    fn end(&mut self, file: Option<File<'_>>) {
        if let Some(file) = file {
            let mut lines = FileLines::new(file.lines.into_iter().collect());
            lines.add_other_branches(file.counted);
            self.files.add(file.path.to_owned(), lines.into_list());
        }
    }
}

/// `line,hits` or `line,hits,hash`.
fn line_and_hits(fields: &str) -> Option<(u32, bool)> {
    let mut fields = fields.split(',');
    let line = fields.next()?.trim().parse().ok()?;
    Some((line, is_hit(fields.next()?)?))
}

/// Counts are whole numbers; some writers overflow into negative ones or write `1e+06`.
fn is_hit(count: &str) -> Option<bool> {
    let count: f64 = count.trim().parse().ok()?;
    Some(count > 0.0)
}

/// `line,block,branch,taken`; `-` means that the line was never reached.
fn way_out(fields: &str) -> Option<(u32, bool)> {
    let line = fields.split(',').next()?.trim().parse().ok()?;
    let (before, taken) = fields.rsplit_once(',')?;
    before.contains(',').then_some(())?;
    let taken = taken.trim();
    Some((line, taken != "-" && is_hit(taken)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_ways_out_are_read() {
        let text = "TN:\nSF:shop/a.py\nDA:1,1,kQyl\nDA:2,0\nBRDA:1,0,jump to line 2,-\nBRDA:1,0,1,3\nLF:2\nend_of_record\nSF:b.py\nend_of_record\n";
        let files = read(text).unwrap().files.united();
        let lines = &files["shop/a.py"];
        assert_eq!(
            lines.line(1),
            Some(Line {
                hit: true,
                branches: (1, 2)
            })
        );
        assert_eq!(lines.line(2), Some(Line::default()));
        assert!(files["b.py"].is_empty());
    }

    #[test]
    fn ways_out_that_are_only_counted_count() {
        let text = "SF:a.py\nDA:1,1\nDA:2,1\nBRDA:2,0,0,1\nBRF:3\nBRH:2\nend_of_record\n";
        let files = read(text).unwrap().files.united();
        assert_eq!(files["a.py"].line(1).unwrap().branches, (1, 2));
        assert_eq!(files["a.py"].line(2).unwrap().branches, (1, 1));
    }

    #[test]
    fn damage_is_said_with_its_line() {
        for (text, part) in [
            ("DA:1,1\nSF:a.py\n", "line 1"),
            ("SF:a.py\nDA:1\n", "line 2"),
            ("SF:a.py\nDA:x,1\n", "DA:line,hits"),
            ("SF:a.py\nBRDA:1,1\n", "BRDA"),
            ("SF:a.py\nend_of_record\nDA:1,1\n", "no file"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.why.contains(part), "{text}: {error:?}");
        }
    }
}
