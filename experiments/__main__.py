"""python -m experiments: `mazerl sweep` over the studies of this repository."""

from collections.abc import Sequence

from experiments import OFFER
from mazerl.sweep import commands
from mazerl.sweep.studies import offer


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command."""
    offer(OFFER)
    commands.main(arguments)


if __name__ == "__main__":
    main()
