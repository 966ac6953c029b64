"""The checks alone, for tools that watch a program: ``python3 -m minispp.bench.gpu [SCALE]``."""

import sys

from minispp.bench.gpu.checks import check

rows = check(sys.argv[1] if len(sys.argv) > 1 else "small", tell=lambda row: print(row, flush=True))
sys.exit(not all(row["right"] for row in rows))
