"""Marks in pipes; the rest of output is tried in real workers (test_shim)."""

from __future__ import annotations

import os
import sys

from skerry.functions.guest.output import Output


def test_marks_bracket_a_call_in_both_pipes() -> None:
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    streams = sys.stdin, sys.stdout, sys.stderr, sys.__stdin__, sys.__stdout__, sys.__stderr__
    try:
        output = Output(out_write, err_write, "word")
        output.begin(7, "r")
        print("hello")
        os.close(
            out_write
        )  # the handler closes what it believes is its stdout; marks have their own copy
        output.end(7)
    finally:
        sys.stdin, sys.stdout, sys.stderr = streams[:3]
        for name, stream in zip(
            ("__stdin__", "__stdout__", "__stderr__"), streams[3:], strict=True
        ):
            setattr(sys, name, stream)
    assert os.read(out_read, 999) == b"\x1eSKERRY word B 7\nhello\n\x1eSKERRY word E 7\n"
    assert os.read(err_read, 999) == b"\x1eSKERRY word B 7\n\x1eSKERRY word E 7\n"
    for number in (out_read, err_read, err_write, *output._pipes):
        os.close(number)
