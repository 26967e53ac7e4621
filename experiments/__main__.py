"""python -m experiments: `mazerl sweep` over the studies of this repository."""

from mazerl.sweep.commands import main

if __name__ == "__main__":
    main()
