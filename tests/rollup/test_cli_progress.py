"""Progress of long work: every stage, its percent and the time left, on stderr only."""

from __future__ import annotations

import io
import sys

import pytest

from zkroll.rollup.cli import progress, prove


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """A clock that a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.now = 100.0
        monkeypatch.setattr(progress.time, "monotonic", lambda: self.now)


def test_lines_show_stage_percent_and_time_left(monkeypatch, capsys) -> None:
    clock = Clock(monkeypatch)
    with progress.work_progress() as report:
        report("quotient", 0.0, "")
        for seconds, fraction in ((101, 0.05), (103, 0.1), (104, 0.15), (104.5, 0.2)):
            clock.now = seconds
            report("quotient", fraction, "2^16 rows")
        clock.now = 110
        report("sums", 0.5, "")
        clock.now = 120
        report("sums", 1.0, "")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "     0.0 s    0.0 %  quotient",
        "     3.0 s   10.0 %  quotient, 2^16 rows, 27 s left",
        "    10.0 s   50.0 %  sums, 10 s left",
        "    20.0 s  100.0 %  sums",
    ]


def test_a_terminal_has_one_line_that_is_gone_in_the_end(monkeypatch, capsys) -> None:
    terminal, clock = Terminal(), Clock(monkeypatch)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with progress.work_progress() as report:
        report("sum\x1b[31m of [red]A", 0.25, "detail")
        clock.now += 8
        sys.stderr.write("log: [red]1\n")
        report("sum\x1b[31m of [red]A", 0.5, "detail")
    text = terminal.getvalue()
    assert "sum\\x1b[31m of [red]A" in text
    assert "\x1b[2Klog: [red]1\n" in text
    assert "50.0 %" in text
    assert "8 s left" in text
    assert text.endswith("\x1b[2K")
    assert capsys.readouterr().out == ""


def test_a_dumb_terminal_gets_lines(monkeypatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "dumb")
    with progress.work_progress() as report:
        report("sums", 0.5, "")
    assert terminal.getvalue().endswith("50.0 %  sums\n")


def test_the_stages_of_a_batch_proof_are_parts_of_one_whole() -> None:
    seen: list[float] = []
    report = prove._of_the_whole(lambda _stage, fraction, _detail: seen.append(fraction))
    for stage in (*prove._BEFORE, "another stage"):
        for percent in (0.0, 50.0, 100.0):
            report(stage, percent, 0.0)
    assert seen == sorted(seen)
    assert (seen[0], seen[-4], seen[-1]) == (0.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59.4, "59 s"), (61, "1 min 01 s"), (7260, "2 h 01 min")]
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert progress.duration(seconds) == text


def test_there_is_no_guess_of_the_time_left_at_the_start() -> None:
    assert progress.time_left(0.0, 100) is None
    assert progress.time_left(0.5, 0.1) is None
    assert progress.time_left(0.25, 10) == pytest.approx(30)
    assert progress.time_left(2.0, 10) == 0
