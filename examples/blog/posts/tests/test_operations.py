"""What operating the service relies on: liveness, migrations, settings from the environment."""

import os
import subprocess
import sys
from io import StringIO
from unittest.mock import patch

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection
from django.test import SimpleTestCase, TestCase, TransactionTestCase
from health_check.contrib.redis.backends import RedisHealthCheck

from config import env


class LivenessTests(SimpleTestCase):
    def test_answers_any_host_name(self):
        response = self.client.get("/livez/", headers={"host": "10.0.3.17"})
        self.assertEqual((response.status_code, response.content), (200, b"ok\n"))

    def test_other_paths_keep_host_validation(self):
        with self.assertLogs("django.security.DisallowedHost", "ERROR"):
            self.assertEqual(self.client.get("/", headers={"host": "10.0.3.17"}).status_code, 400)

    def test_is_for_reading(self):
        self.assertEqual(self.client.post("/livez/").status_code, 404)


class HealthTests(TestCase):
    def test_reports_components_and_fails_without_redis(self):
        # Unit tests have no Redis: that component must say so, and the others must be well.
        nowhere = patch.object(RedisHealthCheck, "redis_url", "redis://127.0.0.1:1/0")
        with nowhere, self.assertLogs("health-check", "ERROR"):
            response = self.client.get("/ht/?format=json")
        report = response.json()
        self.assertEqual(response.status_code, 500)
        self.assertEqual(report["MigrationsHealthCheck"], "working")
        self.assertEqual(report["Cache backend: default"], "working")
        self.assertEqual(report["DatabaseBackend"], "working")
        self.assertIn("unavailable", report["RedisHealthCheck"])


class MigrationTests(TransactionTestCase):
    def test_nothing_is_left_to_generate(self):
        call_command("makemigrations", check=True, dry_run=True, stdout=StringIO())

    def test_every_migration_can_be_undone(self):
        try:
            call_command("migrate", "posts", "zero", verbosity=0)
            self.assertNotIn("posts_post", connection.introspection.table_names())
        finally:
            call_command("migrate", verbosity=0)
        self.assertIn("posts_post", connection.introspection.table_names())

    def test_the_former_release_can_insert_after_the_newest_migration(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO posts_post (title, slug, body, created_at, updated_at)"
                " VALUES ('Old', 'old', 'Text', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)"
            )
            cursor.execute("SELECT comment_count, published_at FROM posts_post WHERE slug = 'old'")
            self.assertEqual(cursor.fetchone(), (0, None))


class DatabaseTests(TestCase):
    def test_statements_have_a_time_limit_on_postgres(self):
        if connection.vendor != "postgresql":
            self.skipTest("SQLite has no statement timeout; CI runs this on Postgres")
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            self.assertEqual(cursor.fetchone()[0], f"{settings.DB_STATEMENT_TIMEOUT_MS // 1000}s")


class EnvironmentTests(SimpleTestCase):
    def test_values(self):
        values = {"A": "1", "B": "no", "C": " a, ,b", "D": ""}
        with patch.dict(os.environ, values):
            self.assertEqual(env.integer("A", 5), 1)
            self.assertIs(env.flag("A", False), True)
            self.assertIs(env.flag("B", True), False)
            self.assertEqual(env.items("C"), ["a", "b"])
            self.assertEqual(env.text("D", "default"), "default")
            self.assertEqual(env.integer("D", 5), 5)
            self.assertIs(env.flag("NOT_SET", True), True)

    def test_errors_name_the_variable(self):
        with patch.dict(os.environ, {"BROKEN": "perhaps"}):
            for call in [
                lambda: env.integer("BROKEN", 1),
                lambda: env.flag("BROKEN", True),
            ]:
                with self.assertRaisesMessage(ImproperlyConfigured, "BROKEN"):
                    call()
        with self.assertRaisesMessage(ImproperlyConfigured, "NOT_SET"):
            env.text("NOT_SET")


class ProductionSettingsTests(SimpleTestCase):
    def run_with(self, code, **variables):
        clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return subprocess.run(
            [sys.executable, "-c", f"import django; django.setup(); from django.conf import settings; {code}"],
            env={**clean, "DJANGO_SETTINGS_MODULE": "config.settings.prod", **variables},
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def test_without_a_secret_key_there_is_no_start(self):
        result = self.run_with("pass")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("DJANGO_SECRET_KEY is not set", result.stderr)

    def test_settings_come_from_the_environment(self):
        result = self.run_with(
            "print(settings.DEBUG, settings.ALLOWED_HOSTS, settings.REDIS_URL, settings.SESSION_COOKIE_SECURE,"
            " repr(settings.ADMIN_PATH))",
            DJANGO_SECRET_KEY="x" * 60,
            DJANGO_ALLOWED_HOSTS="blog.example.com, .elasticbeanstalk.com",
            REDIS_HOST="cache",
            REDIS_PASSWORD="p@ss/w:rd",
            REDIS_TLS="true",
            DEBUG="true",
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(
            result.stdout.strip(),
            "False ['blog.example.com', '.elasticbeanstalk.com']"
            " rediss://:p%40ss%2Fw%3Ard@cache:6379/0?socket_connect_timeout=3&socket_timeout=3 True ''",
        )
