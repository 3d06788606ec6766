"""Says before anything is installed what this machine lacks: `python3 .ci/check_python.py`."""

import sys

if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(
        "Kosha needs Python 3.11, 3.12 or 3.13; this is {}.{}. Name another one: make PYTHON=python3.12 ...".format(
            *sys.version_info[:2]
        )
    )
try:
    import ensurepip  # noqa: F401
    import venv  # noqa: F401
except ImportError:
    sys.exit(
        "This Python cannot make virtual environments. On Debian and Ubuntu: apt-get install python{}.{}-venv".format(
            *sys.version_info[:2]
        )
    )
