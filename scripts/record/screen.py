"""A terminal's screen: what stands in its cells after the bytes that programs write to it.

It knows the control sequences that our programs use, and refuses all others, so that a recording
never shows something that no terminal would.
"""

import codecs
import dataclasses
import re

# ESC [ parameters letter, or ESC ] text BEL, or a sequence that is not complete yet.
CSI = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")
OSC = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
INCOMPLETE = re.compile(r"\x1b(\[[0-9;?]*)?$|\x1b\][^\x07\x1b]*\x1b?$")


@dataclasses.dataclass(frozen=True)
class Style:
    """How a cell looks: a colour is None (the terminal's own), an index, or '#rrggbb'."""

    colour: object = None
    background: object = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    inverse: bool = False


PLAIN = Style()
BLANK = (" ", PLAIN)
SWITCHES = {
    1: {"bold": True},
    2: {"dim": True},
    3: {"italic": True},
    4: {"underline": True},
    7: {"inverse": True},
    22: {"bold": False, "dim": False},
    23: {"italic": False},
    24: {"underline": False},
    27: {"inverse": False},
}


class Screen:
    """A grid of cells, a cursor and the style of what is written next."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.row = self.column = 0
        self.style = PLAIN
        self.cursor_is_visible = True
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.pending = ""
        self.cells = [[BLANK] * columns for _ in range(rows)]

    def write(self, data):
        """Takes bytes as a terminal would; what is cut off waits for the next bytes."""
        text = self.pending + self.decoder.decode(data)
        self.pending = ""
        at = 0
        while at < len(text):
            if text[at] != "\x1b":
                self.put(text[at])
                at += 1
            elif found := CSI.match(text, at):
                self.control(found[1], found[2])
                at = found.end()
            elif found := OSC.match(text, at):
                at = found.end()  # a window's title
            elif INCOMPLETE.match(text, at):
                self.pending = text[at:]
                return
            else:
                raise ValueError(f"unknown escape sequence {text[at : at + 8]!r}")

    def lines(self):
        """Returns the text of each row without the blanks at its end."""
        return ["".join(char for char, _ in row).rstrip() for row in self.cells]

    def put(self, char):
        """Takes one character that is not part of a sequence."""
        if char == "\r":
            self.column = 0
        elif char == "\n":
            self.line_feed()
        elif char == "\b":
            self.column = max(0, min(self.column, self.columns - 1) - 1)
        elif char == "\t":
            self.column = min(self.columns - 1, self.column // 8 * 8 + 8)
        elif char == "\x07":
            pass
        elif char < " ":
            raise ValueError(f"unknown control character {char!r}")
        else:
            # Behind the last column the next character begins a line, and only then.
            if self.column == self.columns:
                self.column = 0
                self.line_feed()
            self.cells[self.row][self.column] = (char, self.style)
            self.column += 1

    def line_feed(self):
        """Goes a row down; below the last one everything moves up."""
        if self.row + 1 < self.rows:
            self.row += 1
        else:
            self.cells = self.cells[1:] + [[BLANK] * self.columns]

    def control(self, parameters, letter):
        """Carries out ESC [ parameters letter."""
        if parameters.startswith("?"):
            if letter not in "hl":
                raise ValueError(f"unknown escape sequence ESC [{parameters}{letter}")
            # Cursor; other modes (line wrap, pasted text, synchronised output) show nothing.
            if parameters == "?25":
                self.cursor_is_visible = letter == "h"
            return
        numbers = [int(number or 0) for number in parameters.split(";")]
        count = max(1, numbers[0])
        column = min(self.column, self.columns - 1)
        if letter == "A":
            self.row = max(0, self.row - count)
        elif letter == "B":
            self.row = min(self.rows - 1, self.row + count)
        elif letter == "C":
            self.column = min(self.columns - 1, column + count)
        elif letter == "D":
            self.column = max(0, column - count)
        elif letter == "G":
            self.column = min(self.columns, count) - 1
        elif letter in "Hf":
            self.row = min(self.rows, count) - 1
            self.column = min(self.columns, max(1, (numbers + [1])[1])) - 1
        elif letter == "J":
            self.erase_lines(numbers[0])
        elif letter == "K":
            first, last = [(column, self.columns), (0, column + 1), (0, self.columns)][numbers[0]]
            self.cells[self.row][first:last] = [BLANK] * (last - first)
        elif letter == "m":
            self.select(numbers)
        else:
            raise ValueError(f"unknown escape sequence ESC [{parameters}{letter}")

    def erase_lines(self, which):
        """Erases from the cursor to the end (0), from the beginning to it (1), or all (2)."""
        self.control(str(which), "K")
        below, above = range(self.row + 1, self.rows), range(self.row)
        for row in [below, above, range(self.rows)][which]:
            self.cells[row] = [BLANK] * self.columns

    def select(self, numbers):
        """Changes the style (SGR)."""
        numbers = list(numbers)
        while numbers:
            number = numbers.pop(0)
            change = {}
            if number == 0:
                self.style = PLAIN
            elif number in SWITCHES:
                change = SWITCHES[number]
            elif number in (38, 48):
                change = {"colour" if number == 38 else "background": extended_colour(numbers)}
            elif 30 <= number <= 37 or 90 <= number <= 97:
                change = {"colour": number - 30 if number < 90 else number - 82}
            elif 40 <= number <= 47 or 100 <= number <= 107:
                change = {"background": number - 40 if number < 100 else number - 92}
            elif number in (39, 49):
                change = {"colour" if number == 39 else "background": None}
            else:
                raise ValueError(f"unknown style {number}")
            self.style = dataclasses.replace(self.style, **change)


def extended_colour(numbers):
    """Takes `5;index` or `2;r;g;b` from the front of the numbers."""
    kind = numbers.pop(0) if numbers else None
    if kind == 5 and numbers:
        return numbers.pop(0)
    if kind == 2 and len(numbers) >= 3:
        return "#" + "".join(f"{numbers.pop(0):02x}" for _ in range(3))
    raise ValueError("38 or 48 without a colour")
