"""Measurements of speed against PyTorch. Nothing here runs in the tests; see docs/performance.md."""
