"""Parts of a self-contained HTML page: sections, tables, galleries, figures. All text that goes in is escaped."""

import base64
from html import escape
from importlib import resources
from io import BytesIO

from PIL import Image

LARGEST = 120  # CSS pixels of the longest side of a picture

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def page(title, *parts):
    """A whole document: its style is in it, and it loads nothing."""
    style = resources.files("minispp").joinpath("page.css").read_text("utf-8")
    return PAGE.format(title=escape(title), style=style, body="\n".join(parts))


def header(title, lead):
    """The title of the page, and what it is about."""
    return f'<header><h1>{escape(title)}</h1>\n<p class="lead">{escape(lead)}</p></header>'


def section(title, parts):
    """A heading and what follows it."""
    return "\n".join([f"<section><h2>{escape(title)}</h2>", *parts, "</section>"])


def paragraph(text, kind=""):
    """A paragraph of plain text."""
    return f"<p{_class(kind)}>{escape(text)}</p>"


def listing(lines):
    """A list of plain lines.

    Examples
    --------
    >>> listing(["a < b"])
    '<ul><li>a &lt; b</li></ul>'
    """
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def code(text):
    """A command."""
    return f"<pre><code>{escape(text)}</code></pre>"


def table(caption, rows, marked=(), kind=""):
    """A table; the first row is its head, if it has one, and the first cell of a row says what the row is.

    Parameters
    ----------
    caption : str
    rows : list of rows of str or number
        A number is drawn as a bar of so many percent.
    marked : set of (row, column)
        Cells in bold; rows are counted from the head, which is 0.
    kind : str
        ``"facts"`` for a table without a head, whose cells are text.

    Examples
    --------
    >>> table("", [["", "way"], ["net", "50"]], marked={(1, 1)}).partition("<tbody>")[2].partition("</tbody>")[0]
    '<tr><th scope="row">net</th><td><b>50</b></td></tr>'
    """
    head = ""
    if kind != "facts":
        head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in rows[0])
        head = f"<thead><tr>{head}</tr></thead>"
    lines = []
    for number, (name, *cells) in enumerate(rows):
        if number or not head:
            made = [_cell(cell, (number, column) in marked) for column, cell in enumerate(cells, start=1)]
            lines.append(f'<tr><th scope="row">{escape(name)}</th>{"".join(made)}</tr>')
    caption = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="wide"><table{_class(kind)}>{caption}{head}<tbody>{"".join(lines)}</tbody></table></div>'


def _cell(cell, marked):
    if isinstance(cell, str):
        return f"<td><b>{escape(cell)}</b></td>" if marked else f"<td>{escape(cell)}</td>"
    return f'<td class="bar"><i style="width:{cell:.0f}%"></i></td>'


def figure(drawing, alt, caption, kind=""):
    """A figure (SVG bytes) on white in either scheme, and its caption."""
    return (
        f'<figure{_class(kind)}><div class="wide plate"><img alt="{escape(alt)}" '
        f'src="data:image/svg+xml;base64,{base64.b64encode(drawing).decode()}"></div>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def gallery(entries, scale, kind=""):
    """Pictures in a row, all enlarged by `scale` (CSS pixels a pixel): entries (picture, line, line)."""
    return f'<div class="gallery {kind}">{"".join(_picture(*entry, scale) for entry in entries)}</div>'


def _picture(picture, first, second, scale):
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    image = Image.fromarray(picture)
    image.thumbnail((2 * LARGEST, 2 * LARGEST))  # no more than the sharpest screens show
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=92)
    source = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return (
        f'<figure><img alt="{escape(first)}" width="{width}" height="{height}" src="{source}">'
        f"<figcaption>{escape(first)}<span>{escape(second)}</span></figcaption></figure>"
    )


def _class(kind):
    return f' class="{kind}"' if kind else ""
