"""On PYTHONPATH of every process the tests start, so that none of them reaches the real world."""
