"""A parser that waits without end."""

import time

time.sleep(60)
