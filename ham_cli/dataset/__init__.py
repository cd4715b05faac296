"""The data set: the cache as one table, joined with a split, filtered, grouped."""

from ham_cli.dataset.opening import open_dataset
from ham_cli.dataset.pictures import Picture, Pictures
from ham_cli.dataset.split import Split, read_split, write_split
from ham_cli.dataset.table import ADDED, Dataset

__all__ = ["ADDED", "Dataset", "Picture", "Pictures", "Split", "open_dataset", "read_split", "write_split"]
