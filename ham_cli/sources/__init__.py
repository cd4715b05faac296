"""Where published files come from, over the network."""

from ham_cli.sources.bucket import Bucket
from ham_cli.sources.dataverse import Dataverse
from ham_cli.sources.mirror import Mirror

Source = Bucket | Dataverse | Mirror

__all__ = ["Bucket", "Dataverse", "Mirror", "Source"]
