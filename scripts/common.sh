# shellcheck shell=bash
# What the scripts in this folder share. Sourced, never run.
#
# Rules: a script says what it does on stderr, one line per step; it never reads stdin; running it again is safe;
# it installs without sudo when it is root, and otherwise names what is missing and stops.

# The root of this checkout, and the folder for everything that is built or downloaded.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
case $target in /*) ;; *) target=$root/$target ;; esac

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
# A quiet terminal, a log file or CI gets no escape codes.
if [[ -n ${NO_COLOR:-} || ! -t 2 ]]; then
  say() { printf '==> %s\n' "$*" >&2; }
fi

have() { command -v "$1" >/dev/null 2>&1; }

# Prints the comment block at the top of the calling script: that is its help page.
help() { awk 'NR == 1 { next } /^#/ { sub(/^# ?/, ""); print; next } { exit }' "$0"; }

# services_wanted: false when BEANPOLE_TEST_SERVICES is `none`, which also tells the tests not to insist on services.
services_wanted() { [[ ${BEANPOLE_TEST_SERVICES:-} != none ]]; }

# Tools that cargo installs for us stand here, and come first.
PATH=$target/tools/bin:$PATH

# docker_answers: does an engine answer, within 10 seconds?
docker_answers() { have docker && timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# lock NAME: waits until no other run on this machine holds NAME. Held until this shell ends.
# Children that outlive the script (a started daemon) must close descriptor 9.
lock() {
  local file=/run/lock/beanpole-$1.lock
  [[ -w ${file%/*} ]] || file=${TMPDIR:-/tmp}/beanpole-$1.lock
  # Open for reading is enough to lock, and works where another user made the file.
  [[ -e $file ]] || : >"$file"
  exec 9<"$file"
  if ! flock --nonblock 9; then
    say "waiting for another run of $1"
    flock 9
  fi
}

# install_packages PACKAGE...: Debian packages that are missing, and only those.
install_packages() {
  local missing=() package
  for package in "$@"; do
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]} == 0)) && return 0
  have apt-get || die "missing: ${missing[*]} (Debian package names). There is no apt-get here: install them by hand"
  ((EUID == 0)) || die "missing: ${missing[*]}. Run as root: apt-get install -y --no-install-recommends ${missing[*]}"
  say "installing ${missing[*]}"
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 -qq)
  "${apt[@]}" update >&2 || say "apt-get update failed; trying with the lists that are here"
  "${apt[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null >&2 || die "apt-get could not install ${missing[*]}"
}

# virtual_environment FOLDER REQUIREMENTS: a Python environment with exactly these pins; made again when they change.
virtual_environment() {
  local folder=$1 requirements=$2 stamp
  have python3 || install_packages python3 python3-venv
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || die "python3 is older than 3.11"
  stamp=$({ python3 --version; cat "${requirements%/*}"/requirements-*.txt; } | sha256sum | cut --characters=1-64)
  [[ -f $folder/stamp && $(<"$folder/stamp") == "$stamp" ]] && return 0
  python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
  say "installing $(basename "$requirements") into ${folder#"$root"/}"
  rm -rf "$folder"
  mkdir -p "$(dirname "$folder")"
  python3 -m venv "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check --no-input --requirement "$requirements" >&2
  printf '%s\n' "$stamp" >"$folder/stamp"
}

# cargo_tool NAME VERSION: a cargo subcommand, installed when it is missing. Without optimisation: the tools wait for
# others most of the time, and build in a fraction of it.
cargo_tool() {
  have "$1" && return 0
  have cargo || die "cargo is missing; install Rust from https://rustup.rs"
  say "installing $1 $2 from crates.io (a few minutes, once)"
  env --unset=CARGO_TARGET_DIR cargo install --quiet --locked --debug --root "$target/tools" "$1@$2" </dev/null >&2 ||
    die "could not install $1"
}
