"""Words that go with the data: licence, attribution, citations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ham_cli.record import Record


def bibtex(record: Record) -> str:
    """Every citation of the record as BibTeX."""
    entries = []
    for citation in record.citations:
        lines = [f"  {name} = {{{value}}}," for name, value in citation["fields"].items()]
        entries.append("\n".join([f"@{citation['type']}{{{citation['key']},", *lines, "}"]))
    return "\n\n".join(entries) + "\n"


def citations(record: Record) -> str:
    """Every citation of the record as a line, with what it is cited for."""
    return "".join(f"{c['for']}: {c['text']}\n" for c in record.citations)


def licence(record: Record) -> str:
    """The licence the data came under, with the address of its text."""
    terms = record.licence
    return f"{record.title}\ndoi:{record.doi}, version {record.version}\n\nLicence: {terms['id']}\n{terms['url']}\n({terms['summary']})\n"


ATTRIBUTION = "ATTRIBUTION.txt"

UNCHANGED = "The files in this folder are as published; nothing was changed."


def attribution(record: Record, changed: str = UNCHANGED) -> str:
    """The attribution that the licence asks for; ``changed`` says what is no longer as published."""
    return (
        f"{record.title}\nhttps://doi.org/{record.doi}, version {record.version}, {record.licence['id']}\n\n"
        f"{changed}\n\nPlease cite:\n{citations(record)}"
    )


def altered(tables: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is not as published in the tables that a cache took all the same, a sentence each; partition to its table."""
    told = ((partition, table["altered"]) for partition, table in tables.items() if table["altered"])
    return [f"The {partition} table is not as published: {'; '.join(differences)}." for partition, differences in told]


def beside_the_data(record: Record, changed: str = UNCHANGED) -> dict[str, bytes]:
    """The files that lie beside the data, by name."""
    return {
        "LICENSE": licence(record).encode(),
        ATTRIBUTION: attribution(record, changed).encode(),
        "CITATION.bib": bibtex(record).encode(),
    }
