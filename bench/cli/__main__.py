"""`python -m bench.cli`: the same as `callbench`."""

import sys

from bench.cli import main

sys.exit(main())
