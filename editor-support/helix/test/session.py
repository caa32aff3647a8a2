"""A person at Helix: opens a script, looks at what is wrong, at a type, formats, saves. Reads what the screen shows."""

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

SCRIPT = '''source lines = file("lines.txt", format: text)
sink out = lines   |> map { n: len(lin) } -> stdout(format: json)
'''


class Screen:
    def __init__(self, command):
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.execvp(command[0], command)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 110, 0, 0))
        self.raw = b""

    def read(self, seconds):
        end = time.time() + seconds
        while time.time() < end:
            if select.select([self.terminal], [], [], 0.05)[0]:
                try:
                    self.raw += os.read(self.terminal, 65536)
                except OSError:
                    return

    def keys(self, keys):
        os.write(self.terminal, keys.encode())

    def text(self, since=0):
        text = re.sub(r"\x1b\[[0-9;:?<>=]*[A-Za-z]|\x1b[()].", " ", self.raw[since:].decode("utf8", "replace"))
        return re.sub(r"\s+", " ", text)

    def until(self, what, words, since=0):
        end = time.time() + 15
        while time.time() < end:
            self.read(0.2)
            if all(word in self.text(since) for word in words):
                print(f"ok - {what}", flush=True)
                return
        sys.exit(f"not ok - {what}: no {words} in {self.text(since)[-2000:]}")


def main():
    with open("script.flow", "w", encoding="utf8") as file:
        file.write(SCRIPT)
    screen = Screen([sys.argv[1], "script.flow"])
    screen.until("the script is shown", ["lines.txt", "script.flow"])
    # Once the server has answered, the line with the mistake has a mark.
    screen.until("a mistake is marked", ["●"])
    colours = set(re.findall(rb"\x1b\[38;2;[0-9;]+m|\x1b\[38;5;[0-9]+m", screen.raw))
    if len(colours) < 5:
        sys.exit(f"not ok - the grammar gives colours: only {colours}")
    print("ok - the grammar gives colours", flush=True)

    at = len(screen.raw)
    screen.keys(" d")
    screen.until("the list of mistakes has it", ["E0203", "there is no field"], at)
    screen.keys("\x1b")
    screen.read(0.5)

    at = len(screen.raw)
    screen.keys("ggwwh k")
    screen.until("the type of a source is shown", ["line : string", "append"], at)
    screen.keys("\x1b")
    screen.read(0.5)

    screen.keys(":write\r")
    end = time.time() + 15
    while time.time() < end and "lines |> map" not in open("script.flow", encoding="utf8").read():
        screen.read(0.2)
    written = open("script.flow", encoding="utf8").read()
    if "lines |> map" not in written:
        sys.exit(f"not ok - saving formats: {written}")
    print("ok - saving formats", flush=True)
    screen.keys(":quit!\r")
    screen.read(2)


main()
