"""`python -m graphlab` does what the command `graphlab` does."""

import sys

from graphlab.cli import main

if __name__ == "__main__":
    sys.exit(main())
