from mazerl.sweep.claims import Family
CLAIM_FAMILIES = (Family(id="I1", title="", statement="", source="", control="", scope=""),)
def claims_of(*a): return []
