"""The Parquet tables: read, written, digested."""

from ham_cli.layout import Row
from ham_cli.manifest.model import Manifest, arrow_schema, sorted_rows
from ham_cli.manifest.reading import column_names, read, read_foreign, text_columns
from ham_cli.manifest.writing import write

__all__ = ["Manifest", "Row", "arrow_schema", "column_names", "read", "read_foreign", "sorted_rows", "text_columns", "write"]
