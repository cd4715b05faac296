"""What broke since the last verification, and what is right again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ham_cli import manifest
from ham_cli.findings import Verdict
from ham_cli.manifest import schemas
from ham_cli.record import PARTITION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.findings import Finding
    from ham_cli.integrity.check import Check


@dataclass(frozen=True)
class Since:
    """How this verification differs from the last one that was written down."""

    verified: str
    """When that was, in UTC: ``2026-11-30T09:00:00+00:00``."""
    broke: tuple[str, ...]
    """Files with a fault now, and none then."""
    mended: tuple[str, ...]
    """Files with a fault then, which this one looked at as closely, and found right."""


def compared(check: Check, findings: Sequence[Finding]) -> Since | None:
    """How the findings of a check differ from the last ones; ``None`` where none are written down."""
    path = check.holdings.folder.manifest("verification")
    last = manifest.read(path, schemas.VERIFICATION, missing_ok=True, damaged_ok=True)
    if last is None:
        return None
    then = {(row["component"], row["path"]): str(row["verdict"]) for row in last.rows}
    now = {(finding.component, finding.path) for finding in findings}
    looked = {c for c, tally in check.tallies.items() if tally.asked or tally.table or c in check.components}
    looked |= {"manifest", "split"} if check.deep and not check.components else set()
    seen = {"missing", "extra"} if check.quick else {*then.values()}
    # Whoever looked at the pixels saw more than one who did not.
    as_close = check.deep or not last.options.get("deep")
    could = {place: verdict for place, verdict in then.items() if place not in now and place[0] in looked and verdict in seen and as_close}
    gone = [place for place, verdict in could.items() if verdict != "missing" or _is_there(check, *place)]
    was_less = bool(last.options.get("components")) or bool(last.options.get("quick")) or (check.deep and not last.options.get("deep"))
    # What never came is missing, and not broken: the last check may not have asked for it.
    new = [(f.component, f.path) for f in findings if (f.component, f.path) not in then and not _never_came(check, f)]
    return Since(
        str(last.options.get("verified", "")), () if was_less else tuple(sorted(p for _, p in new)), tuple(sorted(p for _, p in gone))
    )


def _never_came(check: Check, finding: Finding) -> bool:
    """Whether an image or mask is missing that no row places in the cache."""
    missing = finding.verdict is Verdict.MISSING and finding.component in PARTITION
    return missing and not check.holdings.has(finding.image_id or "", finding.component)


def _is_there(check: Check, component: str, path: str) -> bool:
    """Whether what was missing has come: this check may not have asked for it."""
    if component in PARTITION:
        return path.rpartition("/")[2] in check.holdings.names(component)
    return (check.holdings.folder.path / path).exists()
