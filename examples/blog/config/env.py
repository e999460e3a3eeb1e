"""Typed reading of environment variables. Every error names the variable."""

import os

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def text(name, default=None):
    """The variable's value; without a default, a missing or empty one is an error."""
    value = os.environ.get(name, "")
    if value:
        return value
    if default is None:
        raise ImproperlyConfigured(f"the environment variable {name} is not set")
    return default


def integer(name, default):
    value = os.environ.get(name, "")
    try:
        return int(value) if value else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}, not a whole number") from None


def flag(name, default):
    value = os.environ.get(name)
    if value is None:
        return default
    if value.lower() in TRUE:
        return True
    if value.lower() in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}; it takes true or false")


def items(name, default=""):
    """A list separated by commas; blanks around an item do not count."""
    return [item.strip() for item in os.environ.get(name, default).split(",") if item.strip()]
