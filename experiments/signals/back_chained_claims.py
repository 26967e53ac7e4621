CLAIM_FAMILIES=()
def claims(*a): return []
