"""A record's folder in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ham_cli import cache, manifest
from ham_cli.layout import Layout
from ham_cli.manifest import Manifest, schemas
from ham_cli.record import FOLDERS, PARTITION, TABLED, file_name
from ham_cli.selection import Selection, choose, restored

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ham_cli.cache import Folder
    from ham_cli.record import PublishedFile, Record

Row = dict[str, Any]

IMAGE_COLUMNS = ("path", "bytes", "sha256", "vouched", "width", "height", "archive")
MASK_COLUMNS = ("mask_path", "mask_bytes", "mask_sha256")


@dataclass
class Holdings:
    """A record's folder in memory; `save` puts back what changed."""

    record: Record
    folder: Folder
    rows: dict[str, Row]
    """Image id to its row of ``images.parquet``."""
    files: dict[tuple[str, str], Row]
    """Component and name to a row of ``files.parquet``."""
    tables: dict[str, dict[str, Any]]
    """Partition to what its table is: its row of ``files.parquet``, its columns, how it differs from the published one."""
    wishes: dict[str, list[dict[str, Any]]]
    """Component to the selections that were asked for, fulfilled or not."""
    _changed: set[str] = field(default_factory=set)
    """Manifests to write."""
    _places: dict[str, Path] = field(default_factory=dict)
    _listed: dict[str, set[str]] = field(default_factory=dict)

    def names(self, component: str) -> set[str]:
        """The names in the folder of a component's images or masks: as they were when first asked for, and as `put` and `lose` tell."""
        if component not in self._listed:
            self._listed[component] = cache.listing(self.place(component))
        return self._listed[component]

    def place(self, component: str) -> Path:
        """The folder of a component's images or masks."""
        if component not in self._places:
            self._places[component] = self.folder.path / FOLDERS[component]
        return self._places[component]

    def has(self, image_id: str, component: str) -> bool:
        """Whether an image or mask is there: named by its row, or in place where no table names it yet."""
        mask = component == "masks"
        row = self.rows.get(image_id)
        if row is not None:
            return row["mask_path" if mask else "path"] is not None
        return self.lies_there(image_id, component)

    def lies_there(self, image_id: str, component: str) -> bool:
        """Whether its file lies in its folder, whatever the manifest says."""
        return file_name(image_id, component) in self.names(component)

    def label(self, image_id: str, component: str) -> str:
        """Where its file lies or will lie, as manifests spell it: ``images/ISIC_0024306.jpg``."""
        return f"{FOLDERS[component]}/{file_name(image_id, component)}"

    def partition(self, image_id: str) -> str | None:
        """The published role of an image, from its row or else from its id."""
        row = self.rows.get(image_id)
        return row["partition"] if row else self.record.partition_of(image_id)

    def wanted(self, component: str, wish: Selection) -> list[str]:
        """The images a component must have under a selection, sorted: all that its table, or else its digests, name."""
        partition = PARTITION[component]
        rows = [r for r in self.rows.values() if r["partition"] == partition and r["in_record"]]
        if rows:
            return sorted(choose(rows, wish))
        named: Iterable[str] = self.record.validation_ids if partition == "validation" else ()
        if partition == "train":
            suffix = file_name("", component)
            named = (name.removesuffix(suffix) for name in self.record.digests if name.endswith(suffix))
        return sorted(i for i in named if wish.images is None or i in wish.images)

    def present(self, component: str) -> list[str]:
        """The images or masks of a component that their rows place in the cache, sorted."""
        partition, column = PARTITION[component], "mask_path" if component == "masks" else "path"
        return sorted(i for i, r in self.rows.items() if r["partition"] == partition and r[column])

    def count(self, component: str) -> int:
        """How many images or masks of a component are there, by the rows, or by their folder where no table names them."""
        if any(row["partition"] == PARTITION[component] for row in self.rows.values()):
            return len(self.present(component))
        return len(self.names(component))

    def has_table(self, component: str) -> bool:
        """Whether the table that a component brings, if it brings one, is in the cache."""
        if component == "ratings":
            return any(r["component"] == "ratings" and r["state"] == "have" for r in self.files.values())
        return component not in TABLED or TABLED[component] in self.tables

    def table_name(self, component: str) -> str:
        """The name of the table that a component brings."""
        return next((form.name for form in self.record.tables if form.component == component), component)

    def asked(self, component: str) -> list[Selection]:
        """The selections of a component that past runs asked for."""
        return [restored(fields) for fields in self.wishes.get(component, [])]

    def ask(self, component: str, wish: Selection) -> None:
        """Remember that ``wish`` was asked of a component; the whole of it swallows its parts."""
        past = self.asked(component)
        wishes = list(dict.fromkeys([*past, wish]))
        wishes = [w for w in wishes if not w] or wishes
        if wishes != past:
            self.wishes[component] = [w.fields() for w in wishes]
            self._changed.add("files")

    def unask(self, component: str) -> None:
        """Forget what was asked of a component: who is content with a part is judged by that part."""
        if self.wishes.pop(component, None):
            self._changed.add("files")

    def describe_table(self, partition: str, described: dict[str, Any] | None) -> None:
        """Write down what a partition's table is; ``None``: there is none."""
        self.tables.pop(partition, None)
        if described:
            self.tables[partition] = described
        self._changed.add("images")

    def note(self, image_id: str, facts: Mapping[str, Any]) -> None:
        """Write facts of a table into an image's row."""
        self.rows[image_id].update(facts)
        self._changed.add("images")

    def put(self, image_id: str, component: str, facts: Mapping[str, Any]) -> None:
        """Write into its row that an image or mask is there; one that no table names yet is left to a later run."""
        if image_id in self.rows:
            self.note(image_id, facts)
        self.names(component).add(file_name(image_id, component))

    def unpacked(self, published: PublishedFile) -> bool:
        """Whether everything that a published archive holds is in the cache, and came from it (masks: from anywhere)."""
        if published.component == "masks":
            return published.images == sum(1 for row in self.rows.values() if row["mask_path"])
        return published.images == sum(1 for row in self.rows.values() if row["path"] and row["archive"] == published.name)

    def put_file(self, row: Row) -> None:
        """Write a row of ``files.parquet``."""
        self.files[row["component"], row["name"]] = row
        self._changed.add("files")

    def replace_rows(self, partition: str, rows: Iterable[Row]) -> None:
        """Give a partition other rows of its table; what is known of files stays with its image."""
        old = {image_id: row for image_id, row in self.rows.items() if row["partition"] == partition}
        for image_id in old:
            del self.rows[image_id]
        layout = Layout(schemas.IMAGES.names)
        for row in rows:
            known = old.get(row["image_id"], {})
            files = {column: known.get(column) for column in (*IMAGE_COLUMNS, *MASK_COLUMNS)}
            in_record = row["image_id"] not in self.record.not_in_record
            self.rows[row["image_id"]] = layout.of({**row, **files, "partition": partition, "in_record": in_record})
        self._changed.add("images")

    def forget(self, row: Row, columns: Iterable[str]) -> None:
        """Clear what a row says of a file that is gone."""
        row.update(dict.fromkeys(columns))
        self._changed.add("images")

    def lose(self, image_id: str, component: str) -> None:
        """Clear what the row of an image or mask says of a file that was taken away again."""
        if image_id in self.rows:
            self.forget(self.rows[image_id], MASK_COLUMNS if component == "masks" else IMAGE_COLUMNS)
        self.names(component).discard(file_name(image_id, component))

    def save_wishes(self) -> None:
        """Write what was asked for before it is done: an interrupted fetch must not look like a whole one."""
        if "files" in self._changed:
            self._write_files()

    def save(self) -> list[str]:
        """Write the manifests that changed, ``images.parquet`` last; their names."""
        written = sorted(self._changed)
        if "files" in written:
            self._write_files()
        if "images" in written:
            options = {"tables": self.tables}
            indexed = Manifest(schemas.IMAGES, list(self.rows.values()), self.record.id, options)
            manifest.write(self.folder.manifest("images"), indexed)
        self._changed.clear()
        return [f"{name}.parquet" for name in written]

    def _write_files(self) -> None:
        listed = Manifest(schemas.FILES, list(self.files.values()), self.record.id, {"asked": self.wishes})
        manifest.write(self.folder.manifest("files"), listed)

    def blank_file(self, component: str, name: str) -> Row:
        """The row of a file that never arrived: what is published of it."""
        row: Row = dict.fromkeys(c.name for c in schemas.FILES.columns)
        row.update(component=component, name=name, state="missing", expected_from="none")
        found = next((f for f in self.record.published(component) if f.name == name), None)
        form = next((t for t in self.record.tables if t.component == component and t.name == name), None)
        if found is not None:
            row.update(original_name=found.original_name, datafile_id=found.datafile_id)
        known = found or form
        if known is not None and known.md5 is not None:
            row.update(expected_bytes=known.bytes, expected_md5=known.md5, expected_from="pinned")
        return row
