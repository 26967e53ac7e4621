FACTOR=2.0
MOST=0.95
FAMILIES=()
claims_of=frames_of=None
