"""A parser that the kernel ends because others took the node's memory."""

import os
import signal

os.kill(os.getpid(), signal.SIGKILL)
