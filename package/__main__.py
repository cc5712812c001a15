"""`python -m tapegrad`: the program of that name."""

import sys

from .command import main

if __name__ == "__main__":
    sys.exit(main())
