"""What `ham report` asks of the work modules, one after the other; the page is given values alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ham_cli.errors import UnavailableError
from ham_cli.findings import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ham_cli.commands.options import Run
    from ham_cli.dataset import Dataset, Split
    from ham_cli.splits.checking.report import Leak, Report
    from ham_cli.summary.measuring import Measuring
    from ham_cli.summary.page.given import Balance, Checked, Given, Measured

_MOST = 12
"""Pairs of sides that the page shows; of more the worst."""


def gathered(run: Run, dataset: Dataset, split: Dataset | None, name: str | None, jobs: int) -> Given:
    """Everything that the page is made from."""
    from ham_cli import holdings, manifest
    from ham_cli.manifest import schemas
    from ham_cli.summary.page.given import Given

    record, folder = dataset.record, dataset.folder
    joined = split.joined if split is not None else None
    pixels = _pixels(run, dataset, jobs)
    return Given(
        dataset=dataset,
        split=split,
        files=tuple(holdings.load(record, folder).files.values()),
        verification=manifest.read(folder.manifest("verification"), schemas.VERIFICATION, missing_ok=True, damaged_ok=True),
        pixels=pixels,
        learnt=_learnt(run, split, pixels, jobs) if split is not None else None,
        masks=_masks(run, dataset, jobs),
        balance=_balance(joined, shown_name(str(name))) if joined else None,
        checked=_checked(run, dataset, joined, jobs) if joined else None,
    )


def shown_name(name: str) -> str:
    """A split's name, or its file's without the folders, which are nobody's business."""
    return Path(name).name


def _train(dataset: Dataset) -> Dataset:
    """The images that the page is about."""
    train = dataset.partition("train")
    return train if train.rows else dataset


def _pixels(run: Run, dataset: Dataset, jobs: int) -> Measured:
    from ham_cli.summary import pixels

    return _measured(run, pixels.measuring(_train(dataset), jobs))


def _learnt(run: Run, split: Dataset, known: Measured, jobs: int) -> Measured | None:
    """The pixels of the train part, which mostly are ``known``; ``None`` where the split has no such part."""
    from ham_cli.summary import pixels
    from ham_cli.summary.page.given import Measured

    if any(row["split"] is None for row in split.rows):
        return None  # folds, of which none is held out
    train = split.part("train")
    if not train.rows:
        return None
    held = [row for row in train.rows if row["in_record"]]
    ids = {row["image_id"] for row in held}
    rows = tuple(row for row in known.rows if row["image_id"] in ids)
    wrong = tuple(finding for finding in known.wrong if finding.image_id in ids)
    here = sum(1 for row in held if row["path"])
    if here == len(rows) + len(wrong):
        return Measured(rows, len(ids) - here, wrong)
    return _measured(run, pixels.measuring(train, jobs))


def _masks(run: Run, dataset: Dataset, jobs: int) -> Measured | None:
    """What was measured of the masks; ``None``, and said, where a library for it is missing."""
    from ham_cli.extras import NotInstalledError
    from ham_cli.summary import masks

    try:
        measuring = masks.measuring(_train(dataset), jobs)
    except NotInstalledError as error:
        run.console.say(f"the page is without the masks: {error.what} ({error.expected}); {error.fix}")
        return None
    return _measured(run, measuring)


def _measured(run: Run, measuring: Measuring) -> Measured:
    from ham_cli.console.bars import watch
    from ham_cli.summary.page.given import Measured

    watch(measuring.run(), run.console)
    return Measured(tuple(measuring.rows), measuring.missing, tuple(measuring.wrong))


