"""The window: the only layer that uses Qt."""
