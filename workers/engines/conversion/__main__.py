"""Convert models from their PyPI packages: `python -m workers.engines.conversion --out var/models [model …]`."""

import sys

from workers.engines.conversion.command import main

if __name__ == "__main__":
    sys.exit(main())
