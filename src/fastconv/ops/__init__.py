"""The public operations: one family a file."""
