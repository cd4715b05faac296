"""What is still to come, and which files of a source would bring it: decided from what is known, without asking anyone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ham_cli.record import PARTITION, TABLED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.holdings import Holdings
    from ham_cli.record import PublishedFile
    from ham_cli.selection import Selection

SMALL = 16 << 20
"""Bytes of a zip that is not worth being read in parts."""


@dataclass(frozen=True)
class Want:
    """One thing to bring."""

    component: str
    is_table: bool
    """Its table; else its images or masks."""


def wants(components: Sequence[str], state: Holdings, wish: Selection) -> list[Want]:
    """What these components lack, small things first; images and masks want the table that names them."""
    tabled = [c for c in state.record.components if c in components and (c in TABLED or c == "ratings")]
    if wish.images is None and {"images", "masks"} & set(components) and "metadata" not in tabled and not state.has_table("metadata"):
        tabled.insert(0, "metadata")
    everything = [
        *(Want(c, is_table=True) for c in tabled),
        *(Want(c, is_table=False) for c in state.record.components if c in components and c in PARTITION),
    ]
    return [want for want in everything if poor(want, state) or lacking(want, state, wish)]


def poor(want: Want, state: Holdings) -> bool:
    """Whether a table is there, and a better one is published."""
    table = state.tables.get(TABLED.get(want.component, ""))
    return want.is_table and table is not None and (bool(table["altered"]) or bool(unknown(want.component, state)))


def unknown(component: str, state: Holdings) -> list[str]:
    """The columns that the best published table of a component has, and the rows in the cache have not."""
    table = state.tables.get(TABLED.get(component, ""))
    if table is None:
        return []
    rows = [row for row in state.rows.values() if row["partition"] == TABLED[component]]
    columns = [c for c in state.record.forms(TABLED[component])[0].columns if c not in table["columns"]]
    return [c for c in columns if all(row.get(c) is None for row in rows)]


def lacking(want: Want, state: Holdings, wish: Selection) -> bool:
    """Whether nothing of a table, or not every image or mask that is asked for, is there."""
    if want.is_table:
        return not state.has_table(want.component)
    nameless = want.component in TABLED and not state.has_table(want.component)
    return nameless or bool(absent(want.component, state, wish))


def absent(component: str, state: Holdings, wish: Selection) -> list[str]:
    """The images or masks that are asked for and not there."""
    return [image_id for image_id in state.wanted(component, wish) if not state.has(image_id, component)]


def can_choose(want: Want, state: Holdings, wish: Selection) -> bool:
    """Whether there are the rows by which a selection chooses, if there is one."""
    by_rows = bool(wish) and wish.images is None
    return not by_rows or any(row["partition"] == PARTITION[want.component] for row in state.rows.values())


def useful(want: Want, offered: Sequence[PublishedFile], state: Holdings) -> list[PublishedFile]:
    """Of a source's files, those that would bring what is wanted."""
    if not want.is_table:
        return [f for f in offered if f.kind == "archive" and not state.unpacked(f)]
    best = state.record.forms(TABLED[want.component])[0].name if want.component in TABLED else None
    return [f for f in offered if f.kind != "archive" and (not state.has_table(want.component) or best in f.names or _fills(f, state))]


def in_parts(want: Want, file: PublishedFile, state: Holdings, wish: Selection) -> bool:
    """Whether an archive's directory is worth a look: less than all of its members may be wanted."""
    from ham_cli.download import resumable

    target = state.folder.archives / file.name
    if (file.bytes is not None and file.bytes < SMALL) or (not wish and resumable(target)):
        return False
    if wish:
        return True
    # Some of it is there: what came from it, or came from elsewhere, and nobody knows whether this archive holds it too.
    here = (row for row in state.rows.values() if row["partition"] == PARTITION[want.component] and row["path"])
    return any(row["archive"] in {None, file.name} for row in here)


def _fills(file: PublishedFile, state: Holdings) -> bool:
    """Whether a table tells lesions, and the rows do not."""
    tells = any("lesion_id" in form.columns and form.name in file.names for form in state.record.tables if form.form == "groupings")
    return tells and any(row["lesion_id"] is None for row in state.rows.values() if row["partition"] == "train")
