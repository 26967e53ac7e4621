"""Wei & Kim (2026): learning to backtrack efficiently."""
