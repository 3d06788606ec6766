"""A parser that raises an unexpected exception."""

import sys

sys.exit(1)
