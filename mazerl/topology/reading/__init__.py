"""Files as tools write them → what they list, as it stands there."""
