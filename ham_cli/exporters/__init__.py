"""Exports: one module a format, one table of formats."""

from __future__ import annotations

from ham_cli.exporters import imagefolder, tabular

FORMATS = {"csv": tabular.plan, "imagefolder": imagefolder.plan}
"""Format to the function that says what files it consists of."""
