"""Findings as a person reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ham_cli.console import SHOWN, one_line
from ham_cli.findings import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ham_cli.console import Console
    from ham_cli.findings import Finding


def show_findings(console: Console, findings: Iterable[Finding], rest: str) -> None:
    """Print findings by component and verdict: the count, the first twenty, and where the ``rest`` lie."""
    kinds: dict[tuple[str, Verdict], list[Finding]] = {}
    for finding in findings:
        kinds.setdefault((finding.component, finding.verdict), []).append(finding)
    for (component, verdict), some in kinds.items():
        console.out(f"{component}: {len(some)} {verdict}")
        for finding in some[:SHOWN]:
            console.out(f"  {one_line(finding.path)}{': ' + one_line(finding.detail) if finding.detail else ''}")
            # Of what is missing the digest helps nobody: it stands in the manifest.
            told = () if verdict is Verdict.MISSING else (("expected", finding.expected), ("got", finding.got))
            for name, text in told:
                if text:
                    console.out(f"    {name:<9}{one_line(text)}")
        if len(some) > SHOWN:
            console.out(f"  and {len(some) - SHOWN} more: {rest}")
