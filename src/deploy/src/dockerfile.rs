//! As much of a Dockerfile as preflight needs: stages, what starts, and who makes it executable.
//!
//! Rules: pure, and lenient. What is not understood is no finding: the builder is the judge of
//! syntax, this module only recognises a few classic mistakes before minutes are spent on them.

/// A Dockerfile in stages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dockerfile {
    stages: Vec<Stage>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Stage {
    name: Option<String>,
    base: String,
    instructions: Vec<Instruction>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Instruction {
    keyword: String,
    value: String,
    line: u32,
}

/// A script that the container starts directly, so that it must be executable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartScript {
    /// The path as the Dockerfile writes it.
    pub path: String,
    /// The working directory at that point, if one was set.
    pub directory: Option<String>,
    /// The line of the instruction.
    pub line: u32,
}

impl Dockerfile {
    /// Reads the text of a Dockerfile.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut stages: Vec<Stage> = Vec::new();
        for instruction in logical_lines(text) {
            if instruction.keyword == "FROM" {
                stages.push(stage(&instruction.value));
            } else if let Some(current) = stages.last_mut() {
                current.instructions.push(instruction);
            }
        }
        Self { stages }
    }

    /// True if there is a stage of this name.
    #[must_use]
    pub fn has_stage(&self, name: &str) -> bool {
        self.stages.iter().any(|stage| stage.is_named(name))
    }

    /// The script that the image starts with, if it starts a script file directly. `target` names
    /// the stage to build; the last one if none.
    #[must_use]
    pub fn start_script(&self, target: Option<&str>) -> Option<StartScript> {
        let mut directory = None;
        let mut entrypoint = None;
        let mut command = None;
        for instruction in self.lineage(target) {
            match instruction.keyword.as_str() {
                "WORKDIR" => directory = Some(instruction.value.trim().to_owned()),
                "ENTRYPOINT" => {
                    entrypoint = Some((instruction, directory.clone()));
                    // A new entry point resets the command of the stages before it.
                    command = None;
                }
                "CMD" => command = Some((instruction, directory.clone())),
                _ => {}
            }
        }
        // With an entry point, the command is its argument and nothing that is started directly.
        let (instruction, directory) = entrypoint.or(command)?;
        let path = first_word(&instruction.value)?;
        is_script(&path).then_some(StartScript {
            path,
            directory,
            line: instruction.line,
        })
    }

    /// True if the build itself makes a file of this name executable.
    #[must_use]
    pub fn makes_executable(&self, target: Option<&str>, file_name: &str) -> bool {
        self.lineage(target).into_iter().any(|instruction| {
            let value = instruction.value.as_str();
            match instruction.keyword.as_str() {
                "RUN" => {
                    value.contains("chmod")
                        && (value.contains(file_name)
                            || value.contains("*")
                            || value.contains(" -R"))
                }
                "COPY" | "ADD" => value.contains("--chmod="),
                _ => false,
            }
        })
    }

    /// The instructions of the target stage, preceded by those of the stages it builds on.
    fn lineage(&self, target: Option<&str>) -> Vec<&Instruction> {
        let mut position = match target {
            Some(name) => self.stages.iter().rposition(|stage| stage.is_named(name)),
            None => self.stages.len().checked_sub(1),
        };
        let mut stages = Vec::new();
        while let Some(stage) = position.and_then(|position| self.stages.get(position)) {
            stages.push(stage);
            // Only earlier stages can be built on, so this ends.
            let earlier = self.stages.get(..position.unwrap_or(0)).unwrap_or_default();
            position = earlier
                .iter()
                .rposition(|candidate| candidate.is_named(&stage.base));
        }
        stages
            .into_iter()
            .rev()
            .flat_map(|stage| &stage.instructions)
            .collect()
    }
}

impl Stage {
    fn is_named(&self, name: &str) -> bool {
        self.name
            .as_deref()
            .is_some_and(|own| own.eq_ignore_ascii_case(name))
    }
}

/// `FROM [--platform=...] image [AS name]`.
fn stage(value: &str) -> Stage {
    let mut words = value
        .split_whitespace()
        .filter(|word| !word.starts_with("--"));
    let base = words.next().unwrap_or_default().to_owned();
    let name = match words.next() {
        Some(word) if word.eq_ignore_ascii_case("as") => words.next().map(str::to_owned),
        _ => None,
    };
    Stage {
        name,
        base,
        instructions: Vec::new(),
    }
}

/// Joins continued lines, drops comments and the bodies of here-documents.
fn logical_lines(text: &str) -> Vec<Instruction> {
    let escape = escape_character(text);
    let mut instructions = Vec::new();
    let mut pending: Option<(u32, String)> = None;
    let mut heredoc: Option<String> = None;
    for (number, line) in (1u32..).zip(text.lines()) {
        if let Some(end) = &heredoc {
            if line.trim_start_matches('\t') == end {
                heredoc = None;
            }
            continue;
        }
        let trimmed = line.trim();
        if trimmed.starts_with('#') || (trimmed.is_empty() && pending.is_none()) {
            continue;
        }
        let (start, mut so_far) = pending.take().unwrap_or((number, String::new()));
        if let Some(part) = trimmed.strip_suffix(escape) {
            so_far.push_str(part);
            so_far.push(' ');
            pending = Some((start, so_far));
            continue;
        }
        so_far.push_str(trimmed);
        heredoc = heredoc_end(&so_far);
        instructions.extend(instruction(start, &so_far));
    }
    if let Some((start, rest)) = pending {
        instructions.extend(instruction(start, &rest));
    }
    instructions
}

