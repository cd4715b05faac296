"""A split held against the record: what lies on two sides, what is unknown, missing or thin."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from ham_cli.errors import UnavailableError
from ham_cli.groups import groups
from ham_cli.record import PARTITIONS
from ham_cli.splits.checking.foreign.names import order
from ham_cli.splits.checking.report import WHY, Kind, Leak, Pair, Report, Side

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ham_cli.dataset import Dataset
    from ham_cli.splits.checking.foreign import Entry

Row = dict[str, Any]

_PLACES = {"test": 3, "validation": 2, "train": 0}
"""How much depends on a side; folds and other words are 1."""

UNKNOWN = "(unknown)"
"""Where the class of an image would stand."""


def held_against(dataset: Dataset, entries: Iterable[Entry], sides: Iterable[str], digests: Mapping[str, set[str]]) -> Report:
    """What is known of entries on sides, by a data set's lesions and by digests of images.

    ``digests`` has those of an image by its key, where it has any. Raises `UnavailableError` where the data set
    names no lesions.
    """
    require_lesions(dataset)
    return _Holding(dataset, tuple(entries), sorted(sides, key=order), digests).report()


def require_lesions(dataset: Dataset) -> None:
    """Raise `UnavailableError` where training images have no lesion ids, or there are none: nothing could be said."""
    train = [row for row in dataset.rows if row["in_record"] and row["partition"] == "train"]
    nameless = sum(1 for row in train if row["lesion_id"] is None)
    if nameless or not train:
        raise UnavailableError(
            "a check needs the lesion ids of the training images",
            where=dataset.folder.path,
            got=f"{nameless} of {len(train)} images without one" if train else "no table of the training images",
            fix="ham fetch metadata" + (" with a --source that has the record's own table" if train else ""),
        )


def evaluating(a: str, b: str) -> tuple[str, ...]:
    """Which of two sides is evaluated against the other: test before validation before others before train, or both."""
    first, second = _PLACES.get(a, 1), _PLACES.get(b, 1)
    return (a, b) if first == second else (a,) if first > second else (b,)


class _Holding:
    """Images on sides, with what the record knows of each."""

    def __init__(self, dataset: Dataset, entries: tuple[Entry, ...], sides: list[str], digests: Mapping[str, set[str]]) -> None:
        self.dataset, self.entries, self.sides, self.digests = dataset, entries, sides, digests
        self.known = {row["image_id"]: row for row in dataset.rows if row["in_record"]}
        on: dict[str, dict[str, list[Entry]]] = {side: {} for side in sides}
        for entry in entries:
            on[entry.side].setdefault(entry.key, []).append(entry)
        self.on = on
        """Side to its images' keys and entries."""
        self.where: defaultdict[str, set[str]] = defaultdict(set)
        """Image key to its sides."""
        for side, found in on.items():
            for key in found:
                self.where[key].add(side)
        self.identical = self._identical()
        self.dx = {key: str(self._row(key).get("dx", UNKNOWN)) for key in self.where}
        self.partition = {key: self._partition(key) for key in self.where}
        self.whole = Counter(self.dx.values())
        # An unknown image may have the name of a lesion: no lesion's begins with a NUL.
        own = {key: self._row(key).get("group") or f"\0{key}" for key in self.where}
        twins = [pair for keys in self.identical for pair in itertools.pairwise(keys)]
        self.groups = groups(own, twins)
        self.members = self._members()

    def report(self) -> Report:
        """All of it."""
        pairs = list(itertools.combinations(self.sides, 2))
        # What would be trained on first, and against it the side on which most depends.
        directed = [(side, a if side == b else b) for a, b in pairs for side in evaluating(a, b)]
        directed.sort(key=lambda two: (order(two[1]), -_PLACES.get(two[0], 1), order(two[0])))
        evaluators = {side for side, _ in directed}
        crossing, leaking, rows = self._crossing()
        leaks = tuple(self._leak(side, other, leaking[side, other]) for side, other in directed)
        anywhere = {side: {key for one, other in directed if one == side for key in leaking[one, other]} for side in evaluators}
        named = {row["image_id"] for row in self.dataset.rows if row["in_record"] and row["partition"] == "train"}
        unknown = sorted(key for key in self.where if self.partition[key] is None)
        return Report(
            sides=tuple(self._side(side, evaluates=side in evaluators) for side in self.sides),
            pairs=tuple(
                Pair((a, b), *(crossing[a, b][kind] for kind in ("images", "lesions", "duplicates", "identical"))) for a, b in pairs
            ),
            leaks=leaks,
            rest=tuple(self._leak(side, None, anywhere[side]) for side in self.sides if side in evaluators),
            partitions=self._partitions(),
            held=self._held(self.where),
            pairs_known=len(self.dataset.record.duplicate_pairs),
            unknown=tuple(unknown),
            planted=tuple(key for key in unknown if key in self.dataset.record.not_in_record),
            missing=tuple(sorted(named.difference(self.where))),
            repeated=self._repeated(),
            several={key: tuple(sorted(sides, key=order)) for key, sides in sorted(self.where.items()) if len(sides) > 1},
            identical=tuple(keys for keys in self.identical if len({side for key in keys for side in self.where[key]}) > 1),
            unjudged=self._unjudged(),
            rows=tuple(sorted(rows, key=lambda row: tuple(str(row[name]) for name in ("side", "image_id", "place")))),
        )

    def _row(self, key: str) -> Row:
        return self.known.get(key, {})

    def _partition(self, key: str) -> str | None:
        row = self.known.get(key)
        return row["partition"] if row else self.dataset.record.partition_of(key)

    def _identical(self) -> list[tuple[str, ...]]:
        """Different images of one digest, each sorted."""
        by_digest: defaultdict[str, set[str]] = defaultdict(set)
        for key in self.where:
            for digest in self.digests.get(key, ()):
                by_digest[digest].add(key)
        return sorted({tuple(sorted(keys)) for keys in by_digest.values() if len(keys) > 1})

    def _members(self) -> dict[str, dict[str, list[str]]]:
        """Groups on several sides: their images by side."""
        found: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for side in self.sides:
            for key in self.on[side]:
                found[self.groups[key]][side].append(key)
        return {group: dict(by_side) for group, by_side in found.items() if len(by_side) > 1}

    def _crossing(self) -> tuple[dict[tuple[str, str], Counter[str]], dict[tuple[str, str], set[str]], list[Row]]:
        """By two sides what crosses; by side and other side the images that leak; a row for each naming of one."""
        crossing: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        leaking: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        rows: list[Row] = []
        for by_side in self.members.values():
            for a, b in itertools.combinations(sorted(by_side, key=order), 2):
                crossing[a, b].update(self._shared(by_side[a], by_side[b]))
                leaking[a, b].update(by_side[a])
                leaking[b, a].update(by_side[b])
            for side, keys in by_side.items():
                others = [other for other in sorted(by_side, key=order) if other != side and side in evaluating(side, other)]
                beside = sorted({key for other in others for key in by_side[other]})
                rows += [row for key in keys if others for row in self._rows(key, side, others, beside)]
        return crossing, leaking, rows

    def _shared(self, mine: list[str], others: list[str]) -> dict[str, int]:
        """What the images of one group have in common on two sides."""
        images = set(mine) & set(others)
        lesions = self._lesions(mine) & self._lesions(others)
        digests = {d for key in mine for d in self.digests.get(key, ())} & {d for key in others for d in self.digests.get(key, ())}
        different = [d for d in digests if self._with(d, mine) | self._with(d, others) > self._with(d, images)]
        duplicates = not images and not lesions and not digests
        return {"images": len(images), "lesions": len(lesions), "duplicates": int(duplicates), "identical": len(different)}

    def _lesions(self, keys: Iterable[str]) -> set[str]:
        return {str(lesion) for key in keys if (lesion := self._row(key).get("lesion_id"))}

    def _with(self, digest: str, keys: Iterable[str]) -> set[str]:
        return {key for key in keys if digest in self.digests.get(key, ())}

    def _rows(self, key: str, side: str, others: list[str], beside: list[str]) -> list[Row]:
        why, match = self._why(key, beside)
        row = self._row(key)
        facts: Row = {"image_id": key, "side": side, "other_sides": ", ".join(others), "why": why, "other_image": match}
        facts |= {name: row.get(name) for name in ("dx", "lesion_id", "group")}
        return [facts | {"label": entry.label, "place": entry.place} for entry in self.on[side][key]]

    def _why(self, key: str, others: list[str]) -> tuple[str, str]:
        """The strongest reason why an image leaks, and the image on another side that it is beside."""
        if key in others:
            return WHY[0], key
        mine, lesion = self.digests.get(key, set()), self._row(key).get("lesion_id")
        for other in others:
            if mine & self.digests.get(other, set()):
                return WHY[1], other
        for other in others:
            if lesion and self._row(other).get("lesion_id") == lesion:
                return WHY[2], other
        return WHY[3], others[0]

    def _leak(self, side: str, against: str | None, leaking: set[str]) -> Leak:
        whole = Counter(self.dx[key] for key in self.on[side])
        some = Counter(self.dx[key] for key in leaking)
        return Leak(side, against, len(leaking), len(self.on[side]), {dx: (some[dx], whole[dx]) for dx in sorted(whole)})

    def _held(self, keys: Iterable[str]) -> dict[str, int]:
        count = Counter(self.partition[key] for key in keys)
        return {partition: count[partition] for partition in self._partitions()}

    def _partitions(self) -> dict[str, int | None]:
        """The record's images by partition, where its table or the record itself names them."""
        record = self.dataset.record
        tabled = {row["partition"] for row in self.known.values()}
        named = tabled | ({"validation"} if record.validation_ids else set())
        return {name: record.partitions[name].images if name in named else None for name in PARTITIONS if name in record.partitions}

    def _side(self, side: str, *, evaluates: bool) -> Side:
        keys = self.on[side]
        by_class: defaultdict[str, list[str]] = defaultdict(list)
        for key in keys:
            by_class[self.dx[key]].append(key)
        kinds = {dx: self._kind(by_class[dx]) for dx in self.dataset.record.classes}
        known = [key for key in keys if self.partition[key] is not None]
        return Side(
            side, len(keys), self._kind(known).lesions, len(keys) - len(known), self._held(keys), kinds, evaluates, self._deviation(kinds)
        )

    def _kind(self, keys: Iterable[str]) -> Kind:
        some = list(keys)
        nameless = any(not self._row(key).get("lesion_id") for key in some)
        return Kind(len(some), None if nameless else len(self._lesions(some)))

    def _deviation(self, kinds: Mapping[str, Kind]) -> tuple[str, float] | None:
        total, mine = sum(self.whole[dx] for dx in kinds), sum(kind.images for kind in kinds.values())
        if not mine:
            return None
        off = {dx: 100 * (kind.images / mine - self.whole[dx] / total) for dx, kind in kinds.items()}
        dx = min(off, key=lambda name: (-round(abs(off[name]), 6), name))
        return dx, off[dx]

    def _repeated(self) -> dict[str, dict[str, int]]:
        found = {side: {key: len(some) for key, some in sorted(keys.items()) if len(some) > 1} for side, keys in self.on.items()}
        return {side: keys for side, keys in found.items() if keys}

    def _unjudged(self) -> bool:
        """Whether some side has training images, and another one of other partitions."""
        held = [{self.partition[key] for key in keys} - {None} for keys in self.on.values()]
        return any("train" in a and b - {"train"} for a, b in itertools.permutations(held, 2))
