#!/usr/bin/env python
"""Django's command line, with the product's own commands."""

import os
import sys

from django.core.management import execute_from_command_line

from config import embedded

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if embedded.is_bundled():
        embedded.ensure_postgres()
    execute_from_command_line(sys.argv)
