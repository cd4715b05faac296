"""Exports: one module a format, one table of formats."""

from __future__ import annotations

from ham_cli.exporters import imagefolder, tabular, webdataset

FORMATS = {one.name: one for one in (tabular.FORMAT, imagefolder.FORMAT, webdataset.FORMAT)}
"""Every format by its name, in the order of ``ham export --help``."""
