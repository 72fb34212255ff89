"""The engine: ops, graphs, plans, runs and derivations, with NumPy alone."""
