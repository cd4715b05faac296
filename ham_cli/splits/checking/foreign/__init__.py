"""What somebody else wrote down, or laid out in folders, about which image is on which side."""

from ham_cli.splits.checking.foreign.columns import Asked
from ham_cli.splits.checking.foreign.model import Entry, File, Foreign, Source
from ham_cli.splits.checking.foreign.names import ImageIds
from ham_cli.splits.checking.foreign.reading import Reading

__all__ = ["Asked", "Entry", "File", "Foreign", "ImageIds", "Reading", "Source"]
