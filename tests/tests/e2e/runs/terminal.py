"""Runs a program on a terminal of its own, as a person would: each text is typed after the one that is to be seen before it.

python3 -c TERMINAL SEEN TYPED SEEN TYPED ... -- PROGRAM ARGUMENTS

What was to be seen on the terminal goes to standard output; the exit code is the program's.
"""

import os
import pty
import signal
import sys

split = sys.argv.index("--")
steps, command = sys.argv[1:split], sys.argv[split + 1 :]
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)


def give_up(*_):
    # The program ends with its terminal.
    sys.exit("it hangs")


signal.signal(signal.SIGALRM, give_up)
signal.alarm(120)


def read():
    try:
        piece = os.read(terminal, 65536)
    except OSError:  # What Linux says at the end.
        piece = b""
    os.write(1, piece)
    return piece


unread = b""
for seen, typed in zip(steps[::2], steps[1::2]):
    while seen.encode() not in unread:
        piece = read()
        if not piece:
            sys.exit(f"it ended and did not say {seen}")
        unread += piece
    unread = unread.split(seen.encode(), 1)[1]
    os.write(terminal, typed.encode())
while read():
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
