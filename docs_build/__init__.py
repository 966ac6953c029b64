"""What turns this repository into its site: pages made from code, notebooks, measurements and the ledger.

`hooks` is what mkdocs calls; every other module makes one kind of page, or one kind of content.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class SiteError(ValueError):
    """What is wrong with the sources of the site, in one line: the build stops."""
