"""Commands killed at random, outside pytest: ``python -m tests.stress --kills 200``."""