/// The `# escape=` directive, which must stand before the first instruction.
fn escape_character(text: &str) -> char {
    text.lines()
        .map(str::trim)
        .take_while(|line| line.starts_with('#'))
        .filter_map(|line| line.trim_start_matches('#').trim().strip_prefix("escape="))
        .find_map(|value| value.chars().next())
        .unwrap_or('\\')
}

/// The word that ends a here-document, if the instruction opens one.
fn heredoc_end(instruction: &str) -> Option<String> {
    let (_, rest) = instruction.split_once("<<")?;
    let word: String = rest
        .trim_start_matches('-')
        .trim_start_matches(['"', '\''])
        .chars()
        .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
        .collect();
    (!word.is_empty()).then_some(word)
}

fn instruction(line: u32, text: &str) -> Option<Instruction> {
    let text = text.trim();
    let (keyword, value) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (!keyword.is_empty()).then(|| Instruction {
        keyword: keyword.to_ascii_uppercase(),
        value: value.trim().to_owned(),
        line,
    })
}

/// The program of an instruction in exec form (`["a", "b"]`) or shell form (`a b`).
fn first_word(value: &str) -> Option<String> {
    let value = value.trim();
    if value.starts_with('[') {
        let quoted = value.split('"').nth(1)?;
        return Some(quoted.to_owned());
    }
    let mut words = value.split_whitespace();
    let first = words.next()?;
    // `ENTRYPOINT exec ./start.sh` starts the script as well.
    let word = if first == "exec" {
        words.next()?
    } else {
        first
    };
    Some(word.trim_matches(['"', '\'']).to_owned())
}

/// True for what is a file of the project rather than a program of the image.
fn is_script(path: &str) -> bool {
    const ENDINGS: [&str; 4] = [".sh", ".bash", ".py", ".pl"];
    let is_file = path.starts_with("./") || ENDINGS.iter().any(|ending| path.ends_with(ending));
    is_file && !path.contains('$')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Option<String> {
        Dockerfile::parse(text)
            .start_script(None)
            .map(|script| script.path)
    }

    #[test]
    fn finds_the_script_in_exec_and_shell_form() {
        let exec = "FROM python:3.11\nWORKDIR /app\nENTRYPOINT [\"/app/entrypoint.sh\"]\nCMD [\"gunicorn\"]\n";
        let found = Dockerfile::parse(exec).start_script(None).unwrap();
        assert_eq!(found.path, "/app/entrypoint.sh");
        assert_eq!(found.directory.as_deref(), Some("/app"));
        assert_eq!(found.line, 3);
        assert_eq!(
            script("FROM x\nENTRYPOINT ./start\n").as_deref(),
            Some("./start")
        );
        assert_eq!(
            script("FROM x\ncmd exec ./run.sh --now\n").as_deref(),
            Some("./run.sh")
        );
    }

    #[test]
    fn programs_of_the_image_are_no_scripts() {
        for text in [
            "FROM x\nCMD gunicorn config.wsgi\n",
            "FROM x\nENTRYPOINT [\"sh\", \"entrypoint.sh\"]\n",
            "FROM x\nENTRYPOINT [\"$START\"]\n",
            "FROM x\n",
            "",
        ] {
            assert_eq!(script(text), None, "{text}");
        }
    }

    #[test]
    fn a_command_is_an_argument_when_there_is_an_entry_point() {
        assert_eq!(
            script("FROM x\nENTRYPOINT [\"tini\", \"--\"]\nCMD [\"./run.sh\"]\n"),
            None
        );
    }

    #[test]
    fn follows_the_stages_that_a_target_builds_on() {
        let text = "FROM python AS base\nRUN chmod +x /app/entrypoint.sh\nENTRYPOINT [\"/app/entrypoint.sh\"]\n\
                    FROM base AS production\nCMD [\"web\"]\nFROM node AS assets\n";
        let file = Dockerfile::parse(text);
        assert_eq!(
            file.start_script(Some("production"))
                .map(|script| script.path)
                .as_deref(),
            Some("/app/entrypoint.sh")
        );
        assert!(file.makes_executable(Some("production"), "entrypoint.sh"));
        assert!(!file.makes_executable(None, "entrypoint.sh"));
        assert_eq!(file.start_script(None), None);
        assert!(file.has_stage("Production"));
        assert!(!file.has_stage("staging"));
    }

    #[test]
    fn joins_lines_and_skips_comments_and_here_documents() {
        let text = "# syntax=docker/dockerfile:1\nFROM x\nRUN apt-get update \\\n # why\n && chmod \\\n   +x run.sh\n\
                    COPY <<EOF /etc/conf\nENTRYPOINT [\"./wrong.sh\"]\nEOF\nENTRYPOINT [\"./run.sh\"]\n";
        let file = Dockerfile::parse(text);
        assert!(file.makes_executable(None, "run.sh"));
        assert_eq!(file.start_script(None).unwrap().path, "./run.sh");
    }

    #[test]
    fn copies_may_set_the_mode() {
        let file =
            Dockerfile::parse("FROM x\nCOPY --chmod=755 . /app\nENTRYPOINT [\"./run.sh\"]\n");
        assert!(file.makes_executable(None, "run.sh"));
    }
}
