"""Studies of the field's questions, a folder each; `python -m experiments` runs them."""
