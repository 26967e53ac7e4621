"""What SFT and RL teach of backtracking, exactly and on transformers (Wei & Kim 2026)."""

STUDIES = (
    "learning",
    "inference_scaling",
    "search",
    "distillation",
    "decisions",
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
    "gallery",
)
