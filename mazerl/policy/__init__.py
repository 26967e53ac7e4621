"""Policies: rows per arrival arc, transformers, turns, search."""
