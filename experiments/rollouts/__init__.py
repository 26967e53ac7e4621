"""Which rollouts teach: groups that are mixed, and trees of walks that spend a budget on them."""

STUDIES = (
    "collapse", "trees", "guarantee", "tree_training", "tree_proxies", "speculation", "deep_trees",
)  # fmt: skip
