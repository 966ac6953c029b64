r"""LaTeX between ``\(...\)`` and ``\[...\]`` to MathML, while the site is built: nothing to load, nothing to run."""

import re
from html import unescape

from latex2mathml.converter import convert

from docs_build import SiteError

MARKED = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\(?P<open>[(\[])(?P<latex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL
)
# A norm that is not told to embrace becomes two signs, of which one grows and the other one has the exponent.
EMBRACE = ((r"(?<!\\left)\\lVert", r"\\left\\lVert"), (r"(?<!\\right)\\rVert", r"\\right\\rVert"))
# What the converter does not know it writes into the formula, backslash and all, and says nothing.
UNKNOWN = re.compile(r">([^<>]*\\[^<>]*|&)<|linebreak=\"newline\"")


def to_mathml(latex, block=False):
    r"""One expression as a ``<math>`` element.

    Parameters
    ----------
    latex : str
    block : bool
        A formula on a line of its own.

    Raises
    ------
    SiteError
        If a part of the expression is not understood.

    Examples
    --------
    >>> to_mathml("x^2").count("<msup>")
    1
    >>> to_mathml(r"\lVert x \rVert^2") == to_mathml(r"\left\lVert x \right\rVert^2")
    True
    >>> to_mathml(r"\nonsense x")
    Traceback (most recent call last):
    ...
    docs_build.SiteError: formula not understood: \nonsense x (at \nonsense)
    """
    try:
        element = convert(_embracing(latex.strip()), display="block" if block else "inline")
    except Exception as error:  # the converter has a type of error for each way to fail
        raise SiteError(f"formula not understood: {latex.strip()} ({type(error).__name__})") from None
    if unknown := UNKNOWN.search(element):
        raise SiteError(f"formula not understood: {latex.strip()} (at {unknown[1] or 'a new line'})")
    opened, closed = (len(re.findall(rf"(?<!\\)[{brace}]", latex)) for brace in "{}")
    if opened != closed:
        raise SiteError(f"formula not understood: {latex.strip()} ({opened} braces open and {closed} close)")
    return element


def _embracing(latex):
    for sign, whole in EMBRACE:
        latex = re.sub(sign, whole, latex)
    return latex


def with_mathml(html, page):
    """A page whose formulas are MathML.

    Raises
    ------
    SiteError
        If a formula is not understood: on which page, and which.
    """

    def replace(found):
        try:
            element = to_mathml(unescape(found["latex"]), block := found["open"] == "[")
        except SiteError as error:
            raise SiteError(f"{page}: {error}") from None
        return f'<div class="formula" tabindex="0">{element}</div>' if block else element

    return MARKED.sub(replace, html)
