"""The parts of `python benchmarks/run.py`."""
