"""An animated SVG of a terminal: rows of text that CSS shows while they stand on the screen.

Each row is drawn once for each text that it holds and for as long as it holds it, with the
animation of its class: `.f` is hidden but for that time, `.l`, the last text of a row, is visible
but for the time before. So a viewer without animations, or whose user prefers reduced motion, sees
the last screen. No script, no font of our own.
"""

import itertools
from xml.sax.saxutils import escape

WIDTH, HEIGHT, FONT_SIZE = 8.4, 19, 14  # of a cell, in pixels
MARGIN, TITLE = 14, 30
FOREGROUND, BACKGROUND, FRAME, TITLE_COLOUR = "#d6dce4", "#161b22", "#3d444d", "#9198a1"
PALETTE = (
    "#484f58 #ff7b72 #56d364 #e3b341 #79c0ff #d2a8ff #56d4dd #d6dce4 "
    "#8b949e #ffa198 #7ee787 #f2cc60 #a5d6ff #e2c5ff #b3f0ff #ffffff"
).split()
FONTS = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"


def colour(value, default):
    """Returns a style's colour as CSS writes it."""
    if value is None or isinstance(value, str):
        return value or default
    if value < 16:
        return PALETTE[value]
    if value < 232:
        steps = [0, 95, 135, 175, 215, 255]
        value -= 16
        return "#" + "".join(f"{steps[value // by % 6]:02x}" for by in (36, 6, 1))
    return "#" + f"{8 + 10 * (value - 232):02x}" * 3


def css(style):
    """Returns the declarations of a style, and the colour behind its text or None."""
    front, behind = colour(style.colour, FOREGROUND), colour(style.background, None)
    if style.inverse:
        front, behind = behind or BACKGROUND, front
    rules = [f"fill:{front}"] if front != FOREGROUND else []
    rules += ["font-weight:bold"] * style.bold + ["opacity:.65"] * style.dim
    rules += ["font-style:italic"] * style.italic + ["text-decoration:underline"] * style.underline
    return ";".join(rules), behind


def number(value):
    """Returns a number in as few characters as two places behind the point allow."""
    return f"{value:.2f}".rstrip("0").rstrip(".").removeprefix("0") or "0"


def spans(frames):
    """Yields (row, cells, begin, end) for each text of a row; the end of the last ones is None.

    A frame is a time and the rows of a screen.
    """
    current = {}
    for time, rows in frames:
        for row, cells in enumerate(rows):
            before, begin = current.get(row, (None, 0))
            if cells != before:
                if before is not None and time > begin:
                    yield row, before, begin, time
                current[row] = (cells, time)
    for row, (cells, begin) in current.items():
        yield row, cells, begin, None


class Drawing:
    """The elements of a picture, and a class for each style in it."""

    def __init__(self):
        self.elements, self.classes = [], {}

    def row(self, row, cells, begin, end):
        """Draws one text of a row."""
        y = TITLE + MARGIN + row * HEIGHT
        texts, boxes, at = [], [], 0
        for style, run in itertools.groupby(cells, key=lambda cell: cell[1]):
            text = "".join(char for char, _ in run)
            rules, behind = css(style)
            x, wide = MARGIN + at * WIDTH, len(text) * WIDTH
            at += len(text)
            if behind:
                boxes.append(
                    f'<rect x="{number(x)}" y="{y}" width="{number(wide)}" height="{HEIGHT}" '
                    f'fill="{behind}"/>'
                )
            if text.isspace():
                continue
            leading = len(text) - len(text.lstrip())
            x, text = x + leading * WIDTH, text.strip()
            name = self.classes.setdefault(rules, f"s{len(self.classes)}") if rules else ""
            texts.append(
                f'<text x="{number(x)}" y="{y + FONT_SIZE}" '
                f'textLength="{number(len(text) * WIDTH)}"'
                + (f' class="{name}"' if name else "")
                + f">{escape(text)}</text>"
            )
        if texts or boxes:
            self.elements.append(group(boxes + texts, begin, end))


def group(parts, begin, end):
    """Returns a group of elements that is seen from `begin` to `end`."""
    if end is not None:
        times = f"{number(end - begin)}s {number(begin)}s"
        attributes = f' class="f" style="animation:v {times}"'
    else:
        attributes = f' class="l" style="animation:h {number(begin)}s"' if begin else ""
    return f"<g{attributes}>{''.join(parts)}</g>"


def draw(frames, columns, rows, title, description):
    """Returns the picture of frames (a time in seconds, and rows of cells)."""
    drawing = Drawing()
    for span in spans(frames):
        drawing.row(*span)
    styles = "".join(f".{name}{{{rules}}}" for rules, name in drawing.classes.items())
    wide = round(columns * WIDTH + 2 * MARGIN)
    high = TITLE + rows * HEIGHT + 2 * MARGIN
    dots = "".join(f'<circle cx="{20 + 18 * i}" cy="17" r="5" fill="{FRAME}"/>' for i in range(3))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" \
width="{wide}" height="{high}" role="img" aria-labelledby="t d" xml:space="preserve">
<title id="t">{escape(title)}</title>
<desc id="d">{escape(description)}</desc>
<style>
text{{font:{FONT_SIZE}px {FONTS};fill:{FOREGROUND};white-space:pre}}
{styles}
.f{{visibility:hidden}}
@keyframes v{{from,to{{visibility:visible}}}}
@keyframes h{{from,to{{visibility:hidden}}}}
@media (prefers-reduced-motion:reduce){{g{{animation:none!important}}}}
</style>
<rect x=".5" y=".5" width="{wide - 1}" height="{high - 1}" rx="9" fill="{BACKGROUND}" \
stroke="{FRAME}"/>
{dots}<text x="{wide / 2}" y="21" text-anchor="middle" fill="{TITLE_COLOUR}" \
style="fill:{TITLE_COLOUR};font-size:13px">{escape(title)}</text>
{chr(10).join(drawing.elements)}
</svg>
"""
