"""A small Dataverse and its store on loopback, faithful to what the real ones were seen to do.

with Servers.of(small) as servers:
    servers.fault("s3", "truncate", name="HAM10000_images_part_1.zip", after=1000)
    record = servers.record(small.record, tmp_path)
    ...  # run something against the record
    assert servers.downloads_counted == 7
"""

from __future__ import annotations

from tests.dataverse.faults import KINDS, Fault
from tests.dataverse.messages import Request
from tests.dataverse.servers import Servers
from tests.dataverse.setup import KEY, Listing

__all__ = ["KEY", "KINDS", "Fault", "Listing", "Request", "Servers"]
