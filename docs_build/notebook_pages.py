"""Executed notebooks as pages: nbconvert writes the Markdown, figures become files, and their words become their `alt`.

A figure knows itself as a picture and as HTML; the picture is taken. What is HTML only, such as frames to step through
or a grader's verdict, is kept as it is, and put in place after Markdown has been rendered.
"""

import re
from base64 import b64decode
from hashlib import sha256
from html import escape

import nbformat
from jinja2 import DictLoader
from nbconvert import MarkdownExporter

from docs_build import ROOT, SiteError

SOURCES, EXECUTED = ROOT / "notebooks", ROOT / "build" / "notebooks"
PICTURE = re.compile(r'src="data:image/png;base64,([^"]+)"')
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
TEMPLATE = r"""
{%- extends 'markdown/index.md.j2' -%}
{%- block input -%}
~~~~~~~~~~ python
{{ cell.source }}
~~~~~~~~~~
{% endblock input %}
{% block stream %}
{{ output.text | verbatim }}
{% endblock stream %}
{% block data_text scoped %}
{{ output.data['text/plain'] | verbatim }}
{% endblock data_text %}
{% block error %}
{{ output.traceback | join('\n') | verbatim }}
{% endblock error %}
{% block data_html scoped %}
{{ output.data['text/html'] }}
{% endblock data_html %}
"""


def notebooks():
    """The notebooks, in order."""
    return sorted(SOURCES.glob("[0-9]*.ipynb"))


def page_of(path):
    """Where the page of a notebook lies, relative to the site."""
    return f"notebooks/{path.stem}.md"


def title_of(path):
    """Its first heading.

    Raises
    ------
    SiteError
        If it has none.
    """
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown" and (heading := re.search(r"^# (.+)$", cell.source, re.MULTILINE)):
            return heading[1].strip()
    raise SiteError(f"notebooks/{path.name}: it has no heading")


def executed(path):
    """The copy of a notebook that has its outputs.

    Raises
    ------
    SiteError
        If there is none: how it is made.
    """
    copy = EXECUTED / path.name
    if not copy.is_file():
        raise SiteError(f"build/notebooks/{path.name} is not there: make notebooks")
    return copy


class Page:
    """A notebook as a page.

    Attributes
    ----------
    markdown : str
    files : dict of str to bytes
        Its pictures, by their path in the site.
    html : dict of str to str
        What stands for each placeholder in the rendered page.
    """

    def __init__(self, path):
        self.folder = f"{path.stem}_files"
        self.files, self.html = {}, {}
        notebook = nbformat.read(path, as_version=4)
        for number, cell in enumerate(notebook.cells):
            for output in cell.get("outputs", ()):
                self._reduce(output, f"{path.name}: cell {number}")
        exporter = MarkdownExporter(extra_loaders=[DictLoader({"page.md.j2": TEMPLATE})], template_file="page.md.j2")
        exporter.register_filter("verbatim", _verbatim)
        text, _ = exporter.from_notebook_node(notebook)
        self.markdown = re.sub(r"\]\((\d[\w-]*)\.ipynb", r"](\1.md", text)

    def with_html(self, rendered):
        """The rendered page with its HTML outputs in their places."""
        for placeholder, html in self.html.items():
            rendered = rendered.replace(placeholder, html)
        return rendered

    def _reduce(self, output, where):
        """Leave one way to show an output, with its pictures in files."""
        data = output.get("data", {})
        if "image/png" in data:
            about = output.get("metadata", {}).get("image/png", {})
            if not about.get("alt"):
                raise SiteError(f"{where}: a figure without alternative text")
            size = "".join(f' {side}="{about[side]}"' for side in ("width", "height") if side in about)
            source = self._keep(data["image/png"])
            html = f'<img class="figure" src="{source}" alt="{escape(about["alt"])}"{size} loading="lazy">'
        elif "text/html" in data:
            html = PICTURE.sub(lambda found: f'src="{self._keep(found[1])}"', "".join(data["text/html"]))
        else:
            return
        placeholder = f'<div class="output" data-output="{len(self.html)}"></div>'
        self.html[placeholder] = f'<div class="output">{html}</div>'
        output.data = nbformat.from_dict({"text/html": placeholder})

    def _keep(self, encoded):
        """Keep a picture as a file; its address, relative to the page."""
        content = b64decode("".join(encoded))
        name = f"{self.folder}/{sha256(content).hexdigest()[:16]}.png"
        self.files[f"notebooks/{name}"] = content
        return name


def _verbatim(text):
    text = COLOURS.sub("", "".join(text)).rstrip("\n")
    return f"~~~~~~~~~~ {{ .text .result }}\n{text}\n~~~~~~~~~~" if text.strip() else ""


def navigation():
    """The part of the navigation that holds the notebooks."""
    return ["notebooks/index.md", *({title_of(path): page_of(path)} for path in notebooks())]


def overview():
    """The notebooks, each with what README says that its reader will know.

    Raises
    ------
    SiteError
        If README does not name one.
    """
    readme, rows = (ROOT / "README.md").read_text(encoding="utf-8"), ["| notebook | what you will know |", "|---|---|"]
    for path in notebooks():
        told = re.search(rf"^\| \[.+\]\(notebooks/{re.escape(path.name)}\) \| (.+) \|$", readme, re.MULTILINE)
        if not told:
            raise SiteError(f"README.md: no row for notebooks/{path.name}")
        rows.append(f"| [{title_of(path)}]({path.stem}.md) | {told[1]} |")
    return INTRODUCTION + "\n" + "\n".join(rows) + "\n"


INTRODUCTION = """---
title: Notebooks
hide: [toc]
---

# Notebooks

Each takes one idea and shows it with the code of this package; they build on one another. Here they are as they ran,
with their outputs. To step through them yourself, and to solve the exercises at the end of each: `make lab`.
"""
