//! `entrypoint-crlf`: a script with the line ends of Windows.

use crate::docker::script::Script;
use crate::findings::Report;
use crate::report::Said;
use crate::{Group, Rule};
use beanpole_model::Severity;

/// After Linux `execve(2)`: the interpreter's name ends at the newline, so a carriage return is a part of it.
pub(in crate::docker) const RULE: Rule = Rule {
    id: "entrypoint-crlf",
    group: Group::Docker,
    severity: Severity::Error,
    summary: "a script that a container starts has carriage returns",
};

pub(super) fn check(script: &Script<'_>, report: &mut Report<'_>) {
    let lines = || script.source.text.match_indices("\r\n");
    // The first one that is new; one of them is enough to say it.
    let place = lines()
        .map(|(at, _)| script.source.place(at))
        .find(|place| report.touches(script.path, *place));
    let Some(place) = place else {
        return;
    };
    report.say(
        &RULE,
        script.path,
        place,
        Said {
            message: format!("`{}` has the line ends of Windows", script.path),
            reason: "Linux looks for a program named `sh\\r`, and each command gets a carriage return: \"no such file or directory\"",
            remedy: format!("write `*.sh text eol=lf` into .gitattributes, then: git add --renormalize {}", script.path),
        },
    );
}

#[cfg(test)]
mod tests {
    use crate::docker::testing::Case;

    #[test]
    fn carriage_returns_are_found_once() {
        let case = Case::new().file("entrypoint.sh", "#!/bin/sh\r\nexec \"$@\"\r\n");
        assert_eq!(case.errors(), ["entrypoint.sh:1:10 entrypoint-crlf"]);
        let case = Case::new().file("docker/entrypoint.sh", "#!/bin/sh\nexec \"$@\"\n");
        assert!(case.all().is_empty());
    }

    #[test]
    fn old_ones_are_left() {
        let case = Case::new().file("entrypoint.sh", "#!/bin/sh\r\na\nexec \"$@\"\r\n");
        assert!(
            case.clone()
                .changed("entrypoint.sh", &[(2, 2)])
                .all()
                .is_empty()
        );
        assert_eq!(
            case.changed("entrypoint.sh", &[(3, 3)]).errors(),
            ["entrypoint.sh:3:10 entrypoint-crlf"]
        );
    }
}
