"""Benchmarks against other programs, outside pytest: ``python -m tests.benchmarks`` lists them."""
