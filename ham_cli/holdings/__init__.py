"""What a cache holds of a record, as its manifests and its folders tell."""

from ham_cli.holdings.model import IMAGE_COLUMNS, MASK_COLUMNS, Holdings, Row
from ham_cli.holdings.reading import forget_vanished, load

__all__ = ["IMAGE_COLUMNS", "MASK_COLUMNS", "Holdings", "Row", "forget_vanished", "load"]
