"""The parts of `cases`, which is what tests import."""
