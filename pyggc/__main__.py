"""``python -m pyggc`` is the command ``gaussian-codec``."""

import sys

from pyggc.cli import main

if __name__ == "__main__":
    sys.exit(main())
