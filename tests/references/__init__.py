"""The parts of `reference`, which is what tests import."""
