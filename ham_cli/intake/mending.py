"""What a verification found wrong or missing, brought again: that, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from ham_cli.findings import Verdict, counted
from ham_cli.intake.run import Intake
from ham_cli.record import PARTITION
from ham_cli.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ham_cli.findings import Event, Finding
    from ham_cli.intake.request import Request, Trouble

_MENDED = {Verdict.WRONG, Verdict.MISSING, Verdict.UNREADABLE, Verdict.ALTERED}
"""What is brought again; a file too many stays where it is."""

_MADE_ANEW = ("manifests/stats/", "manifests/ratings.parquet")
"""What only holds what was counted, and is counted again when it is asked for."""


class Mending:
    """The repair of one cache; the writer's lock is held by the caller, and the findings are written down."""

    def __init__(self, request: Request, findings: Sequence[Finding]) -> None:
        """``request``: how, and from where; which components and images, the findings tell."""
        self._request = request
        self._faults = [f for f in findings if f.verdict in _MENDED]
        self.troubles: list[Trouble] = []
        """What servers did not give."""
        self._images: dict[str, set[str]] = defaultdict(set)
        """Component to the images or masks to bring; empty where only its table is."""
        for fault in self._faults:
            if fault.component in request.record.components:
                self._images[fault.component] |= {fault.image_id} if fault.image_id else set()
        # Rows that are not those of their own digest: every table is read again.
        if any(f.path == "manifests/images.parquet" for f in self._faults if f.component == "manifest"):
            self._images["metadata"] |= set()

    def __bool__(self) -> bool:
        """Whether there is anything to mend."""
        return bool(self._faults)

    def __str__(self) -> str:
        """What is mended, for a person: ``2 images, 1 mask, metadata``."""
        things = {"images": "image", "masks": "mask"}
        counts = [counted(len(ids), things.get(c, f"{c} image")) for c, ids in self._images.items() if ids]
        others = sorted({f.path for f in self._faults if not f.image_id})
        return ", ".join([*counts, *others])

    def run(self) -> Iterator[Event]:
        """Bring it, component by component."""
        folder = self._request.cache.folder(self._request.record.id)
        for fault in self._faults:
            if fault.path.startswith(_MADE_ANEW):
                (folder.path / fault.path).unlink(missing_ok=True)
        for component in self._request.record.components:
            if component not in self._images:
                continue
            wish = Selection(images=frozenset(self._images[component]))
            if not self._images[component] and self._lacks_all(component):
                wish = Selection()
            intake = Intake(replace(self._request, components=(component,), wish=wish, repairs=True))
            intake.load()
            yield from intake.run()
            self.troubles += intake.outcome.troubles
        for fault in self._faults:
            # A kept zip that is not the published one: what it holds is here, or has just been brought.
            if fault.path.startswith("archives/"):
                (folder.path / fault.path).unlink(missing_ok=True)

    def _lacks_all(self, component: str) -> bool:
        """Whether a component was found missing as a whole: no table names its images."""
        return component in PARTITION and any(f.component == component and f.path.endswith("/") for f in self._faults)

    def mended(self, left: Sequence[Finding]) -> list[str]:
        """Of what was wrong, what is right now."""
        still = {f.path for f in left}
        return sorted({f.path for f in self._faults} - still)
