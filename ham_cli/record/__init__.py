"""The record: a published data set, pinned. What it is, and how one is read."""

from ham_cli.record.model import (
    COMPONENTS,
    FOLDERS,
    PARTITION,
    PARTITIONS,
    TABLED,
    Counts,
    Digest,
    PublishedFile,
    Record,
    TableForm,
    file_name,
)
from ham_cli.record.reading import PUBLISHED, load, load_foreign

__all__ = [
    "COMPONENTS",
    "FOLDERS",
    "PARTITION",
    "PARTITIONS",
    "PUBLISHED",
    "TABLED",
    "Counts",
    "Digest",
    "PublishedFile",
    "Record",
    "TableForm",
    "file_name",
    "load",
    "load_foreign",
]
