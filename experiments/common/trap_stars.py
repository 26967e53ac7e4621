"""Arms on a fork whose ends are the goals, with or without a way round, and their closed forms.

Golden paths go down an arm and never back up: a wrong end is a trap as deep as its arm is long. A
way round joins each end with a hub where chance draws the next end, as the fork draws an arm. It is
shorter than an arm, so that the best policy takes it, and no golden path does.
"""

from fractions import Fraction
from math import log

import networkx as nx
import numpy as np

from mazerl import Maze, compile_maze
from mazerl.policy.rows import rows_of


def trap_star(arms: int, depth: int, way: int) -> Maze:
    """Arms of `depth` edges, at least 2, and ways of `way` edges from their ends; 0: no way."""
    ends = [(arm + 1) * depth for arm in range(arms)]
    graph: nx.MultiGraph[int] = nx.MultiGraph(start=0, goals=ends)
    graph.add_nodes_from(range(1 + arms * depth))
    for end in ends:
        nx.add_path(graph, [0, *range(end - depth + 1, end + 1)])
    graph.nodes[0]["chance"] = True
    if way:
        hub = len(graph)
        graph.add_node(hub, chance=True)
        for end in ends:
            nx.add_path(graph, [end, *range(len(graph), len(graph) + way - 1), hub])
    return compile_maze(graph)


def straight_rows(maze: Maze, depth: int, way: int) -> np.ndarray:
    """Rows [R] of never turning but at an end, which is left by the shorter side, as the best do.

    It knows no end that it has been to: chance may lead it there again.
    """
    rows = rows_of(maze)
    head = np.append(np.asarray(maze.head), maze.start)
    left = np.append(head[np.asarray(maze.reverse)], -1)
    here, there = head[rows.arrival], head[rows.arc]
    up_the_arm = there == np.where(depth > 1, here - 1, 0)
    at_end = np.isin(here, np.asarray(maze.goals))
    taken = np.where(at_end, up_the_arm == (way == 0), there != left[rows.arrival])
    return taken.astype(float)


def straight_time(arms: int, depth: int, way: int) -> int:
    """H of `straight_rows`: down an arm, and for each wrong end, W - 1 in the mean, out and in."""
    return depth + (arms - 1) * 2 * (way or depth)


def sft_time(arms: int, depth: int) -> int:
    """H after SFT on golden paths, no way round: (W-1)(2^(d+1) - 2) + d.

    From a wrong end each of d - 1 steps back is even odds, and a turn is thrown to the end again:
    2^(d+1) - d - 2 steps in the mean until the fork.
    """
    return (arms - 1) * (2 ** (depth + 1) - 2) + depth


def visit_chance(arms: int) -> Fraction:
    """Chance that a walk with no way round gets to a given end before its goal, another: h."""
    return Fraction(arms - 1, 2 * arms)


def share_needed(arms: int, depth: int, walks: int, factor: int = 2) -> float:
    """Share of the demonstrations that must backtrack for E H ≤ factor × optimum, no way round.

    Of so many walks each is the best policy's with probability ρ. An arm that none of them was
    wrong in, probability (1 - ρ h)^walks, keeps its trap, and H is linear in the number of these:

        ρ* = (1 - ((factor - 1) H_opt / (H_SFT - H_opt))^(1/walks)) / h

    inf where even walks that are all the best policy's are too few.
    """
    best = straight_time(arms, depth, 0)
    excess = Fraction(sft_time(arms, depth) - best, (factor - 1) * best)
    if excess <= 1:
        return 0.0
    # 1 - x^(1/n) without its cancellation.
    share = -np.expm1(-log(excess) / walks) / float(visit_chance(arms))
    return float(share) if share <= 1 else np.inf
