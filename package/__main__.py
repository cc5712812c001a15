"""`python -m tapegrad`: the program of that name."""

import sys

from .command import main

sys.exit(main())
