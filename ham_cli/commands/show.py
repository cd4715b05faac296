"""``ham show``: one image, its row, where it lies, its digest."""

from __future__ import annotations

from typing import Annotated

import typer

from ham_cli.commands.options import Run, command
from ham_cli.errors import WrongUsageError

EXAMPLES = ("ham show ISIC_0024306", "ham show ISIC_0024306 --json | jq -r .result.path")


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "show", examples=EXAMPLES, see=("stats", "verify"))(show)


def show(
    run: Run,
    image_id: Annotated[str, typer.Argument(metavar="IMAGE_ID", help="Such as ISIC_0024306.")],
) -> int:
    """Show one image: its row, its diagnosis in words, where it and its mask lie, its digests.

    Says of an image that is not in the cache what is known of it all the same; asks no server.
    """
    from ham_cli import holdings
    from ham_cli import record as records
    from ham_cli.console.tables import Table

    record = run.record() or records.load()
    run.console.record = record.id
    folder = run.cache.folder(record.id)
    held = holdings.load(record, folder)
    image_id = image_id.removesuffix(".jpg")
    row = held.rows.get(image_id)
    if row is None and record.partition_of(image_id) is None:
        fix = "check the spelling; test images are known after ham fetch test" if not held.has_table("test") else "check the spelling"
        raise WrongUsageError("the record names no such image", expected="an id such as ISIC_0024306", got=image_id, fix=fix)
    published = {"": record.digests.get(f"{image_id}.jpg"), "mask_": record.digests.get(f"{image_id}_segmentation.png")}
    facts: dict[str, object] = dict(row) if row else {"image_id": image_id, "partition": record.partition_of(image_id)}
    for prefix, digest in published.items():
        facts[f"published_{prefix}bytes"] = digest.bytes if digest else None
        facts[f"published_{prefix}sha256"] = digest.sha256 if digest else None
    if row is None:
        facts |= {
            column: held.label(image_id, c) for column, c in (("path", "images"), ("mask_path", "masks")) if held.lies_there(image_id, c)
        }
    for column in ("path", "mask_path"):
        if facts.get(column):
            facts[column] = str(folder.path / str(facts[column]))
    if facts.get("dx"):
        facts["diagnosis"] = record.classes.get(str(facts["dx"]))
    run.console.table(Table("", ("fact", "value"), [(name, value) for name, value in facts.items() if value is not None], is_list=True))
    if row is None:
        run.console.say("its row is not in the cache: ham fetch metadata brings it")
    elif reason := record.not_in_record.get(image_id):
        run.console.say(reason)
    run.console.result = facts
    return 0
