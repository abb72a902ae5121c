"""What differs between two contents: which parts, and word by word. A number with its unit is one word."""

import html
import re
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

Difference = tuple[str, str, str]  # part, before, after


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
    """Every leaf that was changed, added or taken away, in the order of the new content."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    return [
        (part, old.get(part, ""), new.get(part, ""))
        for part in {**new, **old}
        if old.get(part, "") != new.get(part, "")
    ]


def parts(content: dict[str, Any]) -> list[tuple[str, str]]:
    """(part, words) of everything a content says, in its order."""
    return list(_leaves(content))


def _leaves(value: Any, path: str = ""):
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _leaves(part, f"{path}.{name}" if path else name)
    elif isinstance(value, (list, tuple)) and any(isinstance(row, dict) for row in value):
        for row in value:
            name = ".".join(str(row[part]) for part in ("system", "kind", "key", "code") if row.get(part))
            rest = {part: said for part, said in row.items() if part not in {"system", "kind", "key", "code"}}
            if set(rest) == {"html"}:
                rest = rest["html"]
            yield from _leaves(name if rest == {} else rest, f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        yield path, ", ".join(map(str, value))
    elif value not in (None, ""):
        yield path, str(value)


@dataclass(frozen=True)
class Run:
    """Words that stayed ("="), were taken away ("-") or added ("+")."""

    how: str
    text: str


# What may follow a number and belongs to it, in the six languages: doses, measures, times. Longest first.
_UNITS = (
    "%|‰|°C|°F|µg|μg|mcg|mg|kg|g|ml|mL|dl|cl|l|L|mm|cm|m|IU|UI|МЕ|mmol/l|mg/ml|"
    "units?|unidades?|unités?|единиц[аы]?|وحد[ةات]+|单位|毫克|微克|克|千克|公斤|毫升|升|"
    "мкг|мг|кг|г|мл|л|ملغ|مغ|ملجم|غرام|مل|"
    "minutes?|hours?|days?|weeks?|months?|years?|minutos?|horas?|días?|semanas?|mes(?:es)?|años?|"
    "heures?|jours?|semaines?|mois|ans?|années?|"
    "минут[аыу]?|час(?:а|ов)?|д(?:ень|ня|ней)|недел[яиью]|месяц(?:а|ев)?|год(?:а)?|лет|"
    "دقيقة|دقائق|ساعة|ساعات|يوم(?:ًا|ا)?|أيام|أسبوع(?:ًا|ا)?|أسابيع|شهر(?:ًا|ا)?|أشهر|سنة|سنوات|عام(?:ًا|ا)?|"
    "分钟|小时|天|日|周|个月|月|年|岁"
)
_NUMBER = r"\d+(?:[.,٫٬:/]\d+)*(?:\s?[-–—]\s?\d+(?:[.,٫٬]\d+)*)?"
_TOKEN = re.compile(
    rf"(?:{_NUMBER})(?:[\s\u00a0\u202f]?(?:{_UNITS})(?![^\W\d_]))?"  # a number, with its unit where it has one
    # Chinese writes on without a space.
    rf"|(?:{_NUMBER})[\s\u00a0]?(?:个月|小时|分钟|单位|毫克|微克|毫升|公斤|千克|[天日周月年岁克升])"
    r"|[\u3400-\u9fff]"  # a Chinese character stands for itself
    r"|[^\W\d_]+(?:['’-][^\W\d_]+)*"
    r"|\n|[^\S\n]+|."
)


def tokens(text: str) -> list[str]:
    """The words of a text as people see them; "10 mg" is one."""
    return [match[0] for match in _TOKEN.finditer(text)]


def plain(said: str) -> str:
    """Rich text as lines: one for each paragraph, item or heading."""
    said = re.sub(r"</(?:p|li|h3|ul|ol)>|<br\s*/?>", "\n", said)
    said = re.sub(r"<li>", "• ", said)
    lines = html.unescape(re.sub(r"<[^<>]+>", "", said)).split("\n")
    return "\n".join(filter(None, (line.strip() for line in lines)))


def words(before: str, after: str) -> list[Run]:
    """The difference between two texts, word by word; a sentence that was written anew is told whole, old then new.

    Neighbouring words of one fate are one run.
    """
    old, new = tokens(plain(before)), tokens(plain(after))
    runs: list[Run] = []

    def add(how, part):
        text = "".join(part)
        if not text:
            return
        if runs and runs[-1].how == how:
            runs[-1] = Run(how, runs[-1].text + text)
        else:
            runs.append(Run(how, text))

    for sentence in _sentences(old, new):
        if _is_written_anew(sentence):
            add("-", [token for how, token in sentence if how != "+"])
            add("+", [token for how, token in sentence if how != "-"])
        else:
            for how, token in sentence:
                add(how, [token])
    return runs


def _sentences(old: list[str], new: list[str]) -> list[list[tuple[str, str]]]:
    """What became of each token, cut wherever a sentence ends in both texts at once."""
    old_ends, new_ends = _ends(old), _ends(new)
    sentences: list[list[tuple[str, str]]] = [[]]

    def tell(told, i, k):
        sentences[-1].extend(told)
        if i in old_ends and k in new_ends:
            sentences.append([])

    for how, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if how == "equal":
            for step in range(j - i):
                tell([("=", old[i + step])], i + step + 1, k + step + 1)
        else:
            tell([("-", token) for token in old[i:j]] + [("+", token) for token in new[k:m]], j, m)
    return sentences


def _ends(said: list[str]) -> set[int]:
    """After which tokens a sentence has ended; the space behind it belongs to neither."""
    found: set[int] = set()
    for at, last in enumerate(said, start=1):
        follows = said[at] if at < len(said) else "\n"
        if last in "\n。！？" or (last in ".!?؟۔।…" and follows.isspace()) or (last.isspace() and at - 1 in found):
            found.add(at)
    return found


def _is_written_anew(sentence: list[tuple[str, str]]) -> bool:
    """Words were both taken away and added, and less than half of the longer sentence stayed.

    Told word by word, nobody could read what it said before and what it says now, and a dose has to be read.
    """
    count = Counter(how for how, token in sentence if token[0].isalnum())
    return bool(count["-"] and count["+"]) and count["="] < max(count["-"], count["+"])


def without_numbers(text: str) -> str:
    """The text with every figure and its unit taken out."""
    return "".join(token for token in tokens(text) if not token[0].isdigit())