def _balance(split: Split, name: str) -> Balance:
    """How far a split is from its shares, and on what results are thin."""
    from ham_cli.splits import quality
    from ham_cli.splits.doubt import HARDLY
    from ham_cli.summary.page.given import Balance

    parts = tuple(dict.fromkeys(sorted(split.parts.values())))
    found = quality(split, parts, _weights(split, parts))
    off = {(share.dx, share.part): share.off for share in (*found.shares, *found.totals) if share.off is not None}
    thin = []
    for where, few in found.thin.items():
        some = ", ".join(f"{one.dx} \u00b1{one.half_width:.2f} ({one.lesions})" for one in few if one.lesions >= HARDLY)
        hardly = ", ".join(f"{one.dx} ({one.lesions})" for one in few if one.lesions < HARDLY)
        if some:
            thin.append(f"How uncertain a recall of 0.75 in {where} is, as half of its 95 % interval, with the lesions: {some}.")
        if hardly:
            thin.append(f"Too few lesions in {where} to say how uncertain a recall is: {hardly}.")
    return Balance(name, split.labels, off, tuple(thin))


def _weights(split: Split, parts: tuple[str, ...]) -> Mapping[str, int]:
    """The weights of the parts that were shared out, as the split's file says; none where it says nothing that fits."""
    try:
        said = json.loads(split.labels.get("options", "{}"))
        weights = dict.fromkeys(map(str, range(said["folds"])), 1) if said.get("folds") else dict(said["ratios"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}
    fits = weights and set(weights) <= set(parts) and all(type(n) is int and n > 0 for n in weights.values())
    return weights if fits else {}


def _checked(run: Run, dataset: Dataset, split: Split, jobs: int) -> Checked | str:
    """The split held against the record, or why it cannot be."""
    from ham_cli.console.bars import watch
    from ham_cli.splits.checking import foreign
    from ham_cli.splits.checking.held import held_against, require_lesions
    from ham_cli.splits.checking.remarks import of_images
    from ham_cli.splits.checking.twins import Twins

    try:
        require_lesions(dataset)
    except UnavailableError as error:
        return error.what
    entries = tuple(foreign.Entry(i, i, part, "split", None) for i, part in split.parts.items())
    read = foreign.Foreign(entries, tuple(sorted(set(split.parts.values()))), ())
    twins = Twins(dataset, read, jobs)
    watch(twins.run(), run.console)
    report = held_against(dataset, entries, read.sides, twins.by_key(entries))
    notes = list(of_images(dataset, report))
    if report.missing:
        notes.append(f"{counted(len(report.missing), 'training image')} on no side, such as {report.missing[0]}")
    return _told(report, tuple(notes))


def _told(report: Report, remarks: tuple[str, ...]) -> Checked:
    """A report as the page takes it."""
    from ham_cli.splits.checking.verdict import verdict
    from ham_cli.summary.page.given import Checked, Crossing

    shared = {pair.sides: pair for pair in report.pairs} | {pair.sides[::-1]: pair for pair in report.pairs}
    worst = sorted(report.leaks, key=lambda leak: -leak.share)[:_MOST] if len(report.leaks) > _MOST else report.leaks
    crossings = []
    for leak in worst:
        pair = shared[leak.side, str(leak.against)]
        counts = (pair.images, pair.identical, pair.lesions, pair.duplicates)
        crossings.append(Crossing(_side(leak.side), _side(str(leak.against)), *counts, leak.images, leak.of))
    judged = _judged(report)
    classes = {dx: (n, of) for leak in judged for dx in leak.dx for n, of in (_summed(judged, dx),)}
    title = "all evaluated sides" if len(judged) == len(report.rest) > 1 else " and ".join(_side(leak.side) for leak in judged)
    return Checked(verdict(report), report.leaking, tuple(crossings), len(report.leaks), title, classes, remarks)


def _side(name: str) -> str:
    return f"fold {name}" if name.isdigit() else name


def _judged(report: Report) -> tuple[Leak, ...]:
    """Of which sides the page counts by class: the test where it leaks, or else every side that does."""
    leaking = tuple(leak for leak in report.rest if leak.images)
    return tuple(leak for leak in leaking if leak.side == "test") or leaking


def _summed(leaks: tuple[Leak, ...], dx: str) -> tuple[int, int]:
    counts = [leak.dx.get(dx, (0, 0)) for leak in leaks]
    return sum(n for n, _ in counts), sum(of for _, of in counts)
