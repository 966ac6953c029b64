"""Docstrings of the house as Markdown: names become links, literal blocks and tables lose their reStructuredText.

A docstring is written to be read in the terminal. In Markdown its ``*`` and ``<`` would mean something else, ``::``
would show, and a table of ``====`` would not be one.
"""

import re

from griffe import Extension

CODE = re.compile(r"(``.+?``|`[^`]+`)")
EMPHASIS = re.compile(r"(?<![\w*])\*\w(?:[^*]*\w)?\*(?![\w*])")
NAME = re.compile(r"`([A-Za-z_][\w.]*)`")
RULE = re.compile(r"\s*=+(\s+=+)+\s*")
SECTION = re.compile(r"-{3,}\s*")


class HouseStyle(Extension):
    """Rewrites every docstring of a package once all of it is known; what is imported is shown where it is defined."""

    def on_package(self, *, pkg, **_):
        """Walk a package that has been loaded."""
        self._rewrite(pkg)
        self._forget_imports(pkg)

    def _rewrite(self, thing):
        if thing.docstring:
            thing.docstring.value = as_markdown(thing.docstring.value, lambda name: _target(thing, name))
        for member in _own(thing).values():
            self._rewrite(member)

    def _forget_imports(self, package):
        package.members = _own(package)
        for member in package.members.values():
            if member.is_module and member.is_init_module:  # other modules show no imports in any case
                self._forget_imports(member)


def _own(thing):
    return {name: member for name, member in thing.members.items() if not member.is_alias}


def as_markdown(text, target=lambda name: None):
    r"""A docstring for a Markdown renderer.

    Parameters
    ----------
    text : str
    target : callable
        From a name in backticks to the dotted name that it stands for, or None.

    Examples
    --------
    >>> print(as_markdown("y of shape (R, M*C)::\n\n    y = a * b\n\nSee `f`.", {"f": "m.f"}.get))
    y of shape (R, M\*C):
    <BLANKLINE>
        y = a * b
    <BLANKLINE>
    See [`f`][m.f].
    """
    lines, out = iter(text.split("\n")), []
    previous, section, literal = "", "", None  # literal: how far the line is indented that announced a block
    for line in lines:
        if SECTION.fullmatch(line):
            section = previous.strip()
        indent = len(line) - len(line.lstrip())
        if line.strip() and literal is not None and indent <= literal:
            literal = None
        if line.lstrip().startswith(">>>"):
            out += [line, *_up_to(lines, lambda inner: not inner.strip())]
        elif literal is not None or _names_parameters(line, section):
            out.append(line)
        elif RULE.fullmatch(line):
            rows = [list(_up_to(lines, RULE.fullmatch))[:-1] for _ in ("head", "body")]
            out += _table(line, [*rows[0], *rows[1]], target)
        else:
            if line.endswith("::"):
                literal, line = indent, line.removesuffix(" ::").removesuffix(":")
            out.append(_prose(line, target))
        previous = line
    return "\n".join(out)


def _up_to(lines, is_last):
    """The next lines, the one that ends them included."""
    for line in lines:
        yield line
        if is_last(line):
            return


def _names_parameters(line, section):
    """Whether a line has a name and its type, which the parser of docstrings reads."""
    return section in ("Parameters", "Attributes", "Returns", "Raises") and line[:1].strip() != ""


def _prose(line, target):
    parts = CODE.split(line)
    for k, part in enumerate(parts):
        if k % 2:
            name = NAME.fullmatch(part)
            dotted = target(name[1]) if name else None
            parts[k] = f"[`{name[1]}`][{dotted}]" if dotted else part
        else:
            parts[k] = _escaped(part)
    return "".join(parts)


def _escaped(text):
    """Text in which ``*`` multiplies unless it embraces words, and ``<`` compares."""
    kept = EMPHASIS.findall(text)
    rest = [re.sub(r"([*<])", r"\\\1", part) for part in EMPHASIS.split(text)]
    return "".join(a + b for a, b in zip(rest, [*kept, ""], strict=True))


def _table(rule, rows, target):
    edges = [found.start() for found in re.finditer(r"=+", rule)]
    cells = [[row[a:b].strip() for a, b in zip(edges, [*edges[1:], None], strict=True)] for row in rows]
    head, *body = [[_prose(cell.replace("|", "\\|"), target) for cell in row] for row in cells]
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(edges), *body)]
    return ["", *lines, ""]


def _target(thing, name):
    """The dotted name of something public that has a place on the site."""
    if name.split(".")[-1].startswith("_"):
        return None
    package = thing.package
    try:
        first, *rest = name.split(".")
        dotted = name if first == package.name else ".".join([thing.resolve(first), *rest])
        found = package[dotted[len(package.name) + 1 :]] if dotted != package.name else package
        found = found.final_target if found.is_alias else found
    except Exception:  # whatever griffe cannot resolve is no link
        return None
    if not found.docstring or found.path == thing.path or found.is_attribute:
        return None
    near = name.startswith(f"{package.name}.") or found.path == f"{thing.path}.{name}"
    if found.is_module and not near:  # a word that is also the name of a module
        return None
    if thing.is_function and name in {parameter.name for parameter in thing.parameters}:
        return None
    return found.path
