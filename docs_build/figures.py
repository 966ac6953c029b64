"""Figures of pages that are written by hand, drawn by `minispp.plot` while the site is built."""

from functools import cache

from minispp import plot

WHERE = {"index.md": ("bins",)}


@cache
def drawn(name):
    """A figure by its name."""
    return {"bins": lambda: plot.bins(10, 14, (6, 3, 2, 1))}[name]()


def files():
    """Path in the site -> bytes."""
    return {f"figures/{name}.svg": plot.svg(drawn(name)) for names in WHERE.values() for name in names}


def places(page):
    """What stands for ``{{figure name}}`` on a page, as Markdown."""
    frame = '<div class="output plate" tabindex="0" markdown>\n{}\n</div>'
    return {f"figure {name}": frame.format(f"![{drawn(name).alt}](figures/{name}.svg)") for name in WHERE[page]}
