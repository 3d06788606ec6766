"""A parser that allocates more memory than the real limits allow."""

from workers.engines.ingest import parse_child


def _eat(*_):
    return bytearray(1024**3)


parse_child.parse = _eat
parse_child.main()
