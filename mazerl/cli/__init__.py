"""The `mazerl` command, a file a subcommand."""
