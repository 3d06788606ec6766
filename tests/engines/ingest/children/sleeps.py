"""A parser that waits for ever."""

import time

time.sleep(60)
