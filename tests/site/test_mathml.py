"""Formulas: every expression becomes MathML, or the build stops."""

import re

import pytest

pytest.importorskip("latex2mathml", reason="needs latex2mathml, of the extra docs")

from docs_build import ROOT, SiteError, mathml


def test_inline_and_block():
    html = r'<p><span class="arithmatex">\(x_i &lt; 2\)</span></p><div class="arithmatex">\[\frac{a}{b}\]</div>'
    found = mathml.with_mathml(html, "page.md")
    assert found.count("<math") == found.count("</math>") == 2 and "arithmatex" not in found
    assert '<div class="formula" tabindex="0"><math' in found and 'display="block"' in found
    assert "&#x0003C;" in found or "&lt;" in found


@pytest.mark.parametrize(
    "latex", [r"\nonsense", r"\frac{a}{", r"\begin{aligned} a &= b \\ c &= d \end{aligned}", r"x \arg y", "{a"]
)
def test_what_is_not_understood_stops_the_build(latex):
    with pytest.raises(SiteError, match=re.escape(f"page.md: formula not understood: {latex}")):
        mathml.with_mathml(rf'<span class="arithmatex">\({latex}\)</span>'.replace("&", "&amp;"), "page.md")


@pytest.mark.parametrize("latex", [r"\lVert x + 1 \rVert^2", r"\left\lVert x + 1 \right\rVert^2"])
def test_the_exponent_of_a_norm_is_that_of_all_of_it(latex):
    found = mathml.to_mathml(latex)
    assert re.search(r"<msup><mrow><mo[^>]*>&#x02016;</mo>.*<mo[^>]*>&#x02016;</mo></mrow><mn>2</mn></msup>", found)


def test_every_formula_of_the_pages():
    count = 0
    for path in sorted((ROOT / "docs").rglob("*.md")):
        text = re.sub(r"^(```|~~~).*?^\1|`[^`\n]*`", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
        for latex in re.findall(r"\$\$(.+?)\$\$", text, re.DOTALL):
            assert mathml.to_mathml(latex, block=True)
            count += 1
        for latex in re.findall(r"\$([^$\n]+)\$", re.sub(r"\$\$.+?\$\$", "", text, flags=re.DOTALL)):
            assert mathml.to_mathml(latex)
            count += 1
    assert count > 300
