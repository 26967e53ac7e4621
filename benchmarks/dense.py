"""The peer of exact RLVR: dense NumPy solves of one branch in a Python loop."""

import numpy as np


class DenseBranch:
    """One branch as a chain of 4K states that is left at the fork or at the leaf."""

    def __init__(self, width: int, depth: int, lanes: int) -> None:
        self.width, self.lanes, n = width, lanes, 4 * depth
        # State 4j + family. Each either keeps its direction or turns; n is the fork, n+1 the leaf.
        self.keep, self.turn = np.empty(n, int), np.empty(n, int)
        for j in range(depth):
            a, b, c, d = (4 * j + f for f in range(4))
            onward = 4 * (j + 1) + 2 if j + 1 < depth else n + 1
            back = 4 * (j - 1) + 1 if j else n
            self.keep[[a, b, c, d]] = onward, d, a, back
            self.turn[[a, b, c, d]] = d, onward, back, a
        self.into, self.out = 2, n - 3  # left₀ forward, right_{K-1} backward

    def time_and_gradient(self, gaps: np.ndarray) -> tuple[float, np.ndarray]:
        """H and its derivative by the gaps [4, K], by two dense solves and their adjoints."""
        n, W = gaps.size, self.width
        lean = np.array([-1, 1, 1, -1])[:, None] * np.log(self.lanes)
        p = (1 / (1 + np.exp(-(gaps + lean)))).T.reshape(-1)
        full = np.zeros((n, n + 2))
        np.add.at(full, (np.arange(n), self.keep), p)
        np.add.at(full, (np.arange(n), self.turn), 1 - p)
        system = np.eye(n) - full[:, :n]
        time, leaf = np.linalg.solve(system, np.stack([np.ones(n), full[:, n + 1]], 1)).T
        enter, hit = 1 + time[self.into], leaf[self.into]
        leave, miss = 1 + time[self.out], 1 - leaf[self.out]
        total = W * enter / hit + (W - 1) * leave / miss
        by_time, by_leaf = np.zeros(n), np.zeros(n)
        by_time[self.into], by_leaf[self.into] = W / hit, -W * enter / hit**2
        by_time[self.out] += (W - 1) / miss
        by_leaf[self.out] += (W - 1) * leave / miss**2
        weight = np.linalg.solve(system.T, np.stack([by_time, by_leaf], 1))
        values = np.stack([np.append(time, [0, 0]), np.append(leaf, [0, 1])], 1)
        gain = ((values[self.keep] - values[self.turn]) * weight).sum(1)
        return float(total), (gain * p * (1 - p)).reshape(-1, 4).T


def sign_ascent(width: int, depth: int, lanes: int, steps: int, rate: float) -> np.ndarray:
    """Gaps [4, K] after sign-gradient steps on -H."""
    branch, gaps = DenseBranch(width, depth, lanes), np.zeros((4, depth))
    for _ in range(steps):
        gaps -= rate * np.sign(branch.time_and_gradient(gaps)[1])
    return gaps
