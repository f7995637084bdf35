"""The command line, as an owner types it."""
