"""One run, or several that differ in their seed: how they begin, and go on for a record."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from mazerl.cores import usable_cores
from mazerl.maze import Array
from mazerl.training.method import (
    Method,
    Metrics,
    Params,
    Task,
    Training,
    optimizer_of,
    require_valid,
)
from mazerl.training.parallel import on_all
from mazerl.training.update import Carry, Rule, record

# Named sub-key beside those of the updates, which count up from 0.
_BEGIN_KEY = 0xFFFFFFFF


class Runs:
    """One run, or several that differ in their seed: how to begin and to go on."""

    def __init__(
        self,
        method: Method,
        training: Training,
        seeds: int | None = None,
        mesh: Mesh | None = None,
    ) -> None:
        require_valid(training)
        self.monitor = method.monitor(method.world)
        method = replace(method, world=on_all(method.world, mesh))
        self.mesh = mesh
        self.method, self.training, self.seeds = method, training, seeds
        static = replace(method, world=None)
        optimizer = optimizer_of(training.optimizer)
        self.rule = Rule(
            static, optimizer, training.max_norm, training.kl_stop, training.record_every,
            seeds is not None,
        )  # fmt: skip

    def begin(self, task: Task, params: Params, key: Array) -> Carry:
        """Nothing done yet."""

        def fresh(params: Params, key: Array) -> Carry:
            return Carry(
                params=params,
                optimizer=self.rule.transform(self.training.rate).init(params),
                state=self.method.begin(
                    self.method.world, task, jax.random.fold_in(key, _BEGIN_KEY)
                ),
                step=jnp.int32(0),
                failed=jnp.int32(-1),
            )

        return fresh(params, key) if self.seeds is None else jax.vmap(fresh)(params, key)

    def times(self, params: Params) -> Metrics:
        """What walks of parameters on the host will take, [] or [S] each, where it can be had."""
        clock = self.monitor.clock
        if self.seeds is None:
            return clock(params)
        each = [clock(jax.tree.map(lambda x, n=n: x[n], params)) for n in range(self.seeds)]
        return {name: np.array([told[name] for told in each]) for name in each[0]}

    def advance(self, task: Task, key: Array, carry: Carry, halvings: int) -> tuple[Carry, Metrics]:
        """One record, at the rate halved so many times."""
        rate = self.training.rate / 2**halvings

        def go(key: Array, carry: Carry) -> tuple[Carry, Metrics]:
            after = record(
                self.rule, rate, self.training.steps, key, self.method.world, task,
                carry,
            )  # fmt: skip
            return jax.block_until_ready(after)

        parts = _threads(self.seeds)
        if parts == 1:
            return go(key, carry)
        # Every thread takes as many seeds, so that they share a compilation; some do the last
        # seed again.
        each = -(-(self.seeds or 1) // parts)
        taken = np.minimum(np.arange(parts * each), (self.seeds or 1) - 1).reshape(parts, each)

        def part(seeds: np.ndarray) -> tuple[Carry, Metrics]:
            with jax.enable_x64(self.method.exact):  # is a thread's own
                return go(key[seeds], jax.tree.map(lambda x: x[seeds], carry))

        with ThreadPoolExecutor(parts) as pool:
            after = list(pool.map(part, taken))
        return jax.tree.map(lambda *x: jnp.concatenate(x)[: self.seeds], *after)


def _threads(seeds: int | None) -> int:
    """How many parts of the seeds run side by side: one a core, where there is no accelerator."""
    if seeds is None or jax.default_backend() != "cpu":
        return 1
    return min(seeds, len(usable_cores()))
