"""`python -m manyicl`, which launchers such as torchrun start."""

import sys

from manyicl.cli import main

if __name__ == "__main__":
    sys.exit(main())
