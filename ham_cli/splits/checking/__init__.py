"""Somebody's split held against the record: read, compared, reported."""
