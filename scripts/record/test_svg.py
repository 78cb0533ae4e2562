"""Checks of svg.py: `python3 scripts/record/test_svg.py`."""

import re
import unittest
from xml.etree import ElementTree

from screen import PLAIN, Style
from svg import PALETTE, colour, draw, number, spans


def row(text, style=PLAIN):
    """Returns the cells of a text."""
    return [(char, style) for char in text]


class Spans(unittest.TestCase):
    FRAMES = [(0, [row("a "), row("x ")]), (2, [row("b "), row("x ")]), (5, [row("a "), row("  ")])]

    def test_each_text_of_a_row_stands_until_the_next_one(self):
        found = [
            (row, "".join(char for char, _ in cells), begin, end)
            for row, cells, begin, end in spans(self.FRAMES)
        ]
        expected = [(0, "a ", 0, 2), (0, "b ", 2, 5), (1, "x ", 0, 5)]
        expected += [(0, "a ", 5, None), (1, "  ", 5, None)]
        self.assertEqual(found, expected)

    def test_what_only_flashes_by_between_equal_times_is_left_out(self):
        frames = [(1, [row("a")]), (1, [row("b")])]
        self.assertEqual([span[2:] for span in spans(frames)], [(1, None)])


class Picture(unittest.TestCase):
    def picture(self, frames):
        """Returns the groups of a picture: class, style, and text."""
        root = ElementTree.fromstring(draw(frames, 4, 2, "a < b", "c & d"))
        groups = [element for element in root.iter() if element.tag.endswith("}g")]
        return [(g.get("class"), g.get("style"), "".join(g.itertext())) for g in groups]

    def test_the_last_screen_stays_and_the_others_are_hidden(self):
        frames = [(0, [row("a   "), row("<&>b")]), (1.5, [row("c   "), row("<&>b")])]
        expected = [("f", "animation:v 1.5s 0s", "a"), ("l", "animation:h 1.5s", "c")]
        expected += [(None, None, "<&>b")]
        self.assertEqual(self.picture(frames), expected)

    def test_runs_of_a_style_begin_at_their_columns(self):
        cells = row(" a", Style(colour=2)) + row(" b")
        found = re.findall(r'<text x="([\d.]+)" y="\d+" textLength="([\d.]+)"', draw(
            [(0, [cells])], 4, 1, "", ""))  # fmt: skip
        self.assertEqual(found, [("22.4", "8.4"), ("39.2", "8.4")])

    def test_a_background_is_a_box_behind_the_blanks_too(self):
        self.assertIn('width="33.6" height="19" fill="#ff7b72"', draw(
            [(0, [row("a  b", Style(background=1))])], 4, 1, "", ""))  # fmt: skip


class Values(unittest.TestCase):
    def test_colours(self):
        self.assertEqual(colour(None, "#abcdef"), "#abcdef")
        self.assertEqual(colour(9, None), PALETTE[9])
        indices = {16: "#000000", 196: "#ff0000", 231: "#ffffff", 232: "#080808", 255: "#eeeeee"}
        self.assertEqual({index: colour(index, None) for index in indices}, indices)

    def test_numbers_are_short(self):
        numbers = {0: "0", 0.5: ".5", 2: "2", 10: "10", 3.14159: "3.14"}
        self.assertEqual({value: number(value) for value in numbers}, numbers)


if __name__ == "__main__":
    unittest.main()
