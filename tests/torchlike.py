"""A stand-in for torch where there is none: the few functions that are called, over NumPy, and a loader that spawns its workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_TENSOR = """
import numpy

uint8 = numpy.uint8

class Tensor(numpy.ndarray):
    def permute(self, *axes): return self.transpose(axes)
    def contiguous(self): return numpy.ascontiguousarray(self).view(Tensor)
    def float(self): return self.astype(numpy.float32)
    def div(self, number): return self / numpy.float32(number)

def frombuffer(buffer, *, dtype): return numpy.frombuffer(buffer, dtype).view(Tensor)
"""

_LOADER = """
import multiprocessing
import operator

import numpy

class DataLoader:
    def __init__(self, dataset, batch_size=1, shuffle=False, num_workers=0, multiprocessing_context="spawn"):
        self.dataset, self.size, self.workers, self.how = dataset, batch_size, num_workers, multiprocessing_context

    def __iter__(self):
        with multiprocessing.get_context(self.how).Pool(self.workers) as pool:
            items = pool.starmap(operator.getitem, [(self.dataset, n) for n in range(len(self.dataset))])
        for n in range(0, len(items), self.size):
            yield [numpy.stack(column) for column in zip(*items[n : n + self.size])]
"""


def installed(where: Path) -> Path:
    """The folder with a package ``torch`` in it, to be put on Python's path."""
    (where / "torch" / "utils").mkdir(parents=True)
    for name, text in {"__init__": _TENSOR, "utils/__init__": "", "utils/data": _LOADER}.items():
        (where / "torch" / f"{name}.py").write_text(text, encoding="utf-8")
    return where
