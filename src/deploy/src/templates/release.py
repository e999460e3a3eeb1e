"""Written by beanpole for this bundle. Runs the release commands, once, in the application's own container.

Usage: release.py CONFIGURATION. The configuration (JSON) names the application, the commands, how long to wait for the
lock, and the variables whose values must not be printed. Only the standard library is needed, and Django if it is
there.

With Django and PostgreSQL, all commands run under an advisory lock of the default database, so that no other release
of the application runs its commands at the same time; and the migrations that were applied meanwhile are reported.
Without them the commands run all the same, and a line says what is missing.

Lines that begin with `@beanpole ` are for machines: JSON with the event and the number of this run. Lines of the
commands never begin so.
"""

import hashlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time

MARK = "@beanpole "
LONGEST_LINE = 16 * 1024
LOCK_TIMED_OUT = 75
FAILED = 1
NO_SHELL = 127
BETWEEN_TRIES = 1.0
BETWEEN_NOTES = 15.0
DRAIN = 5.0
SHORTEST_SECRET = 6


class Output:
    """Prints whole lines, one at a time, without the values that must not be seen."""

    def __init__(self, hidden):
        self.run = secrets.token_hex(8)
        self.held = threading.Lock()
        lines = {part for value in hidden for part in [value, *value.splitlines()] if len(part) >= SHORTEST_SECRET}
        self.hidden = sorted(lines, key=len, reverse=True)

    def clean(self, text):
        for value in self.hidden:
            text = text.replace(value, "[secret]")
        return text

    def say(self, text):
        with self.held:
            try:
                sys.stdout.write(text + "\n")
                sys.stdout.flush()
            except (OSError, ValueError):
                # Nobody listens any more. The work is more important than the talk.
                pass

    def mark(self, event, **facts):
        facts = {name: self.clean(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
        self.say(MARK + json.dumps({"event": event, "run": self.run, **facts}))

    def note(self, text):
        self.mark("note", text=text)

    def foreign(self, text):
        text = self.clean(text.rstrip("\r\n").rsplit("\r", 1)[-1])
        self.say(" " + text if text.startswith(MARK) else text)


class Database:
    """The default database, if it is PostgreSQL."""

    def __init__(self, connection):
        self.connection = connection

    @staticmethod
    def key(application):
        """The lock's number: the first 64 bits of a digest of the application's name, with a sign."""
        digest = hashlib.sha256(b"beanpole release " + application.encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)

    def ask(self, query, *values):
        with self.connection.cursor() as cursor:
            cursor.execute(query, values)
            return cursor.fetchone()

    def lock(self, application, seconds, output):
        """Takes the lock for this session. False if somebody else kept it for too long."""
        self.connection.ensure_connection()
        self.connection.set_autocommit(True)
        key = self.key(application)
        begun = time.monotonic()
        told = None
        while not self.ask("SELECT pg_try_advisory_lock(%s)", key)[0]:
            waited = time.monotonic() - begun
            if waited >= seconds:
                output.mark("lock", outcome="timeout", seconds=round(waited, 1), holder=self.holder(key))
                return False
            if told is None or waited - told >= BETWEEN_NOTES:
                output.note(f"waiting for the lock of another release of {application}: {self.holder(key)}")
                told = waited
            time.sleep(BETWEEN_TRIES)
        output.mark("lock", outcome="taken", seconds=round(time.monotonic() - begun, 1))
        return True

    def holder(self, key):
        number = key % (1 << 64)
        found = self.ask(
            "SELECT a.pid, host(a.client_addr), a.backend_start FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
            "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.classid::bigint = %s "
            "AND l.objid::bigint = %s AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            number >> 32,
            number & 0xFFFFFFFF,
        )
        if found is None:
            return "held a moment ago"
        return f"held by the session {found[0]} from {found[1] or 'this machine'} since {found[2]}"

    def still_holds(self, application):
        number = self.key(application) % (1 << 64)
        found = self.ask(
            "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid() "
            "AND objsubid = 1 AND classid::bigint = %s AND objid::bigint = %s",
            number >> 32,
            number & 0xFFFFFFFF,
        )
        return found is not None

    def migrations(self):
        """The applied migrations: `app.name`, and when."""
        from django.db.migrations.recorder import MigrationRecorder

        applied = MigrationRecorder(self.connection).applied_migrations()
        return {key: migration.applied for key, migration in applied.items()}

    @staticmethod
    def unknown(applied):
        """Applied migrations that this version's code does not have: those that came after the last one of the same app
        that it has. Those before are of no interest: squashing leaves them behind."""
        from django.db.migrations.loader import MigrationLoader

        loader = MigrationLoader(None, load=False)
        loader.load_disk()
        last = {}
        for app, name in loader.disk_migrations:
            when = applied.get((app, name))
            if when is not None and (app not in last or when > last[app]):
                last[app] = when
        known = set(loader.disk_migrations)
        return {key for key, when in applied.items() if key not in known and key[0] in last and when > last[key[0]]}


def settings_module():
    """What manage.py would choose."""
    chosen = os.environ.get("DJANGO_SETTINGS_MODULE")
    if chosen:
        return chosen
    try:
        with open("manage.py", encoding="utf-8") as text:
            found = re.search(r"""setdefault\(\s*['"]DJANGO_SETTINGS_MODULE['"]\s*,\s*['"]([\w.]+)['"]""", text.read())
    except (OSError, UnicodeDecodeError):
        return None
    return found.group(1) if found else None


def find_database(output):
    """The default database, or None with a line that says why there is no lock."""

    def without(reason):
        output.mark("lock", outcome="none", reason=reason)

    module = settings_module()
    if module is None:
        return without("there is no manage.py and no DJANGO_SETTINGS_MODULE")
    os.environ["DJANGO_SETTINGS_MODULE"] = module
    os.environ.setdefault("PGCONNECT_TIMEOUT", "10")
    # In place of this program's own directory.
    sys.path[0] = os.getcwd()
    try:
        import django
        from django.db import connection
    except ImportError:
        return without("Django is not installed in the image")
    try:
        django.setup()
        vendor = connection.vendor
    except BaseException as error:  # Settings may do anything, sys.exit included; the commands will show it whole.
        return without(f"Django does not start with {module}: {type(error).__name__}")
    if vendor != "postgresql":
        return without(f"the default database is {vendor}, and only PostgreSQL has such locks")
    return Database(connection)


class Commands:
    """Runs commands one after another, each in a shell and a session of its own."""

    def __init__(self, output):
        self.output = output
        self.environment = dict(os.environ, PYTHONUNBUFFERED="1")
        self.child = None
        self.ended_by = None
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self.stop)

    def stop(self, number, _frame):
        self.ended_by = number
        if self.child is not None:
            self.kill(signal.SIGTERM)

    def kill(self, number):
        try:
            os.killpg(self.child.pid, number)
        except OSError:
            pass

    def run(self, index, command):
        self.output.mark("command-begin", index=index, command=command)
        begun = time.monotonic()
        code = self.code(command)
        seconds = round(time.monotonic() - begun, 3)
        self.output.mark("command-end", index=index, exit_code=code, seconds=seconds)
        return code

    def code(self, command):
        if self.ended_by is not None:
            return 128 + self.ended_by
        try:
            self.child = subprocess.Popen(
                ["sh", "-c", command],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            self.output.foreign(f"sh: {error.strerror}")
            return NO_SHELL
        reader = threading.Thread(target=self.hand_on, args=(self.child.stdout,), daemon=True)
        reader.start()
        if self.ended_by is not None:
            self.kill(signal.SIGTERM)
        code = self.child.wait()
        # What it left in the background may hold its output open for ever.
        reader.join(DRAIN)
        self.child = None
        return 128 - code if code < 0 else code

    def hand_on(self, stream):
        for line in iter(lambda: stream.readline(LONGEST_LINE), b""):
            self.output.foreign(line.decode("utf-8", "replace"))


def first_line(error):
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def report_migrations(output, database, before):
    """What was applied since `before`, in the order of names, and what this version does not know."""
    try:
        after = database.migrations()
        unknown = database.unknown(after)
    except Exception as error:
        output.note(f"the applied migrations could not be read: {first_line(error)}")
        return

    def names(keys):
        return sorted(f"{app}.{name}" for app, name in keys)

    applied, unapplied = after.keys() - before.keys(), before.keys() - after.keys()
    output.mark("migrations", applied=names(applied), unapplied=names(unapplied), unknown=names(unknown))


def main(path):
    with open(path, encoding="utf-8") as text:
        wanted = json.load(text)
    application, commands = wanted["application"], wanted["commands"]
    output = Output([os.environ.get(name, "") for name in wanted.get("secrets", [])])
    output.mark("begin", application=application, commands=commands, at=int(time.time()))
    runner = Commands(output)
    database = find_database(output)
    before = None
    if database is not None:
        try:
            if not database.lock(application, wanted["lock_seconds"], output):
                return finish(output, LOCK_TIMED_OUT)
            before = database.migrations()
        except Exception as error:
            output.mark("lock", outcome="failed", reason=first_line(error))
            return finish(output, FAILED)
    code = 0
    for index, command in enumerate(commands):
        code = runner.run(index, command)
        if code != 0:
            break
    if database is not None:
        report_migrations(output, database, before)
        try:
            held = database.still_holds(application)
        except Exception:
            held = False
        if not held:
            output.note("the lock was lost while the commands ran: the database ended the session")
    return finish(output, code)


def finish(output, code):
    """The lock ends with the session, and the session with this process."""
    output.mark("end", exit_code=code)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
