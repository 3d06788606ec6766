"""A parser that never ends."""

while True:
    pass
