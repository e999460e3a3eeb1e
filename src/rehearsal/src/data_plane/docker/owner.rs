//! Which process owns a run's objects, so that a later run can tell whether anyone will remove them.
//!
//! Rules: a process is named by its machine, the machine's boot, its id and its start time; an id alone
//! is given again. Only what is surely gone counts as gone. Only Linux says enough to judge.

/// This process as a label value; `None` where the system does not say enough.
pub(super) fn this_process() -> Option<String> {
    let id = std::process::id();
    Some(format!("{}/{id}/{}", machine()?, start_time(id)?))
}

/// True if the owner was a process of this machine that does not run any more.
pub(super) fn is_gone(owner: &str) -> bool {
    let Some(machine) = machine() else {
        return false;
    };
    let mut parts = owner.split('/');
    let (Some(host), Some(boot), Some(id), Some(start), None) = (
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
    ) else {
        return false;
    };
    let Some((this_host, this_boot)) = machine.split_once('/') else {
        return false;
    };
    if host != this_host {
        return false;
    }
    let runs = boot == this_boot
        && id
            .parse()
            .ok()
            .and_then(start_time)
            .is_some_and(|this_start| this_start == start);
    !runs
}

/// The machine's name and the id of its boot: `host/boot`.
fn machine() -> Option<String> {
    let read = |path| {
        fs_err::read_to_string(path)
            .ok()
            .map(|text| text.trim().to_owned())
    };
    let host = read("/proc/sys/kernel/hostname")?;
    Some(format!(
        "{host}/{}",
        read("/proc/sys/kernel/random/boot_id")?
    ))
}

/// When the process was started, in the kernel's ticks since boot; `None` if there is none.
fn start_time(id: u32) -> Option<String> {
    let stat = fs_err::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The program's name stands in parentheses and may hold anything; the start time is the 20th field
    // after it (proc(5), field 22).
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_runs_is_not_gone() {
        let owner = this_process().unwrap();
        assert!(!is_gone(&owner), "{owner}");
    }

    #[test]
    fn one_that_ended_is_gone_even_if_its_id_is_given_again() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let start = start_time(child.id()).unwrap();
        child.wait().unwrap();
        let machine = machine().unwrap();
        assert!(is_gone(&format!("{machine}/{}/{start}", child.id())));
        assert!(is_gone(&format!("{machine}/{}/1", std::process::id())));
        let (host, _) = machine.split_once('/').unwrap();
        assert!(is_gone(&format!(
            "{host}/another-boot/{}/{start}",
            std::process::id()
        )));
    }

    #[test]
    fn what_cannot_be_judged_is_left_alone() {
        for owner in ["", "x", "another-host/boot/1/1", "a/b/c/d/e"] {
            assert!(!is_gone(owner), "{owner}");
        }
    }
}
