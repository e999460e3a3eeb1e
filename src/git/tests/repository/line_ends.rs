//! Files that git writes with other line ends than it keeps.

use crate::World;

const PATHS: [&str; 2] = ["a.sh", "b c.py"];

/// A repository of two files with LF, without the files on disk.
fn world(attributes: &str) -> World {
    let world = World::new();
    world.repository(&[
        ("a.sh", "one\ntwo\n"),
        ("b c.py", "one\n"),
        (".gitattributes", attributes),
    ]);
    for path in PATHS {
        fs_err::remove_file(world.root.join("work").join(path)).unwrap();
    }
    world
}

fn found(world: &World, paths: &[&str]) -> Vec<String> {
    let found = world.open("work").crlf_paths(paths).unwrap();
    found.into_iter().collect()
}

#[test]
fn autocrlf_writes_them() {
    let world = world("");
    world.run("work", &["config", "core.autocrlf", "true"]);
    world.run("work", &["checkout", "--", "."]);
    let text = fs_err::read_to_string(world.root.join("work/a.sh")).unwrap();
    assert_eq!(text, "one\r\ntwo\r\n");
    assert_eq!(found(&world, &PATHS), PATHS);
    assert_eq!(found(&world, &["b c.py"]), ["b c.py"]);
    assert_eq!(found(&world, &[]), [""; 0]);
}

#[test]
fn attributes_name_them() {
    let world = world("*.sh text eol=crlf\n");
    world.run("work", &["checkout", "--", "."]);
    assert_eq!(found(&world, &PATHS), ["a.sh"]);
}

#[test]
fn attributes_keep_them_from_autocrlf() {
    let world = world("*.sh text eol=lf\n");
    world.run("work", &["config", "core.autocrlf", "true"]);
    world.run("work", &["checkout", "--", "."]);
    assert_eq!(found(&world, &PATHS), ["b c.py"]);
}

#[test]
fn what_is_kept_with_crlf_or_mixed_is_not_changed_by_git() {
    let world = World::new();
    world.run(".", &["init", "--quiet", "work"]);
    world.run("work", &["config", "core.autocrlf", "false"]);
    world.write("work/crlf.py", "one\r\ntwo\r\n");
    world.write("work/mixed.py", "one\r\ntwo\n");
    world.write("work/lf.py", "one\n");
    world.write("work/edited.py", "one\ntwo\n");
    world.commit("First");
    // Mixed on disk only: the editor did that, not git.
    world.write("work/edited.py", "one\r\ntwo\n");
    let paths = ["crlf.py", "mixed.py", "lf.py", "edited.py"];
    assert_eq!(found(&world, &paths), [""; 0]);
}

#[test]
fn what_an_editor_changed_is_not_changed_by_git() {
    let world = world("");
    world.run("work", &["checkout", "--", "."]);
    world.run("work", &["config", "core.autocrlf", "false"]);
    world.write("work/a.sh", "one\r\ntwo\r\n");
    assert_eq!(found(&world, &PATHS), [""; 0]);
    // Git's line ends, and another content.
    let world = self::world("*.sh text eol=crlf\n");
    world.run("work", &["checkout", "--", "."]);
    assert_eq!(found(&world, &PATHS), ["a.sh"]);
    world.write("work/a.sh", "one\r\nTwo\r\n");
    assert_eq!(found(&world, &PATHS), [""; 0]);
    // Staged, it is what git keeps.
    world.run("work", &["add", "a.sh"]);
    assert_eq!(found(&world, &PATHS), ["a.sh"]);
}

#[test]
fn only_the_paths_that_were_named_are_answered() {
    let world = world("* text eol=crlf\n");
    assert_eq!(found(&world, &PATHS), [""; 0], "not on disk");
    world.run("work", &["checkout", "--", "."]);
    world.write("work/new.sh", "one\r\n");
    assert_eq!(found(&world, &["new.sh", "gone.sh", "*.sh"]), [""; 0]);
    world.write("work/below/c.py", "one\r\n");
    world.run("work", &["add", "below"]);
    assert_eq!(found(&world, &["below"]), [""; 0]);
    assert_eq!(
        found(&world, &["below/c.py", "a.sh"]),
        ["a.sh", "below/c.py"]
    );
    // Given twice, it is not modified.
    assert_eq!(found(&world, &["a.sh", "a.sh"]), ["a.sh"]);
}
