#!/usr/bin/env python3
"""Records what commands write to a terminal, and draws it as an animated SVG.

The script has a line per step; `#` begins a comment:

    title TEXT         the title of the window
    size COLUMNS ROWS  the size of the screen, before the first command
    run COMMAND        runs a command that is not shown
    type COMMAND       types a command at a prompt, runs it and shows what it writes
    interrupt SECONDS COMMAND
                       the same, and presses Ctrl-C after so many seconds
    clear              clears the screen
    wait SECONDS       lets the reader look
    speed FACTOR       shows what follows so many times as fast (say so in the title)

The commands run in a temporary directory that holds the repository's `data`, in an environment
with nothing of the user's own, so that the picture can be made again anywhere. Only the Python
standard library is needed, on a Unix.
"""

import argparse
import copy
import fcntl
import os
import pathlib
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

import svg
from screen import Screen, Style

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROMPT = "\x1b[1;32m$\x1b[0m "
KEY = 0.045  # seconds per typed character
KEYS_PER_FRAME = 3
FRAME = 0.09  # changes within so many seconds are one frame


class Recorder:
    """A screen, the time that has passed on it, and its frames so far."""

    def __init__(self, columns, rows, folder, programs, longest_pause):
        self.screen = Screen(columns, rows)
        self.size = (columns, rows)
        self.time, self.speed, self.frames = 0.0, 1.0, []
        self.folder, self.longest_pause, self.commands = folder, longest_pause, []
        self.environment = {
            "PATH": os.pathsep.join([str(programs), "/usr/local/bin", "/usr/bin", "/bin"]),
            "HOME": str(folder),
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
        }

    def write(self, data, pause):
        """Shows bytes that came `pause` seconds after the ones before."""
        self.time += min(pause / self.speed, self.longest_pause)
        self.screen.write(data.encode() if isinstance(data, str) else data)
        rows = [list(row) for row in self.screen.cells]
        if self.screen.cursor_is_visible:
            column = min(self.screen.column, self.screen.columns - 1)
            char, _ = rows[self.screen.row][column]
            rows[self.screen.row][column] = (char, Style(inverse=True))
        if self.frames and self.time - self.frames[-1][0] < FRAME:
            self.frames[-1] = (self.frames[-1][0], rows)
        else:
            self.frames.append((self.time, rows))

    def prompt(self):
        """Shows a prompt, at the beginning of a line."""
        self.write(("\r\n" if self.screen.column else "") + PROMPT, 0.3)

    def type(self, command, interrupt_after=None):
        """Types a command and shows its output; it has to succeed, or to end by Ctrl-C."""
        self.commands.append(command)
        speed, self.speed = self.speed, 1.0
        self.prompt()
        for at in range(0, len(command), KEYS_PER_FRAME):
            keys = command[at : at + KEYS_PER_FRAME]
            self.write(keys, KEY * len(keys) if at else 0.5)
        self.write("\r\n", 0.5)
        self.speed = speed
        status = self.run_in_terminal(command, interrupt_after)
        if status not in ([0] if interrupt_after is None else [130, -signal.SIGINT]):
            sys.exit(f"error: status {status} of: {command}\n" + "\n".join(self.screen.lines()))

    def run_in_terminal(self, command, interrupt_after):
        """Runs a command in a terminal of its own; returns its exit status."""
        ours, theirs = pty.openpty()
        columns, rows = self.size
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=theirs, stdout=theirs, stderr=theirs,
            cwd=self.folder, env=self.environment, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(theirs)
        began = last = time.monotonic()
        while True:
            if interrupt_after is not None and time.monotonic() - began > interrupt_after:
                os.write(ours, b"\x03")
                interrupt_after = None
            ready, _, _ = select.select([ours], [], [], 0.1)
            try:
                data = os.read(ours, 65536) if ready else b""
            except OSError:  # the other side is closed
                break
            if ready and not data:
                break
            if data:
                now = time.monotonic()
                self.write(data, now - last)
                last = now
        os.close(ours)
        return process.wait()

    def run(self, command):
        """Runs a command that is not shown."""
        subprocess.run(
            ["/bin/sh", "-ec", command], check=True, cwd=self.folder, env=self.environment
        )


def record(script, programs, longest_pause):
    """Carries out a script; returns the recorder and the title of the window."""
    size, title, recorder = (80, 24), "", None
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "data").symlink_to(ROOT / "data")
        for line_number, line in enumerate(script.read_text().splitlines(), 1):
            step, _, rest = line.strip().partition(" ")
            if step in ("", "#"):
                continue
            if step == "title":
                title = rest
                continue
            if step == "size":
                size = tuple(map(int, rest.split()))
                continue
            recorder = recorder or Recorder(*size, folder, programs, longest_pause)
            if step == "type":
                recorder.type(rest)
            elif step == "interrupt":
                seconds, _, command = rest.partition(" ")
                recorder.type(command, float(seconds))
            elif step == "run":
                recorder.run(rest)
            elif step == "clear":
                recorder.write("\x1b[H\x1b[2J", 0)
            elif step == "wait":
                recorder.time += float(rest)
            elif step == "speed":
                recorder.speed = float(rest)
            else:
                sys.exit(f"error: {script}:{line_number}: unknown step {step!r}; see --help")
    if recorder is None or not recorder.frames:
        sys.exit(f"error: {script}: nothing to show; a step is `type COMMAND`")
    recorder.prompt()
    return recorder, title


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("script", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the SVG to write")
    programs = ROOT / "target/release"
    parser.add_argument("--programs", type=pathlib.Path, default=programs, help="their folder")
    parser.add_argument("--longest-pause", type=float, default=0.8, metavar="SECONDS")
    given = parser.parse_args()

    recorder, title = record(given.script, given.programs.resolve(), given.longest_pause)
    frames = copy.copy(recorder.frames)
    picture = svg.draw(frames, *recorder.size, title, "Typed: " + "; ".join(recorder.commands))
    given.out.write_text(picture)
    size = given.out.stat().st_size
    print(f"{given.out}: {len(frames)} frames, {frames[-1][0]:.0f} s, {size} bytes")


if __name__ == "__main__":
    main()
