"""The paper-to-code ledger: what the paper says, in our own words; what implements it, and what proves it."""

import tomllib
from functools import cache
from typing import NamedTuple

from docs_build import ROOT, SiteError
from docs_build.module_pages import page_of
from docs_build.sources import defines, file_of, is_documented, modules, tests_of

FILE = ROOT / "docs" / "ledger.toml"
SECTIONS = {
    1: "Spatial pyramid pooling",
    2: "Networks",
    3: "Classification",
    4: "Detection",
    5: "Where paper, released code and arithmetic disagree",
}


class Statement(NamedTuple):
    """One row of the ledger."""

    source: str
    """Section and number of the fact, such as "1.2"."""
    says: str
    code: tuple
    """Dotted names."""
    proof: tuple
    """Tests, such as ``tests/test_windows.py::test_whole_maps``."""
    side: str = ""
    """For a disagreement: which side we take."""

    @property
    def section(self):
        """The number of its section."""
        return int(self.source.split(".")[0])


def statements():
    """All statements, in order.

    Raises
    ------
    SiteError
        If one says nothing, or names no code or no test, or one that is not there; or a disagreement takes no side.
    """
    found = []
    for row in tomllib.loads(FILE.read_text(encoding="utf-8"))["statement"]:
        statement = Statement(row["source"], row["says"], tuple(row["code"]), tuple(row["proof"]), row.get("side", ""))
        if not (statement.says and statement.code and statement.proof):
            raise SiteError(f"ledger: statement {statement.source} lacks words, code or a proof")
        if (statement.section == 5) != bool(statement.side):
            raise SiteError(f"ledger: statement {statement.source}: disagreements, and only these, take a side")
        for name in statement.code:
            if not _resolved(name):
                raise SiteError(f"ledger: statement {statement.source} names {name}, which is not there")
        for test in statement.proof:
            path, _, names = test.partition("::")
            if not (ROOT / path).is_file() or not names or not defines(path, names.split("::")):
                raise SiteError(f"ledger: statement {statement.source} names the test {test}, which is not there")
        found.append(statement)
    return found


def _resolved(name):
    """Module and names within it, such as ("minispp.layers.spp", "SPP"); None if there is no such thing."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        module = ".".join(parts[:end])
        if module in modules():
            rest = parts[end:]
            return (module, ".".join(rest)) if not rest or defines(file_of(module), rest) else None
    return None


def as_markdown():
    """The ledger: a heading for each section, a block for each statement."""
    parts, rows = [], statements()
    for number, title in SECTIONS.items():
        parts += [f"## {title}", ""]
        parts += [_block(statement) for statement in rows if statement.section == number]
    return "\n".join(parts)


def _block(statement):
    lines = ['<div class="statement" markdown>', f'<span class="number">{statement.source}</span>', ""]
    lines += ["<div markdown>", "", " ".join(statement.says.split()), ""]
    if statement.side:
        lines += [f"**Ours:** {' '.join(statement.side.split())}", ""]
    lines += ["</div>", "<div markdown>", "", "<br>\n".join(map(_link, statement.code)), ""]
    lines += ["proved by<br>\n" + "<br>\n".join(map(_test_link, statement.proof)), "", "</div>", "</div>", ""]
    return "\n".join(lines)


def _link(name):
    module, rest = _resolved(name)
    place = f"#{name}" if rest and is_documented(file_of(module), rest.split(".")) else ""
    return f"[`{name.removeprefix('minispp.')}`]({page_of(module)}{place})"


@cache
def _shown_on():
    """File of tests -> the first module whose page shows it."""
    return {path.as_posix(): module for module in reversed(modules()) for path in tests_of(module)}


def _test_link(test):
    """The name of a test, which leads to a page that shows it where there is one."""
    path, _, names = test.partition("::")
    label = f"`{names.split('::')[-1]}`"
    module = _shown_on().get(path)
    return f"[{label}]({page_of(module)}#source-and-test)" if module else label
