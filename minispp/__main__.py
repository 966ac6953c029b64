"""``python -m minispp`` is ``minispp``."""

from minispp.cli import main

if __name__ == "__main__":
    main()
