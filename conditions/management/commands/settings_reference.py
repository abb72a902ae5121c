import ast
import re
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

MARK = "<!-- Everything below is written by `manage.py settings_reference` from the comments in portal/settings.py. -->"
HEAD = "| | without it | |\n|---|---|---|\n"


class Command(BaseCommand):
    help = "Write the table of settings in docs/running.md anew, from portal/settings.py."
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument(
            "--check", action="store_true", help="Write nothing; fail where the page is not up to date."
        )

    def handle(self, *args, check, **options):
        page = Path(settings.BASE_DIR) / "docs" / "running.md"
        before, mark, was = page.read_text().partition(MARK)
        if not mark:
            raise CommandError(f"{page.name} has no place for the table: {MARK}")
        table = "\n\n" + HEAD + "".join(rows((Path(settings.BASE_DIR) / "portal" / "settings.py").read_text()))
        if was == table:
            return
        if check:
            raise CommandError("The table of settings is not up to date. Run: manage.py settings_reference")
        page.write_text(before + mark + table)


def rows(source: str):
    """One for each setting, or for neighbours under one comment. Raises CommandError where none says what it is."""
    lines, found = source.splitlines(), []
    for place, name, default in _settings(source):
        comment = next(filter(None, (_above(lines, line) for line in place)), "")
        if comment:
            found.append(([(name, default)], comment))
        elif found and _asks(lines[place[0] - 2]):
            found[-1][0].append((name, default))
        else:
            raise CommandError(f"{name} has no comment above it in portal/settings.py that says what it is.")
    for names, comment in found:
        said = "<br>".join(f"`{name}`" for name, _default in names)
        without = "<br>".join(f"`{default}`" if default else "" for _name, default in names)
        yield f"| {said} | {without} | {comment.replace('|', chr(92) + '|')} |\n"


_asks = re.compile(r"(?:\benv\.\w+|\b_switch)\($|(?:\benv\.\w+|\b_switch)\(\"[A-Z]").search


def _above(lines: list[str], line: int) -> str:
    said = []
    while line > 1 and lines[line - 2].lstrip().startswith("#"):
        line -= 1
        said.insert(0, lines[line - 1].strip().removeprefix("#").strip())
    return " ".join(said)


def _settings(source: str):
    """((line of the call, of its statement), name, default as it would be written) of each, in the file's order."""
    found = {}
    for statement in ast.walk(ast.parse(source)):
        if not isinstance(statement, ast.stmt):
            continue
        for call in ast.walk(statement):
            if name := _name(call):
                default = next((one.value for one in call.keywords if one.arg == "default"), None)
                if default is None and len(call.args) > 1:
                    default = call.args[1]
                # Read twice, it is explained where it is read first; the innermost statement is walked last.
                before = found.get(name)
                if before is None or before[0][0] >= call.lineno:
                    found[name] = (call.lineno, statement.lineno), name, _written(default)
    return sorted(found.values())


def _name(call) -> str:
    if not isinstance(call, ast.Call) or not call.args or not isinstance(call.args[0], ast.Constant):
        return ""
    known = re.fullmatch(r"_switch|env\.\w+", ast.unparse(call.func)) and isinstance(call.args[0].value, str)
    return call.args[0].value if known else ""


def _written(default) -> str:
    """Only what stands there as it is; what is worked out is for the comment to say."""
    try:
        value = ast.literal_eval(default) if default is not None else ""
    except ValueError:
        return ""
    return {True: "1", False: "0"}.get(value, str(value)) if isinstance(value, bool) else str(value or "")
