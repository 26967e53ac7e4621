"""Walking: the environment, rollouts, corpora of walks."""
