from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from cc_executor.testing.scripted_agent import Script
from cc_executor.testing.scripted_agent.output import canary_token, numbered_line, pattern

BOUND_S = 20


def played(script: Script, *, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        script.argv(), input=stdin, capture_output=True, timeout=BOUND_S, check=False
    )


def test_lines_go_to_the_stream_they_name() -> None:
    done = played(Script().line("to out").line("to err", stream="stderr"))

    assert (done.returncode, done.stdout, done.stderr) == (0, b"to out\n", b"to err\n")


def test_text_bytes_and_surrogates_arrive_exactly_as_given() -> None:
    script = Script().write("é\x00").write_bytes(b"\xff\x00\n", repeat=2).write("\udcfe")

    assert played(script).stdout == b"\xc3\xa9\x00\xff\x00\n\xff\x00\n\xfe"


def test_binary_output_runs_through_every_byte_value() -> None:
    length_bytes = 256 * 256 + 7

    out = played(Script().binary(length_bytes)).stdout

    assert len(out) == length_bytes
    assert out[:256] == bytes(range(256))
    assert out[-7:] == bytes(range(7))


def test_numbered_lines_have_exactly_the_width_and_order_asked_for() -> None:
    for one_write_each in (False, True):
        out = played(Script().lines(2_000, width_bytes=40, one_write_each=one_write_each)).stdout

        assert out == b"".join(numbered_line(number, 40) for number in range(2_000))
        assert len(out) == 80_000


def test_a_line_of_256_mib_leaves_in_bounded_memory() -> None:
    length_bytes = 256 << 20
    script = Script().big_line(length_bytes).read_line()
    with subprocess.Popen(script.argv(), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as agent:
        assert agent.stdin is not None
        assert agent.stdout is not None
        digest = hashlib.sha256()
        left = length_bytes + 1
        while left and (chunk := agent.stdout.read(min(left, 1 << 20))):
            digest.update(chunk)
            left -= len(chunk)
        # Of the program alone: `ru_maxrss` would include what this process had when it forked.
        status = Path(f"/proc/{agent.pid}/status").read_text()
        agent.communicate(b"go on\n", timeout=BOUND_S)

    wanted = hashlib.sha256()
    for block in pattern(length_bytes):
        wanted.update(block)
    wanted.update(b"\n")
    assert agent.returncode == 0
    assert digest.digest() == wanted.digest()
    (peak_kib,) = [int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line]
    assert peak_kib < 64 << 10, "the line was held in memory"


def test_a_big_line_is_the_same_for_any_length() -> None:
    shorter, longer = (b"".join(pattern(length)) for length in (100_000, 300_001))

    assert longer.startswith(shorter)
    assert len(longer) == 300_001
    assert b"\n" not in longer


def test_split_text_leaves_in_pieces_that_cut_characters() -> None:
    with subprocess.Popen(
        Script().split("aß日", chunk_bytes=1, pause_ms=20).argv(), stdout=subprocess.PIPE
    ) as agent:
        assert agent.stdout is not None
        out = agent.stdout.fileno()
        pieces = list(iter(lambda: os.read(out, 64), b""))

    assert b"".join(pieces) == "aß日".encode()
    assert len(pieces) > 1


def test_a_canary_sings_on_both_streams() -> None:
    done = played(Script().canary("store"))

    assert done.stdout == done.stderr == canary_token("store").encode() + b"\n"
    assert canary_token("store") != canary_token("stores")
