"""No regular expression of ours takes more than its share of time, whatever is written to hold it up."""

import ast
import importlib
import re
import time
import types
from pathlib import Path

import pytest
from django.urls import get_resolver

ROOT = Path(__file__).resolve().parents[2]
METHODS = {"match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer", "compile"}
PUMPS = [
    "a", "A", "0", "1", " ", "\t", "\n", "\r\n", "-", "_", ".", ",", ":", ";", "/", "\\", "@", "+", "=", "&", "#", "%", "(", ")", "[", "{", "<", ">", '"', "'",
    "é", "ß", "ж", "ب", "中", "\u0301", "\u200b", "\u00a0", "a ", "a-", "a.", "1,", "1.", "1 ", "a1", "aA", "<a ", "<p>", "</p>", "<br>", "&nbsp;", "&#", "http://", "//a",
    "a@", "a@a.", "0-", "+1 ", "{a}", "%s", "%(a)s", "{{", "<g id=\"1\">", "Aa. ", "mg ", "5 mg ", "; charset=", "q=0,", "../", "a/",
]  # fmt: skip
BEFORE = ["", "<", "a"]
AFTER = ["", "\x00!"]
# What is only ever asked about something short: why.
SHORT = {}


def in_the_source():
    """Every expression that stands in a call of `re`, or in a validator."""
    for path in sorted([*ROOT.glob("portal/**/*.py"), *ROOT.glob("conditions/**/*.py")]):
        if "migrations" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                of_re = name in METHODS and getattr(getattr(node.func, "value", None), "id", "") == "re"
                if (of_re or name == "RegexValidator") and isinstance(first := node.args[0], ast.Constant):
                    yield first.value, f"{path.relative_to(ROOT)}:{node.lineno}", name


def in_the_modules():
    """Every compiled one that a module keeps, those put together while it is loaded among them."""
    for path in sorted([*ROOT.glob("portal/**/*.py"), *ROOT.glob("conditions/**/*.py")]):
        if {"migrations", "management", "settings.py", "wsgi.py"} & set(path.parts):
            continue
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for key, value in vars(importlib.import_module(name)).items():
            kept = (
                value.values()
                if isinstance(value, dict)
                else value
                if isinstance(value, list | tuple | set)
                else [value]
            )
            for one in kept:
                if isinstance(one, re.Pattern) and not isinstance(value, types.ModuleType):
                    yield one, f"{name}.{key}", ""


def in_the_addresses(resolver=None):
    for one in (resolver or get_resolver()).url_patterns:
        if hasattr(one.pattern, "regex"):
            yield one.pattern.regex, f"address {one.pattern}", "match"
        if hasattr(one, "url_patterns"):
            yield from in_the_addresses(one)


def expressions():
    """[(expression, how it is asked, where it stands)]; one that is kept in a module is asked in every way."""
    found = {}
    for one, where, how in [*in_the_source(), *in_the_modules(), *in_the_addresses()]:
        compiled = one if isinstance(one, re.Pattern) else re.compile(one)
        how = how if how in {"match", "fullmatch"} else "search"
        found.setdefault((compiled.pattern, compiled.flags, how), (compiled, how, where))
    return list(found.values())


def seconds(expression, how, text) -> float:
    began = time.process_time()
    if how == "search":
        for _found in expression.finditer(text):
            pass
    getattr(expression, "match" if how == "match" else "fullmatch")(text)
    return time.process_time() - began


def grows(expression, how="search"):
    """The text for which twice the length takes much more than twice the time; None where there is none."""
    for pump in PUMPS:
        for before in BEFORE:
            for after in AFTER:
                short, text, twice = (
                    before + pump * times + after for times in (22, 5_000 // len(pump), 10_000 // len(pump))
                )
                if isinstance(expression.pattern, bytes):
                    short, text, twice = short.encode(), text.encode(), twice.encode()
                if seconds(expression, how, short) > 0.05:
                    return before, pump, after, "explodes"
                if seconds(expression, how, text) > 0.01:
                    once, again = (min(seconds(expression, how, one) for _try in range(3)) for one in (text, twice))
                    if again > 3 * once > 0.02:
                        return before, pump, after, f"{once:.3f} s, then {again:.3f} s"
    return None


EXPRESSIONS = expressions()


def test_they_are_found():
    assert len(EXPRESSIONS) > 80
    assert grows(re.compile(r"(a+)+!")) and grows(re.compile(r"\s+$")) and grows(re.compile(r"<.*>"))
    assert not grows(re.compile(r"[a-z]+"))


@pytest.mark.parametrize(("expression", "how", "where"), EXPRESSIONS, ids=[where for _one, _how, where in EXPRESSIONS])
def test_twice_the_text_takes_about_twice_the_time(expression, how, where):
    if expression.pattern not in SHORT:
        assert grows(expression, how) is None
