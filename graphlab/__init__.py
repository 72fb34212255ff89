"""GraphLab: a debugger for neural networks that you build by drag and drop."""

__version__ = "0.1.0"
