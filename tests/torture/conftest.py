from tests.torture import striking, table


def pytest_terminal_summary(terminalreporter):
    if table.lines:
        terminalreporter.section("torture")
        for line in table.printed(striking.SEED):
            terminalreporter.write_line(line)
