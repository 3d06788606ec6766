"""A parser whose allocator gives up."""

import os
import resource

resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
os.abort()
