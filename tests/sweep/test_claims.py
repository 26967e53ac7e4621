"""Rows of claims on how many of so many runs do."""

import pytest

from mazerl.sweep.claims import claim, control, share


def test_the_interval_of_a_share_is_the_exact_binomials() -> None:
    all_do = share(claim, "X1", "runs", 20, 20, 0.95)
    assert all_do["interval"] == f"[{0.025 ** (1 / 20):.7g}, 1]"  # Clopper and Pearson, n of n
    none_does = share(control, "X1.c", "runs", 0, 20, most=0.0)
    assert none_does["interval"] == f"[0, {1 - 0.025 ** (1 / 20):.7g}]"
    assert (all_do["role"], none_does["role"]) == ("claim", "control")
    assert (all_do["measured"], none_does["measured"]) == ("20 of 20", "0 of 20")


@pytest.mark.parametrize(
    ("met", "least", "most", "expected", "verdict"),
    [
        (19, 0.95, 1.0, "≥ 95%", "holds"),
        (18, 0.95, 1.0, "≥ 95%", "FAILS"),
        (20, 1.0, 1.0, "all", "holds"),
        (19, 1.0, 1.0, "all", "FAILS"),
        (1, 0.0, 0.05, "≤ 5%", "holds"),
        (2, 0.0, 0.05, "≤ 5%", "FAILS"),
        (0, 0.0, 0.0, "none", "holds"),
        (1, 0.0, 0.0, "none", "FAILS"),
    ],
)
def test_a_share_holds_by_its_bounds(
    met: int, least: float, most: float, expected: str, verdict: str
) -> None:
    row = share(claim, "X1", "runs", met, 20, least, most)
    assert (row["expected"], row["verdict"]) == (expected, verdict)
