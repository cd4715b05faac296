"""Exports: one module a format, one table of formats."""

from __future__ import annotations

from ham_cli.exporters import coco, croissant, hf, imagefolder, isic, npz, tabular, tfds, webdataset, yolo

_MODULES = (tabular, imagefolder, hf, webdataset, coco, npz, isic, croissant, yolo, tfds)

FORMATS = {one.FORMAT.name: one.FORMAT for one in _MODULES}
"""Every format by its name, in the order of ``ham export --help``."""
