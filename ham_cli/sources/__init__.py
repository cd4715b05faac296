"""Where published files come from, over the network."""

from ham_cli.sources.bucket import Bucket
from ham_cli.sources.dataverse import Dataverse
from ham_cli.sources.listing import Drift, Listed, Listing, drift, learnt
from ham_cli.sources.mirror import Mirror
from ham_cli.sources.shelf import Shelf

Offering = Bucket | Dataverse | Mirror
"""What has published files."""

Source = Offering | Shelf

__all__ = ["Bucket", "Dataverse", "Drift", "Listed", "Listing", "Mirror", "Offering", "Shelf", "Source", "drift", "learnt"]
