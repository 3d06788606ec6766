"""A parser with a bug of ours."""

import sys

sys.exit(1)
