"""Tables of cells as the fits want them."""

import numpy as np
import pandas as pd

from mazerl.scaling import Data


def corridor_data(cells: pd.DataFrame, time: str = "time", error: np.ndarray | None = None) -> Data:
    """The columns of an experiment's cells that laws are fitted to."""
    width, depth, lanes, times = (
        cells[name].to_numpy(float) for name in ("width", "depth", "lanes", time)
    )
    return Data(width, depth, lanes, times, error)
