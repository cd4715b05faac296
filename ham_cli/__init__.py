"""HAM10000 on the command line: fetch, verify, split, stats, export over a local cache."""

__version__ = "0.1.0"
