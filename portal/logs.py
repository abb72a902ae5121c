"""What is written down: that something failed, where in our code, and which request it was. Never what was asked.

Messages of our own are sentences; what they name is left out unless it is a number or a Fact. Messages of libraries may
hold a path, an address or words somebody typed, and so may every exception's text: of those only the kind and the place
are written. DEBUG=1 shows everything, to developers on their own machine.
"""

import datetime as dt
import json
import logging
import sys
import threading
import traceback
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OURS = ("portal", "conditions")
_request: ContextVar[tuple[str, str] | None] = ContextVar("request", default=None)


@contextmanager
def about(request: str, kind: str):
    """While this lasts, what this thread writes down is about this request, for an address of this kind."""
    token = _request.set((request, kind))
    try:
        yield
    finally:
        _request.reset(token)


def catch_everything():
    """What no try catches is written down by the same rules, and not as Python would print it."""
    logger = logging.getLogger("portal")
    logging.captureWarnings(True)

    def failed(kind, error, trace):
        if not issubclass(kind, KeyboardInterrupt | SystemExit):
            logger.critical("Something ended in an error that nothing had foreseen.", exc_info=(kind, error, trace))

    sys.excepthook = failed
    threading.excepthook = lambda told: failed(told.exc_type, told.exc_value, told.exc_traceback)
    sys.unraisablehook = lambda told: failed(told.exc_type, told.exc_value, told.exc_traceback)


def facts(record: logging.LogRecord) -> dict:
    """Everything of a record that may be written down."""
    said = {
        "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": _message(record),
    }
    if asked := _request.get():
        said["request"], said["kind"] = asked
    if status := _status(record):
        said["status"] = status
    if record.exc_info and record.exc_info[0]:
        said["error"] = _chain(record.exc_info[1])
    return said


def _message(record) -> str:
    name = record.name.partition(".")[0]
    if name in OURS and isinstance(record.msg, str):
        args = record.args if isinstance(record.args, tuple) else (record.args,)
        try:
            return record.msg % tuple(_harmless(one) for one in args) if record.args else record.msg
        except (TypeError, ValueError):
            return record.msg
    if name == "_granian":  # the server's own, about its processes; a traceback's words stand below the first line
        return record.getMessage().partition("\n")[0]
    if name == "django" and (status := _status(record)):
        return f"A request failed ({status})."
    if record.name.startswith("django.security"):
        return f"A request was refused ({record.name.rpartition('.')[2]})."
    return f"Something was told by {record.module}, line {record.lineno}; what, could name who reads what."


class Fact(str):
    """A word for the log that names no reader: a host of ours, a kind of error."""

    __slots__ = ()


def _harmless(given):
    if isinstance(given, int | float | Fact):
        return given
    return _Kind(type(given).__name__ if isinstance(given, BaseException) else "...")


class _Kind(str):
    """In place of a name: the same for %s and %r."""

    __slots__ = ()

    def __repr__(self):
        return str(self)


def _status(record) -> int | None:
    status = getattr(record, "status_code", None)
    return status if isinstance(status, int) else None


def _chain(error) -> list[dict]:
    """An error and what led to it, the first cause last: kinds and places, no text."""
    found, seen = [], set()
    while error is not None and id(error) not in seen and len(found) < 8:
        seen.add(id(error))
        one = {"type": f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")}
        for name in ("sqlstate", "errno"):  # of the database, of the operating system
            if isinstance(code := getattr(error, name, None), str | int):
                one[name] = code
        one["at"] = [_place(frame) for frame in traceback.extract_tb(error.__traceback__)][-12:]
        found.append(one)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found


def _place(frame) -> str:
    path = Path(frame.filename)
    name = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else "/".join(path.parts[-3:])
    return f"{name}:{frame.lineno} {frame.name}"


class AsJson(logging.Formatter):
    """A line of JSON for each record."""

    def format(self, record):
        return json.dumps(facts(record), ensure_ascii=False)


class Plain(logging.Formatter):
    """The same for people: a line, and where the error was below it."""

    def format(self, record):
        said = facts(record)
        about = ", ".join(f"{name} {said[name]}" for name in ("request", "kind", "status") if name in said)
        lines = [
            f"{said['time']} {said['level']} {said['logger']}: {said['message']}" + (f" [{about}]" if about else "")
        ]
        for one in said.get("error", ()):
            codes = "".join(f" {name} {one[name]}" for name in ("sqlstate", "errno") if name in one)
            lines += [f"  {one['type']}{codes}", *(f"    {place}" for place in one["at"])]
        return "\n".join(lines)


class ForDevelopers(logging.Formatter):
    """With DEBUG: everything, but a request's own address."""

    def format(self, record):
        if record.name.startswith(("django.request", "django.security", "django.server")):
            record.msg, record.args = _message(record), ()
        return super().format(record)
