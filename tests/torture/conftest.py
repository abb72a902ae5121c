from tests.torture import striking, table


def pytest_terminal_summary(terminalreporter):
    if table.lines:
        terminalreporter.section("torture")
        failed = sum(len(terminalreporter.stats.get(how, ())) for how in ("failed", "error"))
        for line in table.printed(striking.SEED, failed):
            terminalreporter.write_line(line)
