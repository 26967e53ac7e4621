"""What is kept: records, metrics, and how runs are told to stop."""
