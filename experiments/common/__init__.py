"""What studies of several groups share."""
