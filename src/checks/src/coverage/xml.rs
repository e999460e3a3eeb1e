//! Cobertura XML (coverage-04.dtd), as coverage.py, pytest-cov and others write it.
//!
//! The parser pulls event after event: no recursion. It knows no entities but XML's five and fetches nothing; a document that
//! declares entities of its own is refused.

use super::lines::Line;
use super::report::{Report, Unreadable};
use quick_xml::Reader;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesStart, Event};
use std::borrow::Cow;

/// How deep elements may nest. Cobertura has eight levels.
const DEEPEST: u32 = 64;

pub(super) fn read(text: &str) -> Result<Report, Unreadable> {
    let mut reader = Reader::from_str(text);
    let mut document = Document::default();
    loop {
        let event = reader
            .read_event()
            .map_err(|error| damaged(&reader, &error.to_string()))?;
        let told = match event {
            Event::Eof => break,
            Event::DocType(declaration) if declaration.contains(&b'[') => Err(
                "it declares entities or elements of its own, which no coverage report needs"
                    .to_owned(),
            ),
            Event::Start(element) => document.open(&reader, &element),
            Event::Empty(element) => document.open(&reader, &element).map(|()| document.close()),
            Event::End(_) => {
                document.close();
                Ok(())
            }
            Event::Text(words) if document.in_source => words
                .unescape()
                .map(|words| document.source.push_str(words.trim()))
                .map_err(|error| error.to_string()),
            _ => Ok(()),
        };
        told.map_err(|why| damaged(&reader, &why))?;
    }
    document.finish()
}

fn damaged(reader: &Reader<&[u8]>, why: &str) -> Unreadable {
    Unreadable::damaged(format!(
        "its XML at byte {}: {why}",
        reader.buffer_position()
    ))
}

/// What has been read so far.
#[derive(Default)]
struct Document {
    report: Report,
    depth: u32,
    /// Whether the root was `coverage`.
    is_coverage: bool,
    class: Option<Class>,
    in_source: bool,
    source: String,
    classes: usize,
}

/// The class that is open. A report has many lines of few classes, so they are put into the report together.
struct Class {
    /// Its file.
    path: String,
    /// How deep it stands.
    depth: u32,
    lines: Vec<(u32, Line)>,
}

