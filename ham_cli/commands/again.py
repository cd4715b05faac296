"""What came of a fetch, told; and kept where it found nothing to do, so that the next one is answered at once."""

from __future__ import annotations

import contextlib
import io
import sys
from typing import TYPE_CHECKING

from ham_cli import unchanged
from ham_cli.commands import fetched
from ham_cli.console import is_terminal, to_stderr, to_stdout

if TYPE_CHECKING:
    from pathlib import Path

    from ham_cli.commands.options import Run
    from ham_cli.findings import Finding
    from ham_cli.intake.request import Outcome, Request


def told(run: Run, request: Request, outcome: Outcome, findings: list[Finding], record: Path, began: int) -> int:
    """As `fetched.tell`; ``record``: the file that says what is published, ``began``: when, in nanoseconds since 1970."""
    console = run.console
    looked_at = None if console.as_json or console.verbose or not console.silent else _looked_at(run, request, outcome, record)
    people = not console.quiet and (is_terminal(sys.stdout) or is_terminal(sys.stderr))
    if looked_at is None or people:
        return fetched.tell(run, request, outcome, findings)
    out, err = _Copy(sys.stdout.encoding), _Copy(sys.stderr.encoding)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = fetched.tell(run, request, outcome, findings)
    for copy, written in ((out, to_stdout), (err, to_stderr)):
        if text := copy.getvalue():
            written(text.removesuffix("\n"))
    if code == 0:
        unchanged.keep(run.cache.root, looked_at, began, out.getvalue(), err.getvalue())
    return code


def _looked_at(run: Run, request: Request, outcome: Outcome, record: Path) -> list[Path] | None:
    """All that the fetch depended on, where it found nothing to do and would ask no server next time; else ``None``."""
    of_web = not request.sources or any(isinstance(source, str) for source in request.sources)
    wants = outcome.missing or outcome.unknown or outcome.troubles
    if outcome.written or outcome.taken or (wants and of_web):
        return None
    found = [record, *unchanged.of_cache(run.cache.folder(request.record.id).path, run.cache.root)]
    for source in request.sources:
        some = [] if isinstance(source, str) else unchanged.of_source(source)
        if some is None:
            return None
        found += some
    return found


class _Copy(io.StringIO):
    """What would have been printed, for a stream of this encoding."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream it stands for."""
        return self._encoding
