"""Runs a command in a pseudo terminal: its output goes to stdout as it is, its exit code becomes this one's.

usage: terminal.py '{"command": [...], "rows": 24, "columns": 80, "keys": [{"after": "text", "send": "\\u0003"}]}'

A key is pressed when its text has been shown, `pause` seconds later; never at a fixed time. A key may have `resize`
([rows, columns]) in place of `send`: the terminal's new size, of which a mark in the output tells where it was.
More keys may come on standard input while the command runs: a line of JSON each, pressed at once.
"""
import fcntl, json, os, pty, select, struct, sys, termios, time

spec = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    # Before the command, which looks at it once.
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", spec["rows"], spec["columns"], 0, 0))
    os.execvp(spec["command"][0], spec["command"])


def resize(rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def press(key):
    if "resize" in key:
        rows, columns = key["resize"]
        sys.stdout.buffer.write(f"\x1b]7777;{rows};{columns}\x07".encode())
        resize(rows, columns)
    else:
        os.write(terminal, key["send"].encode())


resize(spec["rows"], spec["columns"])
waiting, typed = [terminal, 0], b""
shown, seen, keys, due = b"", 0, list(spec["keys"]), None
while True:
    if keys and due is None:
        at = shown.find(keys[0]["after"].encode(), seen)
        if at >= 0:
            seen, due = at + len(keys[0]["after"].encode()), time.monotonic() + keys[0].get("pause", 0)
    if due is not None and time.monotonic() >= due:
        press(keys.pop(0))
        due = None
    ready, _, _ = select.select(waiting, [], [], 0.05)
    if 0 in ready:
        part = os.read(0, 65536)
        if not part:
            waiting.remove(0)
        *lines, typed = (typed + part).split(b"\n")
        for line in lines:
            press(json.loads(line))
    if terminal not in ready:
        continue
    try:
        part = os.read(terminal, 65536)
    except OSError:
        break
    if not part:
        break
    shown += part
    sys.stdout.buffer.write(part)
    sys.stdout.flush()
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(code if code >= 0 else 128 - code)
