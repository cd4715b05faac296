"""``ham stats --ratings``: the published ratings, checked, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ham_cli.commands import output as outputs
from ham_cli.console import SHOWN
from ham_cli.errors import AccessError, RecordError, UnavailableError, WrongUsageError, from_os_error, quoted, why_unsaved
from ham_cli.findings import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ham_cli.commands.options import Run
    from ham_cli.dataset import Dataset
    from ham_cli.summary.ratings import Answers, Joined, Modality
    from ham_cli.tables.ratings import Ratings

    Row = dict[str, Any]

_NAMED = 3
"""Images that a sentence names."""


def rated(run: Run, dataset: Dataset, output: Path | None, *, seed: int, force: bool) -> int:
    """Check the ratings of the test images, show what they say of those in ``dataset``, and write them down; the exit code.

    3 where something in the file does not fit: it is named, and the rest counts.
    """
    from ham_cli.console.rated import definition, show_faults, tables
    from ham_cli.manifest import Manifest, schemas
    from ham_cli.summary import bootstrap
    from ham_cli.summary import ratings as summary
    from ham_cli.tables.ratings import KINDS

    target = outputs.target(run, output, schemas.ratings(dataset.record.classes).names, "ratings", force=force)
    truth = _truth(dataset)
    asked = _asked(dataset, truth)
    path, ratings, sha256 = _read(dataset)
    joined = summary.joined(ratings, truth, asked, dataset.record.not_in_record)
    modalities, alone = _numbers(ratings, joined, seed)
    _tell(run, ratings)
    _tell_left_out(run, dataset, joined, alone)
    kept = _keep(run, dataset, summary.rows(ratings, truth), ratings, {"file": path.name, "sha256": sha256})
    if target is not None:
        wanted = summary.rows(ratings, truth, None if len(asked) == len(truth) else asked)
        outputs.write(run, target, Manifest(schemas.ratings(ratings.classes), wanted, dataset.record.id))
    show_faults(run.console, ratings.faults, KINDS, f"the column faults of {kept}" if kept else "--json has them all")
    for place, table in enumerate(tables(modalities, alone)):
        if place:
            run.console.out("")
        run.console.table(table)
    said = definition(alone, bootstrap.RESAMPLES, seed)
    run.console.out("\n" + "\n".join(said))
    run.console.result = {"file": str(path), "sha256": sha256, **_fields(ratings, joined, modalities, alone, said, seed)}
    return RecordError.exit_code if ratings.faults else 0


def _fields(
    ratings: Ratings, joined: Joined, modalities: Sequence[Modality], alone: Mapping[str, Answers], said: Sequence[str], seed: int
) -> dict[str, Any]:
    """All of it, as ``--json`` shows it."""
    from ham_cli.summary import bootstrap

    return {
        "rows": len(ratings.rows),
        "bootstrap": {"algorithm": bootstrap.ALGORITHM, "resamples": bootstrap.RESAMPLES, "seed": seed, "level": 0.95},
        "modalities": [one.fields() for one in modalities],
        **{who: found.fields() for who, found in alone.items()},
        "left_out": {
            "rows_set_aside": joined.set_aside,
            "unknown_images": joined.unknown,
            "images_not_in_record": joined.planted,
            "rows_not_asked_for": joined.not_asked,
            "images_without_ratings": joined.unrated,
        },
        "columns_not_read": list(ratings.extra),
        "faults": [vars(fault) for fault in ratings.faults],
        "definition": " ".join(line.strip() for line in said),
    }


def _numbers(ratings: Ratings, joined: Joined, seed: int) -> tuple[list[Modality], dict[str, Answers]]:
    """What people did in each modality and in all, and what machine and crowd say alone."""
    from ham_cli.summary import ratings as summary

    alone = {
        "machine": summary.answers(joined.rated, lambda one: one.model, ratings.classes, seed),
        "crowd": summary.answers(joined.rated, lambda one: one.crowd, ratings.classes, seed),
    }
    modalities = []
    for name in (*ratings.modalities, None):
        some = [one for one in joined.rated if name in (one.modality, None)]
        if some:
            modalities.append(summary.modality(name, some, ratings.classes, alone["machine"].right, seed))
    return modalities, alone


def _truth(dataset: Dataset) -> dict[str, Row]:
    """The whole test truth by image id: the data set may have been narrowed; `UnavailableError` where it is not fetched."""
    from ham_cli import manifest
    from ham_cli.manifest import schemas

    images = manifest.read(dataset.folder.manifest("images"), schemas.IMAGES)
    truth = {row["image_id"]: row for row in images.rows if row["partition"] == "test" and row["in_record"]} if images else {}
    if not truth:
        fix = "ham fetch test --sample 1 brings the table, and one image a class"
        raise UnavailableError("the truth of the test images is not fetched yet, and ratings need it", where=dataset.folder.path, fix=fix)
    return truth


def _asked(dataset: Dataset, truth: Mapping[str, Row]) -> set[str]:
    """The test images that were asked for; `WrongUsageError` where there is none."""
    asked = {row["image_id"] for row in dataset.rows if row["image_id"] in truth}
    if not asked:
        fix = "look at --split, --part, --partition and --only: some test image must be left"
        raise WrongUsageError("the ratings are of test images, and none was asked for", fix=fix)
    return asked


def _read(dataset: Dataset) -> tuple[Path, Ratings, str]:
    """Where the ratings lie, what they are, and their SHA-256: only the very bytes that were fetched are read."""
    from ham_cli import checksum, manifest, tables
    from ham_cli.manifest import schemas
    from ham_cli.tables import ratings

    files = manifest.read(dataset.folder.manifest("files"), schemas.FILES, missing_ok=True)
    row = next((r for r in (files.rows if files else ()) if r["component"] == "ratings" and r["state"] == "have" and r["path"]), None)
    absent = UnavailableError("the ratings are not in the cache", where=dataset.folder.path, fix="ham fetch ratings")
    if row is None:
        raise absent
    path = dataset.folder.path / row["path"]
    try:
        with path.open("rb") as file:
            data = file.read(tables.MAX_BYTES + 1)
    except FileNotFoundError:
        raise absent from None
    except OSError as error:
        raise from_os_error(error, path) from error
    if (got := checksum.sha256(data)) != row["sha256"]:
        fix = "ham verify ratings, and then ham fetch ratings, brings it again"
        raise RecordError("the table of ratings is not the one that was fetched", where=path, expected=row["sha256"], got=got, fix=fix)
    try:
        return path, ratings.read(data, dataset.record), got
    except tables.NotATableError as error:
        fix = "look at the file; ham fetch ratings brings another one from --source"
        raise RecordError("this is no table of ratings that can be read", where=path, got=error, fix=fix) from error


def _tell(run: Run, ratings: Ratings) -> None:
    """Say what is odd about how the file is written."""
    from ham_cli.tables.ratings import MODALITIES

    console = run.console
    for sentence in ratings.odd:
        console.say(sentence)
    if ratings.spelling:
        console.detail(f"the ratings are written with {', '.join(ratings.spelling)}")
    if ratings.extra:
        more = f" and {len(ratings.extra) - SHOWN} more" if len(ratings.extra) > SHOWN else ""
        names = ", ".join(map(quoted, ratings.extra[:SHOWN]))
        console.warn(f"columns that the published ratings have not, and that are not read: {names}{more}")
    for word in ratings.modalities:
        if word not in MODALITIES:
            rows = sum(1 for row in ratings.rows if row.modality == word)
            console.warn(f"{word}, in {counted(rows, 'row')}, is no published interaction_modality: it is counted under its own word")


def _tell_left_out(run: Run, dataset: Dataset, joined: Joined, alone: Mapping[str, Answers]) -> None:
    """Say which images and rows count in no number, where that is no fault of theirs."""
    console = run.console
    if joined.unknown:
        some = ", ".join(list(joined.unknown)[:_NAMED])
        what = f"{counted(len(joined.unknown), 'image')} that the test truth does not name, such as {some}"
        console.warn(f"the ratings are also of {what}: {counted(sum(joined.unknown.values()), 'row')} left out")
    for image_id, rows in joined.planted.items():
        console.say(f"left out: {counted(rows, 'row')} of {image_id}. {dataset.record.not_in_record[image_id]}")
    for who, found in alone.items():
        if found.differing:
            without = f"; of {found.contradicting} also the answer: they count in none" if found.contradicting else ""
            console.warn(f"{who}: the numbers differ between the rows of {counted(found.differing, 'image')}{without}")
    if joined.unrated:
        console.say(f"without ratings: {joined.unrated} of {counted(joined.unrated + len({r.image_id for r in joined.rated}), 'image')}")


def _keep(run: Run, dataset: Dataset, rows: list[Row], ratings: Ratings, source: Mapping[str, str]) -> Path | None:
    """Write the manifest and say where it lies; where it cannot be written, only say so."""
    from ham_cli.summary import ratings as summary

    path = dataset.folder.manifest("ratings")
    try:
        if summary.save_manifest(path, rows, ratings.classes, dataset.record.id, source):
            run.console.say(f"written: {path}")
    except (OSError, AccessError) as error:
        run.console.say(f"the ratings could not be saved in {path.parent}: {why_unsaved(error)}")
        return None
    return path