impl Document {
    fn open(&mut self, reader: &Reader<&[u8]>, element: &BytesStart<'_>) -> Result<(), String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("elements nest deeper than {DEEPEST}"));
        }
        match element.local_name().as_ref() {
            b"coverage" if self.depth == 1 => self.is_coverage = true,
            b"source" => self.in_source = true,
            b"class" => {
                let path =
                    attribute(reader, element, b"filename")?.ok_or("a class names no file")?;
                self.classes += 1;
                // Classes do not nest; what one that does has seen so far is kept.
                self.end_class();
                self.class = Some(Class {
                    path,
                    depth: self.depth,
                    lines: Vec::new(),
                });
            }
            b"line" => {
                if let Some(class) = &mut self.class {
                    class.lines.push(read_line(reader, element)?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self) {
        let is_open = |class: &Class| class.depth == self.depth;
        if self.class.as_ref().is_some_and(is_open) {
            self.end_class();
        }
        if self.in_source {
            let root = std::mem::take(&mut self.source);
            if !root.is_empty() {
                self.report.roots.push(root);
            }
            self.in_source = false;
        }
        self.depth = self.depth.saturating_sub(1);
    }

    fn end_class(&mut self) {
        if let Some(class) = self.class.take() {
            self.report.files.add(class.path, class.lines);
        }
    }

    fn finish(self) -> Result<Report, Unreadable> {
        if self.depth > 0 {
            return Err(Unreadable::damaged("its XML ends early"));
        }
        if !self.is_coverage {
            return Err(Unreadable {
                why: "it is XML, but its first element is not `coverage`".to_owned(),
                remedy: "give the output of `coverage xml` or another Cobertura report".to_owned(),
            });
        }
        if self.classes == 0 {
            return Err(Unreadable {
                why: "it is XML without a file in it (Clover and JaCoCo reports are not read)"
                    .to_owned(),
                remedy: "give the output of `coverage xml`, and run the tests with coverage before"
                    .to_owned(),
            });
        }
        Ok(self.report)
    }
}

fn attribute(
    reader: &Reader<&[u8]>,
    element: &BytesStart<'_>,
    name: &[u8],
) -> Result<Option<String>, String> {
    let found = element.try_get_attribute(name);
    let Some(found) = found.map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    value(reader, &found).map(|value| Some(value.into_owned()))
}

fn value<'a>(reader: &Reader<&[u8]>, attribute: &'a Attribute<'_>) -> Result<Cow<'a, str>, String> {
    // Most are numbers, of which a report has two in each line.
    if memchr::memchr(b'&', &attribute.value).is_none() {
        let text = std::str::from_utf8(&attribute.value);
        return text.map(Cow::Borrowed).map_err(|error| error.to_string());
    }
    attribute
        .decode_and_unescape_value(reader.decoder())
        .map_err(|error| error.to_string())
}

/// `<line number="3" hits="1" branch="true" condition-coverage="50% (1/2)"/>`.
fn read_line(reader: &Reader<&[u8]>, element: &BytesStart<'_>) -> Result<(u32, Line), String> {
    if let Some(line) = usual_line(element) {
        return Ok(line);
    }
    let mut number = None;
    let mut is_hit = None;
    let mut branches = (0, 0);
    // The search for attributes that are named twice costs more than all the rest.
    for attribute in element.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| error.to_string())?;
        match attribute.key.as_ref() {
            b"number" => number = value(reader, &attribute)?.trim().parse().ok(),
            b"hits" => is_hit = is_above_zero(&value(reader, &attribute)?),
            b"condition-coverage" => {
                let counted = conditions(&value(reader, &attribute)?);
                branches = counted.ok_or("condition-coverage is not `50% (1/2)`")?;
            }
            _ => {}
        }
    }
    let line = Line {
        hit: is_hit.ok_or("a line has no count of hits")?,
        branches,
    };
    Ok((number.ok_or("a line has no number")?, line))
}

/// A line without branches as coverage.py writes it: `line number="3" hits="1"`. Nearly all of a report are such lines, and their
/// attributes one by one are a third of the time that it takes (measured). None: it has another form.
fn usual_line(element: &[u8]) -> Option<(u32, Line)> {
    let (number, rest) = count(element.strip_prefix(b"line number=\"")?)?;
    let (hits, end) = count(rest.strip_prefix(b"\" hits=\"")?)?;
    let line = Line {
        hit: hits > 0,
        branches: (0, 0),
    };
    (end.trim_ascii_end() == b"\"").then_some((number, line))
}

/// The digits at the beginning as a number, with what follows.
fn count(text: &[u8]) -> Option<(u32, &[u8])> {
    let end = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(end)?;
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((number, rest))
}

/// Whether a count is above zero. Some writers give fractions.
fn is_above_zero(count: &str) -> Option<bool> {
    match count {
        "0" => Some(false),
        "1" => Some(true),
        other => Some(other.trim().parse::<f64>().ok()? > 0.0),
    }
}

/// The counts in `50% (1/2)`. A bare percentage has none.
fn conditions(text: &str) -> Option<(u32, u32)> {
    let Some((_, counts)) = text.split_once('(') else {
        return Some((0, 0));
    };
    let (taken, all) = counts.trim_end().strip_suffix(')')?.split_once('/')?;
    let (taken, all): (u32, u32) = (taken.trim().parse().ok()?, all.trim().parse().ok()?);
    (taken <= all).then_some((taken, all))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As coverage.py 7.17 writes it.
    const REPORT: &str = r#"<?xml version="1.0" ?>
<coverage version="7.17.3" timestamp="1" lines-valid="3" lines-covered="2" line-rate="0.6667" branch-rate="0" complexity="0">
    <!-- Generated by coverage.py: https://coverage.readthedocs.io/en/7.17.3 -->
    <sources><source>/ci/work/shop &amp; co</source></sources>
    <packages><package name="." line-rate="1"><classes>
        <class name="a.py" filename="shop/a.py" complexity="0"><methods/><lines>
            <line number="1" hits="1"/>
            <line number="2" hits="1" branch="true" condition-coverage="50% (1/2)" missing-branches="3"/>
            <line number="3" hits="0"/>
        </lines></class>
        <class name="b.py" filename="shop/b.py"><methods/><lines/></class>
    </classes></package></packages>
</coverage>"#;

    #[test]
    fn lines_roots_and_ways_out_are_read() {
        let report = read(REPORT).unwrap();
        assert_eq!(report.roots, ["/ci/work/shop & co"]);
        let files = report.files.united();
        let lines = &files["shop/a.py"];
        assert_eq!(
            lines.line(2),
            Some(Line {
                hit: true,
                branches: (1, 2)
            })
        );
        assert_eq!(lines.line(3), Some(Line::default()));
        assert!(files["shop/b.py"].is_empty());
    }

    #[test]
    fn an_outer_declaration_is_let_be_and_an_inner_one_refused() {
        let outer = REPORT.replace(
            "<coverage v",
            "<!DOCTYPE coverage SYSTEM 'http://cobertura.sourceforge.net/xml/coverage-04.dtd'>\n<coverage v",
        );
        assert!(read(&outer).is_ok());
        let bomb = REPORT.replace(
            "<coverage v",
            "<!DOCTYPE c [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>\n<coverage v",
        );
        assert!(read(&bomb).unwrap_err().why.contains("entities"));
        let entity = REPORT.replace("shop/a.py\" c", "&b;.py\" c");
        assert!(read(&entity).is_err());
    }

    #[test]
    fn the_usual_form_of_a_line_says_the_same_as_any_other() {
        for (usual, other) in [
            ("number=\"1\" hits=\"1\"", "hits=\"1\" number=\"1\""),
            ("number=\"1\" hits=\"0\"", "number='1' hits='0'"),
            ("number=\"007\" hits=\"12\" ", "number=\" 7\" hits=\"12.0\""),
        ] {
            let of = |line: &str| {
                let text = REPORT.replace("number=\"3\" hits=\"0\"", line);
                read(&text).unwrap().files.united().remove("shop/a.py")
            };
            assert_eq!(of(usual), of(other), "{usual}");
        }
        for odd in [
            "line number=\"\" hits=\"1\"",
            "line number=\"99999999999\" hits=\"1\"",
            "line number=\"1\" hits=\"1\" branch=\"true\"",
            "lines number=\"1\" hits=\"1\"",
            "line number=\"1\" hits=\"-1\"",
        ] {
            assert!(usual_line(odd.as_bytes()).is_none(), "{odd}");
        }
    }

    #[test]
    fn damage_is_said() {
        for (text, part) in [
            (REPORT.replace("</coverage>", ""), "ends early"),
            (
                REPORT.replace("number=\"1\"", "number=\"one\""),
                "no number",
            ),
            (REPORT.replace("hits=\"0\"", ""), "no count"),
            (REPORT.replace("(1/2)", "(3/2)"), "condition-coverage"),
            (
                REPORT.replace("filename=\"shop/b.py\"", ""),
                "names no file",
            ),
            ("<report/>".to_owned(), "first element"),
            ("<coverage/>".to_owned(), "without a file"),
            ("<coverage><a></b></coverage>".to_owned(), "byte"),
            ("<coverage>".repeat(100_000), "deeper"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.why.contains(part), "{part}: {error:?}");
        }
    }
}
