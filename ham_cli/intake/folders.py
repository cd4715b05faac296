"""What folders hold, and what an interrupted run left in the cache, taken in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ham_cli import cache, checksum
from ham_cli import offers as offering
from ham_cli.errors import UnavailableError
from ham_cli.findings import Finding, Note
from ham_cli.intake import plan as planning
from ham_cli.intake import shelve, wanting, zips
from ham_cli.intake.step import Step
from ham_cli.intake.wanting import Want
from ham_cli.record import PARTITION, TABLED

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ham_cli.findings import Event
    from ham_cli.holdings import Holdings
    from ham_cli.intake.request import Outcome, Request


_ARRIVED = "archives/"
"""What the label of an archive begins with that an earlier run had brought."""


class Folders:
    """Folders that stand together among the sources, as one; without any, what the cache itself has."""

    def __init__(self, request: Request, state: Holdings, outcome: Outcome, now: dt.datetime, folders: Sequence[Path]) -> None:
        self._request, self._state, self._outcome, self._folders = request, state, outcome, folders
        self._offers = offering.Offers()
        self._spilt: list[Path] = []
        """Zips that were written out of zips."""
        self._step = Step(request, state, outcome, now, self._offers)

    def look(self) -> Iterator[Event]:
        """See what is there; zips inside zips are written out first."""
        request, state, offers = self._request, self._state, self._offers
        settled = _settled(state, keep=request.keep_archives)
        yield from offering.looked(self._folders, request.record, offers, beyond={request.cache.root.resolve()}, settled=settled)
        if not all(state.has_table(component) for component in TABLED):
            # Tables of the cache itself, whose rows were lost with a damaged manifest: those that are right to the byte.
            pinned = {form.md5 for form in request.record.tables}
            own = [state.folder.tables / name for name in sorted(cache.listing(state.folder.tables))]
            offers.tables += [offering.Place(p, f"tables/{p.name}") for p in own if checksum.of_file(p, "md5")[1] in pinned]
        self._look_at_arrived(settled)
        if offers.nested:
            request.cache.adopt(request.record)
        for event in zips.spill(offers, state, settled, request.components):
            if isinstance(event, tuple):
                archive, md5 = event
                self._spilt.append(archive.file)
                offers.origins[archive.file] = offering.Origin("folder", md5=md5)
                offering.look_into(archive, request.record, offers, deeper=False)
            else:
                yield event
        self._readings = shelve.read(offers, state)
        self._outcome.ignored += offers.ignored

    def _look_at_arrived(self, settled: Sequence[str]) -> None:
        """See the archives that an interrupted run had brought, and not yet let go."""
        record, archives = self._request.record, self._state.folder.archives
        here = cache.listing(archives)
        for of_web, published in [*(("dataverse", f) for f in record.files), *(("isic", f) for f in record.bucket_files)]:
            if published.kind == "archive" and published.name in here and published.name not in settled:
                file = archives / published.name
                known = self._state.files.get((published.component, published.name), {})
                self._offers.origins[file] = offering.Origin(known.get("source") or of_web, known.get("url"))
                before = len(self._offers.findings)
                offering.look_into(offering.Zip(file, f"{_ARRIVED}{published.name}", published), record, self._offers)
                if len(self._offers.findings) > before:  # the machine stopped before it was on the disk
                    del self._offers.findings[before:]
                    file.unlink()

    def found(self) -> list[str]:
        """The components of which something is offered."""
        return planning.found(self._offers, self._state, self._readings.components)

    def tables(self, components: Sequence[str]) -> Iterator[Event]:
        """Shelve the tables."""
        yield from self._step.tables(self._readings, components)
        self._readings.offered.clear()  # their rows are in the manifest now

    def files(self, components: Sequence[str], *, vouched: bool) -> Iterator[Event]:
        """Take images and masks, and adopt what lies in place; ``vouched``: only what a published digest vouches for."""
        chosen = [
            c for c in components if c not in PARTITION or wanting.can_choose(Want(c, is_table=False), self._state, self._request.wish)
        ]
        damaged: set[str] = set()
        for event in self._step.files(chosen, vouched=vouched):
            if isinstance(event, Finding) and event.path.startswith(_ARRIVED):
                damaged.add(event.path.split("/")[1])
            else:
                yield event
        # Of very many images their places take more room than the manifest that is now put together.
        self._offers.images.clear()
        self._offers.masks.clear()
        self._step.index()
        for name in damaged:
            yield Note(f"{name} had arrived, and was damaged on this disk: it is let go", "said")
            (self._state.folder.archives / name).unlink(missing_ok=True)

    def nothing(self) -> Iterator[Finding]:
        """What is wrong with all there is; raises `UnavailableError` where nothing of the record is."""
        faults = [*self._offers.findings, *self._readings.findings]
        yield from faults
        if not faults:
            raise UnavailableError(
                "nothing of this record is found there",
                where=", ".join(str(s) for s in self._folders),
                expected=f"published zips, tables, images or masks of {self._request.record.id}",
                got=f"{len(self._offers.ignored)} other files",
                fix="name the folder that holds the downloaded files",
            )

    def close(self) -> None:
        """Let go of what was only written to be read."""
        for file in self._spilt if not self._request.keep_archives else ():
            file.unlink(missing_ok=True)


def _settled(state: Holdings, *, keep: bool) -> list[str]:
    """Published archives that need not be opened: they arrived, and all they hold is in the cache, or they are kept there."""
    done = {"have"} if keep else {"have", "dropped"}
    files = (*state.record.files, *state.record.bucket_files)
    arrived = (f for f in files if state.files.get((f.component, f.name), {}).get("state") in done)
    return [published.name for published in arrived if state.unpacked(published)]
