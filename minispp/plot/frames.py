"""A sequence of figures to step through, one frame at a time."""

from base64 import b64encode
from hashlib import sha256
from html import escape

from tqdm import tqdm

from minispp.plot.style import INK, MUTED, png

# Without scripts all frames are there, one below the other; with them, one at a time and a slider above.
STEP = """
(function (root) {
  var frames = root.querySelectorAll('figure'), bar = root.querySelector('div');
  root.querySelectorAll('figcaption').forEach(function (caption) { caption.style.display = 'none'; });
  var slider = bar.querySelector('input'), count = bar.querySelector('output');
  function show() {
    frames.forEach(function (frame, k) { frame.style.display = k == slider.value ? '' : 'none'; });
    var name = frames[slider.value].dataset.name;
    count.textContent = (+slider.value + 1) + ' of ' + frames.length + ': ' + name;
    slider.setAttribute('aria-valuetext', name);
  }
  function step(by) { slider.value = (+slider.value + by + frames.length) % frames.length; show(); }
  var buttons = bar.querySelectorAll('button');
  buttons[0].onclick = function () { step(-1); };
  buttons[1].onclick = function () { step(1); };
  slider.oninput = show;
  bar.style.display = 'flex';
  show();
})(document.getElementById('ID'));
"""


class Frames:
    """Figures with a slider and two buttons in a notebook and on a page; stacked where scripts do not run.

    Nothing has to answer from a kernel: the page holds all frames, so it works saved, printed and offline.

    Parameters
    ----------
    figures : dict of str to Figure
        What each frame shows, in a few words, and its figure, which says the rest in its `alt`.

    Raises
    ------
    ValueError
        If there is no frame.

    Examples
    --------
    >>> from minispp import plot
    >>> plot.Frames({f"{n} bins": plot.bins(5, 7, (n,)) for n in (1, 2, 3)})
    3 frames: 1 bins, 2 bins, 3 bins
    """

    def __init__(self, figures):
        self.figures = dict(figures)
        if not self.figures:
            raise ValueError("Frames: expected at least one figure, got none")

    def __repr__(self):
        return f"{len(self.figures)} frame{'s' * (len(self.figures) != 1)}: {', '.join(self.figures)}"

    def _repr_html_(self):
        figures = tqdm(self.figures.items(), desc="drawing frames", delay=2, leave=False)
        parts = [self._frame(name, figure) for name, figure in figures]
        name = "frames-" + sha256("".join(parts).encode()).hexdigest()[:12]
        look = f"font: inherit; min-width: 40px; min-height: 40px; color: {INK}; border: 1px solid {MUTED}"
        button = f'button type="button" style="{look}; background: white"'
        bar = (
            f'<div style="display: none; gap: 8px; align-items: center; flex-wrap: wrap; color: {INK}">'
            f'<{button} aria-label="previous frame">&larr;</button>'
            f'<input type="range" min="0" max="{len(parts) - 1}" value="0" aria-label="frame" '
            'style="flex: 1 1 160px; max-width: 360px; min-height: 40px">'
            f'<{button} aria-label="next frame">&rarr;</button>'
            '<output style="flex: 1 1 100%" aria-live="polite"></output></div>'
        )
        script = " ".join(line.strip() for line in STEP.replace("ID", name).splitlines())
        look = "background: white; padding: 8px; border-radius: 4px"
        return f'<div id="{name}" style="{look}">{bar}{"".join(parts)}<script>{script}</script></div>'

    def _frame(self, name, figure):
        data = b64encode(png(figure, dpi=110)).decode()
        width = round(96 * figure.get_size_inches()[0])
        image = f'<img src="data:image/png;base64,{data}" alt="{escape(figure.alt)}" width="{width}"'
        return (
            f'<figure style="margin: 0" data-name="{escape(name)}">{image} style="max-width: 100%; height: auto">'
            f'<figcaption style="color: {MUTED}">{escape(name)}</figcaption></figure>'
        )
