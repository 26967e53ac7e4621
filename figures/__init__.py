"""Drawings, one a file, from figures/data/*.csv alone. Nothing is computed here, and no jax.

A folder is a group of drawings, as in experiments/. Names of drawings are unique over all groups.
"""

_GROUPS = {
    "backtracking": (
        "inference_scaling",
        "transformer_gap",
        "ppo_curves",
        "ppo_settings",
        "alarms",
        "training_cost",
        "memory",
        "steelman",
        "model_size",
        "topologies",
        "generalisation",
        "in_context",
        "learning",
        "search",
        "distillation",
        "decisions",
        "gallery",
    ),
    "objectives": (
        "outcome_weights",
        "normalisation",
        "kl_penalty",
        "clipping",
        "group_filters",
        "mismatched_scoring",
        "time_limits",
        "wrong_moves",
        "pool_learning",
    ),
    "boundary": ("pass_at_k", "temperature", "chained_forks", "strategies", "free_rows"),
    "rollouts": (
        "collapse",
        "trees",
        "guarantee",
        "tree_training",
        "tree_proxies",
        "speculation",
        "deep_trees",
    ),
    "edits": ("edits", "rank", "same_edits", "run_curves", "gated_training", "gate_norms"),
    "signals": (
        "aggregation",
        "mixed_methods",
        "template_collapse",
        "back_chained",
        "exploration",
        "rewards",
        "confidence",
        "environment_tokens",
        "all_methods",
    ),
    "laws": ("traps", "trap_depth", "trap_phases"),
}
FIGURES = {name: group for group, names in _GROUPS.items() for name in names}
