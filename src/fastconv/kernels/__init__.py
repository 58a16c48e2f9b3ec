"""Loops over flat arrays and integers. Nothing here checks, decides or raises."""
