"""Checks of screen.py: `python3 scripts/record/test_screen.py`."""

import unittest

from screen import PLAIN, Screen, Style


def shown(*parts, columns=10, rows=3):
    """Returns a screen to which the parts were written one after the other."""
    screen = Screen(columns, rows)
    for part in parts:
        screen.write(part.encode() if isinstance(part, str) else part)
    return screen


class Text(unittest.TestCase):
    def test_carriage_return_writes_over(self):
        self.assertEqual(shown("step 1\rstep 2").lines(), ["step 2", "", ""])

    def test_line_feed_keeps_the_column(self):
        self.assertEqual(shown("ab\ncd").lines(), ["ab", "  cd", ""])

    def test_the_last_column_wraps_only_with_the_next_character(self):
        full = shown("0123456789")
        self.assertEqual((full.row, full.lines()), (0, ["0123456789", "", ""]))
        full.write(b"\r")
        self.assertEqual(full.row, 0)
        self.assertEqual(shown("0123456789x").lines(), ["0123456789", "x", ""])

    def test_the_screen_scrolls_below_its_last_row(self):
        self.assertEqual(shown("a\r\nb\r\nc\r\nd").lines(), ["b", "c", "d"])

    def test_a_character_may_come_in_two_parts(self):
        self.assertEqual(shown(b"caf\xc3", b"\xa9").lines()[0], "café")

    def test_backspace_and_tab(self):
        self.assertEqual(shown("ab\bc\td").lines()[0], "ac      d")


class Sequences(unittest.TestCase):
    def test_erase_in_line(self):
        self.assertEqual(shown("abcdef\x1b[3D\x1b[K").lines()[0], "abc")
        self.assertEqual(shown("abcdef\x1b[3D\x1b[1K").lines()[0], "    ef")
        self.assertEqual(shown("abcdef\r\x1b[2K").lines()[0], "")

    def test_erase_in_display(self):
        three = "a\r\nb\r\nc\x1b[A\r"
        self.assertEqual(shown(three, "\x1b[J").lines(), ["a", "", ""])
        self.assertEqual(shown(three, "\x1b[1J").lines(), ["", "", "c"])
        self.assertEqual(shown(three, "\x1b[2J").lines(), ["", "", ""])

    def test_cursor_moves_stay_on_the_screen(self):
        self.assertEqual(shown("\x1b[9B\x1b[99Cx\x1b[9A\x1b[99Dy").lines(), ["y", "", "         x"])
        self.assertEqual(shown("\x1b[2;3Hx\x1b[Hy\x1b[4Gz").lines(), ["y  z", "  x", ""])

    def test_a_sequence_may_come_in_parts(self):
        self.assertEqual(shown("abc\x1b", "[", "2", "Dx").lines()[0], "axc")
        self.assertEqual(shown("a\x1b]0;tit", "le\x07b").lines()[0], "ab")

    def test_the_cursor_is_hidden_and_shown(self):
        self.assertFalse(shown("\x1b[?25l").cursor_is_visible)
        self.assertTrue(shown("\x1b[?25l\x1b[?25h").cursor_is_visible)

    def test_what_is_unknown_is_refused(self):
        for unknown in ["\x1b[3@", "\x1b[?3n", "\x1bM", "\x1b[58m", "\x0e"]:
            with self.assertRaises(ValueError, msg=repr(unknown)):
                shown(unknown)


class Styles(unittest.TestCase):
    def style(self, text):
        """Returns the style of the first cell."""
        return shown(text).cells[0][0][1]

    def test_colours(self):
        self.assertEqual(self.style("\x1b[32mx"), Style(colour=2))
        self.assertEqual(self.style("\x1b[91mx"), Style(colour=9))
        self.assertEqual(self.style("\x1b[1;38;5;208mx"), Style(colour=208, bold=True))
        self.assertEqual(self.style("\x1b[48;2;1;2;255mx"), Style(background="#0102ff"))
        self.assertEqual(self.style("\x1b[31;42m\x1b[39;49mx"), PLAIN)

    def test_switches(self):
        self.assertEqual(self.style("\x1b[1;2;4mx"), Style(bold=True, dim=True, underline=True))
        self.assertEqual(self.style("\x1b[1;2;4m\x1b[22mx"), Style(underline=True))
        self.assertEqual(self.style("\x1b[1;31m\x1b[mx"), PLAIN)

    def test_erased_cells_are_plain(self):
        self.assertEqual(self.style("\x1b[44mx\x1b[2K"), PLAIN)


if __name__ == "__main__":
    unittest.main()
