"""``ham score``: predictions held against the test truth, as the challenge does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ham_cli.commands import output as outputs
from ham_cli.commands.choice import loaded
from ham_cli.commands.options import Run, absolute, command
from ham_cli.errors import UnavailableError, WrongUsageError
from ham_cli.findings import counted

if TYPE_CHECKING:
    from ham_cli.dataset import Dataset
    from ham_cli.summary.score import Predictions, Score, Truth

STDIN = "-"

EXAMPLES = (
    "ham score predictions.csv",
    "ham score predictions.csv -o scored.parquet   # a row an image",
    "ham score predictions.csv --json | jq .result.balanced_accuracy",
    "python predict.py | ham score -",
    "ham fetch test --sample 1    # the truth, with a few images only",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    codes = {4: "the test truth is not fetched yet: ham fetch test --sample 1"}
    command(app, "score", examples=EXAMPLES, codes=codes, see=("export isic", "stats"))(score)


def score(
    run: Run,
    predictions: Annotated[
        str,
        typer.Argument(
            metavar="PREDICTIONS", show_default=False, help="A CSV: image and the seven classes, a row a test image; - reads stdin."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            readable=False,
            show_default=False,
            help="Write the scored images here, as .parquet or .csv.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Of the intervals: another seed is another resampling.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="With -o: write also over what is no table of scored images.")] = False,
) -> int:
    """Score predictions for the test images by balanced multi-class accuracy, as ISIC 2018 task 3 does.

    Takes image,MEL,NV,BCC,AKIEC,BKL,DF,VASC in any order, values from 0 to 1, images with or without .jpg. The highest
    value is the prediction, a tie is wrong, and the image that has weight 0 may be there or not. Says recall,
    precision and AUC of each class, and how sure they are. Needs only the test truth, no image.
    """
    from ham_cli.summary import score as scoring
    from ham_cli.summary.score import saving

    dataset = _loaded(run)
    truth = scoring.truth_of(dataset)
    given = None if predictions == STDIN else _path(predictions)
    target = _target(run, output, given, truth, force=force)
    read = _read(given, truth)
    found = scoring.measured(truth, read, seed)
    for sentence in dataset.altered:
        run.console.warn(sentence)
    notes = _notes(truth, read, found)
    if target is not None:
        outputs.write(run, target, saving.manifest_of(truth, read))
    _tell(run, found, notes)
    run.console.result = {
        "read": {"name": "stdin" if given is None else str(given), "rows": read.rows, "left_out": list(read.left_out)},
        **found.fields(),
        "notes": notes,
        "file": None if target is None else str(target),
    }
    return 0


def _loaded(run: Run) -> Dataset:
    """The data set of the cache; where it is empty the error says how to get the truth, not the training table."""
    from ham_cli.summary.score.truth import FIX

    try:
        return loaded(run)
    except UnavailableError as error:
        raise UnavailableError(error.what, where=error.where, fix=FIX) from error


def _path(text: str) -> Path:
    if not text.strip():
        raise WrongUsageError("PREDICTIONS is empty", expected="a file, or - for stdin", fix="is the variable that names it set?")
    return absolute(Path(text))


def _target(run: Run, output: Path | None, given: Path | None, truth: Truth, *, force: bool) -> Path | None:
    """The file for the scored images; `WrongUsageError` where it would write over something else, or over what is scored."""
    from ham_cli.manifest import schemas

    outputs.require_other(output, [given] if given else [], "scored")
    return outputs.target(run, output, schemas.scores(truth.classes).names, "scored images", force=force)


def _read(given: Path | None, truth: Truth) -> Predictions:
    from ham_cli.summary.score import predictions, source

    expected = predictions.wanted(truth)
    if given is None:
        return predictions.read(source.load_stream(getattr(sys.stdin, "buffer", None), expected), truth)
    return predictions.read(source.load(given, expected), truth)


def _notes(truth: Truth, read: Predictions, found: Score) -> list[str]:
    """What to know beside the numbers, a sentence each."""
    from ham_cli.summary.bootstrap import RESAMPLES
    from ham_cli.summary.score.measure import FEW

    notes = []
    if read.left_out:
        notes.append(f"{', '.join(read.left_out)} is left out: weight 0, as in the official scorer, and not in this record")
    elif truth.planted:
        rows, named = counted(read.rows, "row"), ", ".join(truth.planted)
        notes.append(f"{rows}: the official scorer also wants one for {named}, to which it gives weight 0; the score is the same")
    if read.refused:
        notes.append(f"taken as it is; the official scorer wants {'; '.join(read.refused)}")
    what = "lesions" if truth.has_lesions else "images, as this truth names no lesions"
    notes.append(f"by argmax, ties wrong; intervals: percentiles of {RESAMPLES} resamples of {what}, seed {found.seed}")
    if found.narrow:
        notes.append(f"too narrow an interval, as fewer than {FEW} images of the class are right, or wrong: {', '.join(found.narrow)}")
    return notes


def _tell(run: Run, found: Score, notes: list[str]) -> None:
    """Show the number, the tables, and on stderr what to know beside them."""
    from ham_cli.console.scored import headline, tables

    for line in headline(found):
        run.console.out(line)
    for table in tables(found):
        run.console.out("")
        run.console.table(table)
    for note in notes:
        run.console.say(note)
