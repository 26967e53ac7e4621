GATES = ("entropy", "degree", "chance", "low_entropy", "all")
VARIANTS = ("positives", "sums", "shortest", "clarity")
WEIGHTS = ("unclipped", "clipped", "published")
WALKS = (20, 80)
RATE, SMALL = 0.5, 0.05
FAMILIES = ()
def table(records): ...
