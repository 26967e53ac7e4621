"""Sizes of the benchmarks; tiny ones, which time nothing, tell that they still run."""

import os

TINY = bool(os.environ.get("BENCHMARKS_TINY"))


def scaled(full: int, tiny: int) -> int:
    """A size as it is timed, or tiny where the environment has BENCHMARKS_TINY."""
    return tiny if TINY else full
