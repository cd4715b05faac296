"""From what a source offers to a cache that holds it: recognised, planned, taken, indexed."""
