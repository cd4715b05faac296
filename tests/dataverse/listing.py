"""The native API's JSON: the dataset, its versions and its files."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.dataverse.published import kind_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.dataverse.published import Datafile
    from tests.dataverse.setup import Setup

DATASET, VERSION = 3172580, 226338
_MADE = "2018-06-04"
_FRIENDLY = {"application/zip": "ZIP Archive", "text/tab-separated-values": "Tab-Delimited", "text/csv": "Comma Separated Values"}
_DIGESTS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-512": "sha512"}


@dataclass(frozen=True)
class Catalogue:
    """Makes the documents anew for each request, from what is offered then."""

    setup: Setup

    def dataset(self) -> dict[str, Any]:
        """The dataset with its latest version; without one where it was withdrawn."""
        facts = self.setup.published.facts
        authority, _, identifier = facts["doi"].partition("/")
        made = {
            "id": DATASET,
            "identifier": identifier,
            "persistentUrl": f"https://doi.org/{facts['doi']}",
            "protocol": "doi",
            "authority": authority,
            "separator": "/",
            "publisher": facts.get("publisher", "nobody"),
            "publicationDate": _MADE,
            "storageIdentifier": f"s3://{facts['doi']}",
            "datasetType": "dataset",
            "locks": [],
        }
        if self.setup.guestbook is not None:
            made["guestbookId"] = self.setup.guestbook
        if not self.setup.listing.deaccessioned:
            made["latestVersion"] = self.version()
        return made

    def version(self) -> dict[str, Any]:
        """The latest version, with its files."""
        facts = self.setup.published.facts
        number, minor = (int(n) for n in re.findall(r"\d+", f"{facts['version']}.0")[:2])
        return {
            "id": VERSION,
            "datasetId": DATASET,
            "datasetPersistentId": f"doi:{facts['doi']}",
            "datasetType": "dataset",
            "storageIdentifier": f"s3://{facts['doi']}",
            "versionNumber": number,
            "internalVersionNumber": 12,
            "versionMinorNumber": minor,
            "versionState": "RELEASED",
            "latestVersionPublishingState": "RELEASED",
            "UNF": _unf(facts["doi"]),
            "lastUpdateTime": "2023-02-20T11:28:33Z",
            "releaseTime": "2023-02-20T11:28:33Z",
            "createTime": "2023-02-20T11:22:40Z",
            "publicationDate": _MADE,
            "citationDate": _MADE,
            "termsOfUse": f"{facts['licence']['id']} {facts['licence']['url']}",
            "fileAccessRequest": False,
            "metadataBlocks": {"citation": _citation(facts["title"], facts.get("creator", "nobody"))},
            "files": self.files(),
        }

    def files(self) -> list[dict[str, Any]]:
        """An entry a file, by label."""
        listed = [d for d in self.setup.published.datafiles if not _in(d.label, self.setup.listing.unlisted)]
        return [self.file(d) for d in sorted(listed, key=lambda d: d.label)]

    def file(self, datafile: Datafile) -> dict[str, Any]:
        """A file's entry."""
        return {
            "description": "",
            "label": datafile.label,
            "restricted": _in(datafile.label, self.setup.restricted),
            "version": 3,
            "datasetVersionId": VERSION,
            "dataFile": self._data_file(datafile),
        }

    def _data_file(self, datafile: Datafile) -> dict[str, Any]:
        listing, published = self.setup.listing, self.setup.published
        more = int(_in(datafile.label, listing.wrong_size))
        made: dict[str, Any] = {
            "id": datafile.number,
            "persistentId": f"doi:{datafile.doi}" if datafile.doi else "",
            "filename": datafile.label,
            "contentType": datafile.kind,
            "friendlyType": _FRIENDLY[datafile.kind],
            "filesize": published.size(datafile, original=False) + more,
            "description": "",
            "storageIdentifier": f"s3://dvn-cloud:{datafile.key}",
        }
        if datafile.doi:
            made["pidURL"] = f"https://doi.org/{datafile.doi}"
        if datafile.original:
            made |= {
                "originalFileFormat": kind_of(datafile.original),
                "originalFormatLabel": _FRIENDLY[kind_of(datafile.original)],
                "originalFileSize": published.size(datafile, original=True) + more,
                "originalFileName": datafile.original,
                "UNF": _unf(datafile.label),
            }
        made |= {"rootDataFileId": -1} | self._checksum(datafile)
        made |= {"tabularData": datafile.original is not None, "creationDate": _MADE, "publicationDate": _MADE}
        made |= {"lastUpdateTime": "2023-02-20T11:28:33Z", "fileAccessRequest": False}
        if _in(datafile.label, listing.no_size):
            made.pop("filesize")
        if _in(datafile.label, (*listing.no_size, *listing.no_original_size)):
            made.pop("originalFileSize", None)
        return made

    def _checksum(self, datafile: Datafile) -> dict[str, Any]:
        kind = self.setup.listing.checksum
        if not kind:
            return {}
        value = self.setup.published.checksum(datafile, _DIGESTS[kind])
        if _in(datafile.label, self.setup.listing.wrong_md5):
            value = hashlib.new(_DIGESTS[kind], value.encode(), usedforsecurity=False).hexdigest()
        return ({"md5": value} if kind == "MD5" else {}) | {"checksum": {"type": kind, "value": value}}


def _in(label: str, labels: Collection[str]) -> bool:
    return label in labels or "*" in labels


def _unf(name: str) -> str:
    return "UNF:6:" + base64.b64encode(hashlib.sha256(name.encode()).digest()[:16]).decode()


def _citation(title: str, author: str) -> dict[str, Any]:
    name = {"typeName": "authorName", "multiple": False, "typeClass": "primitive", "value": author}
    return {
        "displayName": "Citation Metadata",
        "name": "citation",
        "fields": [
            {"typeName": "title", "multiple": False, "typeClass": "primitive", "value": title},
            {"typeName": "author", "multiple": True, "typeClass": "compound", "value": [{"authorName": name}]},
        ],
    }
