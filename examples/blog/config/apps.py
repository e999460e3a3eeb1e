"""Start-up of the project as a whole."""

import sys

from django.apps import AppConfig
from django.conf import settings
from django.db.backends.signals import connection_created


def limit_statements(connection, **_):
    """Gives every new connection a statement timeout, so that one slow query cannot hold a worker for ever."""
    if connection.vendor != "postgresql" or settings.DB_STATEMENT_TIMEOUT_MS <= 0:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, false)", [str(settings.DB_STATEMENT_TIMEOUT_MS)])


class ProjectConfig(AppConfig):
    name = "config"
    verbose_name = "Project"

    def ready(self):
        # Building an index may take its time.
        if "migrate" not in sys.argv[1:2]:
            connection_created.connect(limit_statements, dispatch_uid="limit_statements")
