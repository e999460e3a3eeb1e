"""Written by beanpole for this bundle. Writes the application's secrets as a file for compose's `env_file`.

Usage: dot_env.py LIST [GET_CONFIG [CURRENT_COMPOSE_FILE]]. The list names variables, secrets and keys, never values. The file that it names is written
outside of the application's directory, which is the context of the image's build, and only root can read it. No value
is ever an argument, an environment variable or a line of output. Any failure names the secret and ends with 1.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

GET_CONFIG = "/opt/elasticbeanstalk/bin/get-config"
CURRENT_COMPOSE_FILE = "/var/app/current/docker-compose.yml"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
HARMLESS = re.compile(r"[A-Za-z0-9_\-./:@%+,=~]*\Z")
SECONDS = 90


class Refused(Exception):
    pass


def main(list_file, get_config=GET_CONFIG, current=CURRENT_COMPOSE_FILE):
    with open(list_file, encoding="utf-8") as text:
        wanted = json.load(text)
    check_environment(wanted["environment"], get_config)
    wholes = {}
    lines = []
    for variable in wanted["variables"]:
        secret = variable["secret"]
        if secret not in wholes:
            wholes[secret] = fetch(secret, wanted["region"])
        value = pick(wholes[secret], variable)
        lines.append(line(variable["name"], value, secret))
    target = wanted["file"]
    write(target, "".join(lines))
    remove_old(target, current)
    print(f"beanpole: wrote {len(lines)} variables from {len(wholes)} secrets to {target}")


def check_environment(expected, get_config):
    """Refuses to give one environment the secrets of another, as a version that is promoted as it is would."""
    try:
        answer = subprocess.run(
            [get_config, "environment", "-k", "BEANPOLE_ENVIRONMENT"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    own = answer.stdout.decode("utf-8", "replace").strip()
    if answer.returncode == 0 and own and own != expected:
        raise Refused(
            f"this version was made for the environment {expected} and would give its secrets to {own}; "
            f"deploy the same commit to {own} instead"
        )


def fetch(secret, region):
    """The whole value of a secret. The only argument that depends on it is its id."""
    parts = secret.split(":")
    if parts[0] == "arn" and len(parts) > 3:
        region = parts[3]
    command = ["aws", "secretsmanager", "get-secret-value", "--output", "json"]
    command += ["--region", region, "--secret-id", secret]
    settings = dict(os.environ, AWS_PAGER="", AWS_RETRY_MODE="standard", AWS_MAX_ATTEMPTS="5")
    try:
        answer = subprocess.run(
            command,
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Refused(f"the secret {secret} could not be read: no answer within {SECONDS} s") from None
    except OSError as error:
        raise Refused(f"the secret {secret} could not be read: {error.strerror}") from None
    if answer.returncode != 0:
        said = " ".join(answer.stderr.decode("utf-8", "replace").split())
        raise Refused(f"the secret {secret} could not be read: {said or f'aws ended with {answer.returncode}'}")
    try:
        value = json.loads(answer.stdout.decode("utf-8")).get("SecretString")
    except (ValueError, AttributeError):
        raise Refused(f"the secret {secret} could not be read: the answer is not what aws writes") from None
    if not isinstance(value, str):
        raise Refused(f"the secret {secret} is binary, and a variable is a text")
    return value


def pick(whole, variable):
    key = variable.get("key")
    if key is None:
        return whole
    name, secret = variable["name"], variable["secret"]
    try:
        keys = json.loads(whole)
    except ValueError:
        keys = None
    if not isinstance(keys, dict):
        raise Refused(f"the secret {secret} is not a JSON object, and {name} comes from its key {key}")
    if key not in keys:
        raise Refused(f"the secret {secret} has no key {key}, which {name} comes from")
    value = keys[key]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def line(name, value, secret):
    """One line of the file, in the three forms that compose reads: plain, single quotes, double quotes with escapes."""
    if not NAME.match(name):
        raise Refused(f"the variable {name!r} is not a name")
    if "\0" in value:
        raise Refused(f"the secret {secret} has a NUL, which no variable can hold")
    if HARMLESS.match(value):
        return f"{name}={value}\n"
    if not any(own in value for own in "'\\\n\r"):
        return f"{name}='{value}'\n"
    # Versions of compose differ on whether a backslash before the last quote escapes it.
    last = ""
    if value.endswith("\\"):
        value, last = value[:-1], "\\0134"
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("$", "\\$"), ("\n", "\\n"), ("\r", "\\r")):
        value = value.replace(plain, escaped)
    return f'{name}="{value}{last}"\n'


def write(target, text):
    """Whole or not at all, and never readable for others, not even for a moment."""
    os.umask(0o077)
    directory = os.path.dirname(target)
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=directory, prefix=".new-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise Refused(f"{target} could not be written: {error.strerror}") from None


def remove_old(target, current_file):
    """Removes the files of former versions, but for the one that runs. What stays is no harm."""
    try:
        with open(current_file, encoding="utf-8") as text:
            current = text.read()
    except OSError:
        return
    directory = os.path.dirname(target)
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        if name.endswith(".env") and path != target and path not in current:
            try:
                os.unlink(path)
            except OSError:
                pass


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Refused as refusal:
        sys.exit(f"beanpole: {refusal}")
