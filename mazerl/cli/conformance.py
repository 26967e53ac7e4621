"""`mazerl conformance`: whether a PPO is right, and which fault it has, by name."""

from collections.abc import Sequence

from mazerl.bridges.conformance import Adapter, Advantages
from mazerl.cli.parsing import Options, parse, wants_help
from mazerl.cli.printing import print_result, progress_bar
from mazerl.errors import MazerlError, require_seed, require_whole
from mazerl.loading import load_function
from mazerl.measure.conformance.own import own_advantages, own_ppo
from mazerl.measure.conformance.probes import PROBES, SUMS, Finding, examine

_SUMMARY = "Say whether a PPO is right, and if not, which fault it has."

_NAMES = (*(probe.name for probe in PROBES), SUMS)

_OPTIONS: dict[str, Options] = {
    "asking": {
        "advantages": (
            str, "", "FILE.py:FUNCTION or MODULE:FUNCTION from recorded steps to advantages; "
            "without it they are not asked for",
        ),
        "probes": (str, "", f"some of {','.join(_NAMES)} [default: all]"),
        "seed": (int, 0, "of the PPO"),
        "seeds": (int, 1, "ask again for so many seeds from there on"),
    },
    "output": {"json": (bool, False, "print one JSON object")},
}  # fmt: skip

OWN = "mazerl"
"""The library's own PPO, in the place of an adapter."""


def main(words: Sequence[str]) -> None:
    """Ask the probes; exit code 1 if there is a fault."""
    if wants_help(words):
        print(f"usage: mazerl conformance ADAPTER [options]\n\n{_SUMMARY}\n")
        print("ADAPTER is FILE.py:FUNCTION or MODULE:FUNCTION: given a task, it trains a PPO on")
        print(f"its environment and returns (values, probabilities). {OWN} is this library's PPO.")
        print("`mazerl conformance ADAPTER --help` lists the options.")
        return
    name, *rest = words
    _, chosen = parse("mazerl conformance ADAPTER", _SUMMARY, None, _OPTIONS, rest)
    first, count = require_seed("seed", chosen["seed"]), require_whole("seeds", chosen["seeds"])
    wanted = _wanted(chosen["probes"])
    adapter, advantages = _found(name, chosen["advantages"])
    by_seed: dict[int, list[Finding]] = {}
    with progress_bar(f"conformance {name}") as tell:
        for n in range(count):
            by_seed[first + n] = examine(
                adapter, advantages, first + n, wanted,
                lambda share, n=n: tell((n + share) / count),  # type: ignore[misc]
            )  # fmt: skip
    faults = sorted({f.fault for findings in by_seed.values() for f in findings if f.fault})
    if chosen["json"]:
        findings = [f._asdict() | {"seed": n} for n, each in by_seed.items() for f in each]
        result = {"adapter": name, "seeds": list(by_seed), "faults": faults}
        print_result(result | {"findings": findings}, as_json=True)
    else:
        print(_text(by_seed, faults))
    if faults:
        raise SystemExit(1)


def _wanted(words: str) -> list[str]:
    wanted = [word for word in words.split(",") if word]
    for word in wanted:
        if word not in _NAMES:
            raise MazerlError(f"unknown probe {word!r}; known: {', '.join(_NAMES)}")
    return wanted


def _found(name: str, advantages: str) -> tuple[Adapter, Advantages | None]:
    if name == OWN:
        return own_ppo, own_advantages
    if ":" not in name:
        raise MazerlError(f"adapter {name!r} names no function; give FILE.py:FUNCTION, or {OWN}")
    own = load_function("advantages", advantages) if advantages else None
    return load_function("adapter", name), own


def _text(by_seed: dict[int, list[Finding]], faults: list[str]) -> str:
    lines = [["seed", "probe", "asks", "expected", "found", "verdict", "fault"]]
    for seed, findings in by_seed.items():
        lines += [[str(seed), *finding] for finding in findings]
    if len(by_seed) == 1:
        lines = [line[1:] for line in lines]
    width = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = ["  ".join(map(str.ljust, line, width)).rstrip() for line in lines]
    failed = sum(any(f.fault for f in findings) for findings in by_seed.values())
    what = f"{failed} of {len(by_seed)} seeds: " if len(by_seed) > 1 else ""
    return "\n".join([*shown, "", what + ("; ".join(faults) or "no fault was found")])
