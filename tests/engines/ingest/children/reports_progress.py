"""A parser that has read 3 pages of 10 and then waits without end."""

import json
import sys
import time
from pathlib import Path

from workers.engines.ingest.isolation import write_progress

task = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
with open(task["progress"], "wb", buffering=0) as file:
    write_progress(file, 3, 10)
    time.sleep(60)
