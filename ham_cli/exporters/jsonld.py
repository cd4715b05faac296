"""The parts of a Croissant description, version 1.1, as JSON-LD values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ham_cli.licence import bibtex

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ham_cli.record import Record

Json = dict[str, Any]

NAME = "croissant.json"

CONTEXT: Json = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""What the words mean; version 1.0 had fewer of them."""

CONFORMS = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]

TEXT, WHOLE, NUMBER, PICTURE = "sc:Text", "sc:Integer", "sc:Float", "sc:ImageObject"
MASK = ["cr:SegmentationMask", PICTURE]
SPLIT = ["cr:Split", TEXT]

PARQUET, ZIP, CSV = "application/x-parquet", "application/zip", "text/csv"

SPLITS = {"train": "cr:TrainingSplit", "validation": "cr:ValidationSplit", "test": "cr:TestSplit"}

BYTES = {"jsonPath": "bytes"}
"""How an image is taken out of a column that holds bytes and a name."""


def document(record: Record, what: str, facts: Json, distribution: Sequence[Json], records: Sequence[Json]) -> Json:
    """The whole description; ``what`` says what is described, ``facts`` are further properties."""
    address = f"https://doi.org/{record.doi}"
    images = sum(counts.images for counts in record.partitions.values())
    classes = ", ".join(f"{name} ({dx})" for dx, name in record.classes.items())
    dated = {"datePublished": str(record.year)} if record.year else {}
    named = [(name, kind, value) for name, kind, value in _people(record) if value]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": record.title,
        "alternateName": record.id,
        "description": f"{record.title}. The record has {images} images of {len(record.classes)} diagnoses: {classes}. {what}",
        "conformsTo": CONFORMS,
        "license": record.licence["url"],
        "url": address,
        **{name: {"@type": kind, "name": value} for name, kind, value in named},
        **dated,
        "version": record.version,
        "citeAs": bibtex(record),
        "keywords": ["dermatoscopy", "skin lesions", "image classification", *record.classes.values()],
        "inLanguage": "en",
        **facts,
        "distribution": list(distribution),
        "recordSet": list(records),
    }


def _people(record: Record) -> list[tuple[str, str, str | None]]:
    return [
        ("creator", "sc:Person" if record.creator else "sc:Organization", record.creator or record.publisher or record.name),
        ("publisher", "sc:Organization", record.publisher),
    ]


def file_object(name: str, url: str, form: str, size: int | None, **digests: str | None) -> Json:
    """A file; ``digests`` are its sha256 and md5, those that are known."""
    sized = {"contentSize": f"{size} B"} if size is not None else {}
    known = {kind: digest for kind, digest in digests.items() if digest}
    return {"@type": "cr:FileObject", "@id": name, "name": name, "contentUrl": url, "encodingFormat": form, **sized, **known}


def file_set(name: str, includes: Sequence[str], form: str, words: str, inside: Sequence[str] = ()) -> Json:
    """Files that patterns name, in the description's folder, or ``inside`` archives."""
    within = {"containedIn": [{"@id": one} for one in inside]} if inside else {}
    return {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "description": words,
        **within,
        "encodingFormat": form,
        "includes": list(includes),
    }


def from_column(kind: str, file: str, column: str, transform: Json | None = None) -> Json:
    """A column of a table as a source; ``kind`` is fileObject or fileSet."""
    return {kind: {"@id": file}, "extract": {"column": column}, **({"transform": transform} if transform else {})}


def from_file(files: str, prop: str, regex: str | None = None) -> Json:
    """A property of each file of a set as a source: content, filename or fullpath."""
    return {"fileSet": {"@id": files}, "extract": {"fileProperty": prop}, **({"transform": {"regex": regex}} if regex else {})}


def field(  # noqa: PLR0913  (a field has so many facts)
    records: str, name: str, kind: str | Sequence[str], words: str, source: Json | None = None, of: str | None = None
) -> Json:
    """A field of a record set; ``of`` is the field of another one that lists its values."""
    more = {} if source is None else {"source": source}
    more |= {"references": {"field": {"@id": of}}} if of else {}
    return {"@type": "cr:Field", "@id": f"{records}/{name}", "name": name, "description": words, "dataType": kind, **more}


def record_set(name: str, words: str, fields: Iterable[Json], key: str | None = None, **more: Any) -> Json:  # noqa: ANN401  (JSON)
    """Records; ``key`` is the field that names one."""
    keyed = {"key": {"@id": f"{name}/{key}"}} if key else {}
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "description": words, **keyed, **more, "field": list(fields)}


def classes(names: Mapping[str, str]) -> Json:
    """The classes, in the order of their numbers, with their names in words."""
    fields = [
        field("classes", "index", WHOLE, "the number of the class"),
        field("classes", "label", TEXT, "the class"),
        field("classes", "name", TEXT, "its name in words"),
    ]
    data = [{"classes/index": number, "classes/label": label, "classes/name": words} for number, (label, words) in enumerate(names.items())]
    return record_set("classes", "The classes and their numbers.", fields, "index", dataType="sc:Enumeration", data=data)


def splits(parts: Iterable[str]) -> Json:
    """The parts, train, validation and test, as what they are to Croissant."""
    fields = [field("splits", "name", TEXT, "the part"), field("splits", "url", "sc:URL", "what it is for")]
    data = [{"splits/name": part, "splits/url": SPLITS[part]} for part in parts]
    return record_set("splits", "The parts.", fields, "name", dataType="cr:Split", data=data)


def label_names(record: Record, labels: Iterable[str], grouping: str | None) -> dict[str, str]:
    """Classes to their names in words: of a diagnosis the record's, of a grouping's side its diagnoses."""
    if grouping is None:
        return {label: record.classes[label] for label in labels}
    inside = record.groupings[grouping]["dx"]
    sides = {True: [dx for dx in record.classes if dx in inside], False: [dx for dx in record.classes if dx not in inside]}
    return {label: ", ".join(sides[label == grouping]) for label in labels}
