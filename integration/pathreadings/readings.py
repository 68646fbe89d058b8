"""Prints what paths are to posixpath and to urllib.parse, each before and after
decoding. A line of hexadecimal digits is a path; the answer is a line of such
readings."""

import posixpath
import sys
from urllib.parse import unquote, urljoin, urlsplit

STEPS = [
    lambda p: unquote(p, errors="surrogateescape"),
    posixpath.normpath,
    lambda p: urlsplit(p).path,
    lambda p: urlsplit(urljoin("http://gateway.example/", p)).path,
]


def attempt(step, path):
    try:
        return step(path)
    except ValueError:
        return path


for line in sys.stdin:
    last, all_ = {bytes.fromhex(line).decode(errors="surrogateescape")}, set()
    for _ in range(4):
        last = {attempt(step, p) for p in last for step in STEPS} - all_
        all_ |= last
    print(" ".join(p.encode(errors="surrogateescape").hex() for p in all_), flush=True)
