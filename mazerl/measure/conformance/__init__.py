"""Is a PPO right? Probe mazes with known values and policies, and faults told by their names.

    probe = maze, limit, settings → the PPO under test → values [A+1], probabilities [A+1, D]
    every fault says by algebra what it would have left there; who comes nearest is named

`bridges.conformance` has what a PPO is given; `probes` asks, `values`, `policies` and `advantages`
know the answers, right and wrong; `own` is the library's own PPO.
"""
