"""Grids of cells → records → tables → claims; knows no study."""
