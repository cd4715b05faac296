"""What is killed: a command each, with what it begins on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """A command that writes."""

    name: str
    words: tuple[str, ...]
    """What is typed; ``SOURCE``, ``RECORD``, ``SERVED`` and ``OUT`` stand for places."""
    empty: bool = False
    """Whether it begins on an empty cache; else on one that has everything, fetched from the servers."""
    spoiled: bool = False
    """Whether some images of that cache are altered, cut short or gone, and the command mends them from the servers."""

    def typed(self, places: dict[str, str]) -> list[str]:
        """What is typed, with the places filled in."""
        filled = []
        for word in self.words:
            name, _, rest = word.partition("/")
            filled.append(f"{places[name]}/{rest}".rstrip("/") if name in places else word)
        return filled


TRAIN = ("--partition", "train")

# A further command that writes is one line here.
COMMANDS = (
    Command("fetch from a folder", ("fetch", "--source", "SOURCE", "--record", "RECORD"), empty=True),
    Command("fetch from servers", ("fetch", "--record", "SERVED"), empty=True),
    Command("verify", ("verify",)),
    Command("verify --repair", ("verify", "--repair"), spoiled=True),
    Command("split", ("split", "--name", "s", "-o", "OUT/s.parquet")),
    Command("stats --pixels", ("stats", "--pixels")),
    Command("stats --masks", ("stats", "--masks")),
    Command("export webdataset", ("export", "webdataset", "OUT/export", *TRAIN, "--shard-size", "7")),
    Command("export imagefolder", ("export", "imagefolder", "OUT/export", *TRAIN, "--size", "32", "--masks")),
)
