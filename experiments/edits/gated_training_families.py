"""What the claims of gated training are, where they come from, and what they do not show."""

from mazerl.sweep.claims import Family

_PAPER = "Gai et al. 2026 (arXiv 2605.06241)"
_POOLS = (
    "16 pools of 24 problems, T = 60, on 2 caves, 8 base models of each; free rows that see the "
    "goal, base opinions drawn at random; problems with p above 1/512. One pass over the corpus, "
    "Adam, warm-up and decay; rates chosen on development pools. No low-rank adapters, no "
    "transformer. "
)
FAMILIES = (
    Family(
        id="X6",
        title="What ReasonMaxxer's first step is",
        statement="At the base, in sums over walks at temperature 1, it is the exact policy "
        "gradient of success on the gated places times GRPO's weight for 20 walks; the clip at 2.5 "
        "makes that weight nearly constant where p is small; as published, with means of walks at "
        "temperature .6, it leaves the direction.",
        source=f"{_PAPER} §4, from its formulas; the identity is this project's",
        control="X6.c1: the weight of groups of 8 must miss.",
        scope="True by construction as soon as walks and formulas are what they say: what is "
        "tested is the code, corpus and loss. One maze and one policy drawn at random; the gate "
        "is of the half of all tokens at which entropy is highest; 70 000 groups at p near .05, "
        "30 000 at .3. p = .8, whose walks are long, was left out.",
        sampled=("X6.1", "X6.2", "X6.4", "X6.c1"),
    ),
    Family(
        id="X7",
        title="Whether the loss has to be stopped",
        statement="With negative advantages the loss falls without end. That does not ruin mean p, "
        "with infinitely many groups or in one corpus; but single problems of a corpus are lost, "
        "which positives alone do not lose.",
        source=f"{_PAPER} §4 stops after one epoch; no paper asks what comes after",
        control="X7.c1: of positives alone the loss must come to rest, falling in the last "
        "quarter by less than a tenth of what it does with negatives, and lose hardly a problem.",
        scope=_POOLS + "Long runs are 2000 updates at a rate of .2 that stays, some 40 passes. "
        "Exactly: 4 problems of one cave, 4 bases. That going on does not ruin p is seen on caves "
        "that are trees, where what failures do most is wrong.",
        sampled=("X7.2", "X7.3", "X7.c1"),
    ),
    Family(
        id="X8",
        title="Where positives alone end",
        statement="Positives alone converge to the base's moves given success, averaged over time. "
        "Rows without time lose by the average: they do not succeed surely; the longer the limit "
        "the nearer they are to the base.",
        source=f"{_PAPER}, ablation of negatives; the limit is this project's",
        control="X8.c1: rows that know how many steps were taken have nothing to average: they "
        "must succeed surely.",
        scope="Exact loss of infinitely many groups, all tokens; one cave, 4 bases, 4 problems "
        "each, T = 30, 60, 300. For T to 60 the limit is had from the exact imitation of "
        "successes, for 300 from the same moments as the loss. X8.c1 fails: after as many updates "
        "as the others have, rows that know t have a least p of .9983, not .999: they are more "
        "rows, and had not come to their end. At the end they succeed surely to 1e-9, which a test "
        "from after the run says. Since the run it is judged at full size alone.",
    ),
    Family(
        id="X9",
        title="What learning without RL costs",
        statement="From 20 walks a problem ReasonMaxxer has what GRPO and PPO need more steps for; "
        "at four times the steps GRPO is ahead, because what is drawn of the base is soon used "
        "up. Imitating all successes of the same walks does better than both.",
        source=f"{_PAPER}, table of costs; its costs are of money, not of steps at equal p",
        control="X9.c1: with outcomes shuffled within problems the same corpus must be worth less "
        "than one update of GRPO.",
        scope=_POOLS + "Steps of the environment, dropped problems' included; updates are not "
        "counted. GRPO in groups of 20 for 24 goals, 4 passes; PPO as the loop has it; GRPO and "
        "PPO are judged at their own best rate on development pools. SFT in as many updates as "
        "ReasonMaxxer. Steps between updates are interpolated. PPO and GRPO on junction rows "
        "alone are X18. At four times the steps PPO is ahead in 9 of 16 pools alone, which "
        "was looked at, and taken out of the sentence above, after the run.",
        sampled=("X9*",),
    ),
    Family(
        id="X11",
        title="What learning without RL does to pass@128",
        statement="ReasonMaxxer raises mean p and not mean pass@128; GRPO at equal mean p has more "
        "of it.",
        source="no paper asks this of ReasonMaxxer",
        control="X11.c1: mean p itself must grow, by half or more.",
        scope=_POOLS + "pass@128 exactly, from p.",
        sampled=("X11*",),
    ),
    Family(
        id="X12",
        title="What the gate is good for",
        statement="The gate by entropy gains what a count of ports does, several times what chance "
        "does at the same occupancy; no gate at all gains nearly as much, and loses more problems. "
        "Shuffled advantages gain nothing with small steps.",
        source=f"{_PAPER}, whose gate is compared with no other",
        control="X12.c1: the places of lowest entropy, at the same occupancy, must gain next to "
        "nothing. X12.c2: advantages that are not shuffled must fail the test of equivalence.",
        scope=_POOLS + "Gates are matched in occupancy, not in gradient norm, by which Adam "
        "divides; X17 matches norms.",
        sampled=("X12*",),
    ),
    Family(
        id="X14",
        title="Which problems the filter keeps",
        statement="Of problems with success p of the base that walks, the filter keeps "
        "1 - (1-p)^20 - p^20; free rows of the others do not move, and RL moves them.",
        source=f"{_PAPER} §4; the share is arithmetic",
        control="X14.c1: with p at temperature 1, where the walks are at .6, it must miss. X14.c2: "
        "GRPO must raise the problems that the filter drops.",
        scope=_POOLS + "That rows of dropped problems do not move is so by construction; with "
        "shared parameters they may. X14.c1 fails: temperature 1 misses by 3.7 standard errors, "
        "not 4, where that of the walks is within 1.6.",
        sampled=("X14*",),
    ),
)
