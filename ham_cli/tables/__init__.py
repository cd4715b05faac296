"""The published tables: strict reading, exact writing back, and what an altered copy changed."""

from ham_cli.tables.reading import MAX_BYTES, NotATableError, kind_of, read
from ham_cli.tables.rows import FACTS, Row, Table, digest, in_order, write

__all__ = ["FACTS", "MAX_BYTES", "NotATableError", "Row", "Table", "digest", "in_order", "kind_of", "read", "write"]
