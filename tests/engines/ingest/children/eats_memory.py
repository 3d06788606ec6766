"""A parser that wants more memory than there is, under the real limits."""

from workers.engines.ingest import parse_child


def _eat(*_):
    return bytearray(1024**3)


parse_child.parse = _eat
parse_child.main()
