"""Decisions: which algorithm serves a call, how its output is cut into blocks, and the tables that kernels read."""
