"""The counts of the fault runs, at the end of the test run's output.

A plugin, not a conftest's hook: the process that prints the output loads no conftest below the first.
"""

import pytest

SAID = "fault run"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The counts of the fault runs."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    # Every report of a test has them all, those of its ending alone need be read.
    lines = [
        line
        for report in reports
        if report.when == "call"
        for name, line in report.user_properties
        if name == SAID
    ]
    if lines:
        terminalreporter.section("fault runs")
    for line in lines:
        terminalreporter.write_line(line)
