"""The cache, or any folder, held against the record."""
