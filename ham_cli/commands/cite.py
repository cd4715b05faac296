"""``ham cite``: how to cite the data."""

from __future__ import annotations

from typing import Annotated

import typer

from ham_cli.commands.options import Run, command

EXAMPLES = ("ham cite >> thesis.bib", "ham cite --text")


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "cite", examples=EXAMPLES, see=("report",))(cite)


def cite(
    run: Run,
    text: Annotated[bool, typer.Option("--text", help="As lines of text, with what each is cited for.")] = False,
) -> int:
    """Print the citations that use of the data asks for, as BibTeX or as text.

    The data is under CC BY-NC 4.0: name its authors, say what you changed, do not sell it. LICENSE, ATTRIBUTION.txt and
    CITATION.bib lie beside it in the cache and in every export.
    """
    from ham_cli import licence
    from ham_cli import record as records

    record = run.record() or records.load()
    run.console.record = record.id
    run.console.out((licence.citations(record) if text else licence.bibtex(record)).rstrip("\n"))
    terms = {key: record.licence[key] for key in ("id", "url")}
    run.console.result = {
        "licence": terms,
        "citations": [{k: c[k] for k in ("key", "for", "text")} for c in record.citations],
        "bibtex": licence.bibtex(record),
    }
    return 0
