"""Mazes as environments of other libraries; each file needs the extra of its name.

In both, an observation is the arrival arc, 0 … A, of which A says that the walk begins; an action
is a port. A port that the vertex does not have wastes a step. At a chance vertex the environment
moves whatever the action is. Reaching the goal terminates, the time limit truncates.
"""
