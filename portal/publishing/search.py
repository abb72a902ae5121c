"""Finding pages: by any of their names, by the beginning of one, misspelt, by what they say, and by their codes.

One description serves both databases: `words` makes the same words of a text for the index and for a question, and
`_matching` asks for them, of SQLite's FTS5 or of PostgreSQL's GIN index (migration 0005). The index is written by
`actions` in the transaction of the publish. Ranking is ours: a name beats a mention.
"""

import re
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache, partial

import snowballstemmer
from django.db import connection, connections, transaction
from django.utils.html import strip_tags
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from portal import databases, languages
from portal.publishing import checking
from portal.publishing.folding import fold
from portal.publishing.models import Edition, Page, PageCode, SearchEntry, SearchWord

VERSION = 2  # of what `index` writes; `reindex` makes entries of another version anew

# Letters nobody types mark what is no word of the text: the language, and a name as a whole.
_LANGUAGE, _WHOLE = "ǂ", "ǀ"
# Scripts written without spaces are indexed by pairs of letters.
UNSPACED = re.compile(
    r"([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+)"
)
_STEMMERS = {
    "ar": "arabic", "de": "german", "en": "english", "es": "spanish", "fr": "french", "hi": "hindi", "pt": "portuguese",
    "ru": "russian",
}  # fmt: skip
_FOR_MACHINES = re.compile("[a-z0-9/-]+")  # keys and choices in a content: nobody reads them
_CANDIDATES = 100  # pages ranked for one question, so that a common word costs no more than a rare one
_MOST_WORDS = 12  # of a question


@dataclass(frozen=True)
class Found:
    """The answer to a question."""

    pages: tuple[Page, ...] = ()
    mentions: tuple[Page, ...] = ()  # they speak of it, none of their names does
    corrected: str = ""  # the words that were looked for instead of those asked
    elsewhere: tuple[Page, ...] = ()  # pages in other languages, where this language has none
    near: bool = False  # nothing has these words: `pages` are the nearest there are


@dataclass(frozen=True)
class _Word:
    """One word of a question: what may stand for it in the index."""

    typed: str
    forms: tuple[str, ...]
    begins: bool = False  # it may be the beginning of a longer word


def find(asked: str, language: str, *, insist: bool = False, limit: int = 50) -> Found:
    """The pages of a language for a reader's question, best first. `insist`: do not put misspelt words right."""
    folded = fold(asked[:200])
    question = _question(folded, language)
    if not question:
        return Found()
    exact = _matching("names", [_whole(folded)], language)
    here = [] if exact else _called_so_abroad(folded, language)
    named = list(dict.fromkeys([*here, *_named(question, folded, language, exact)]))[:limit]
    mentioning = [key for key in _matching("text", [w.forms for w in question], language) if key not in set(named)]
    if named or mentioning:
        return Found(tuple(_pages(named)), tuple(_pages(mentioning[: limit - len(named)])))
    if not insist and (better := _put_right(question, language)):
        forms = [word.forms for word in better]
        keys = _ranked(_matching("names", forms, language), folded) or _matching("text", forms, language)
        if pages := _pages(keys[:limit]):
            return Found(tuple(pages), corrected=_as_found(better, keys[0]))
    abroad = _abroad(question, folded, language)
    ours = Page.objects.filter(language=language, withdrawn_at=None, key__in={page.key for page in abroad})
    ours = {(page.kind, page.key): page for page in ours}
    if here := [ours[page.kind, page.key] for page in abroad if (page.kind, page.key) in ours]:
        return Found(tuple(dict.fromkeys(here)))
    return Found(tuple(_nearest(question, folded, language)), elsewhere=tuple(abroad[:10]), near=True)


def suggest(begun: str, language: str, limit: int = 8) -> list[Page]:
    """Pages one of whose names begins like this, or holds a word that does."""
    folded = fold(begun[:100])
    question = _question(folded, language)
    if not question:
        return []
    if len(folded) < 2 and not UNSPACED.search(folded):
        return []  # one letter says nothing yet
    keys = _matching("names", [(_WHOLE + _squeezed(folded),)], language, begins=True)
    keys += _matching("names", [w.forms for w in question], language, begins=True)
    return _pages(_ranked(keys, folded)[:limit])


# The index


def index(page: Page, edition: Edition) -> None:
    """Make a page findable by its names, by what its edition says and by the codes it carries.

    Called by actions, in their transaction.
    """
    said = " ".join(
        strip_tags(words)
        for part, words in checking.words_of(edition).items()
        if not part.startswith("sources.") and not _FOR_MACHINES.fullmatch(words)
    )
    put([(page, [fold(edition.title), *page.findable.split("\n")], said)])
    PageCode.objects.filter(page=page).delete()
    carried = [(row["system"], row["code"]) for row in edition.content.get("codes") or ()]
    carried += [(PageCode.HEADING, row["key"]) for row in edition.content.get("headings") or ()]
    PageCode.objects.bulk_create(
        [PageCode(page=page, system=system, code=code) for system, code in dict.fromkeys(carried)]
    )
    # After the commit, by itself: two publishes that each hold some of the other's new words would wait for ever.
    transaction.on_commit(partial(learn, page.language, _shown(page)))


def learn_again(kind: str, key: str) -> None:
    """The words of an object's public pages: whoever published them may have died before they were learnt."""
    for page in Page.objects.filter(kind=kind, key=key, withdrawn_at=None):
        learn(page.language, _shown(page))


def _shown(page: Page) -> set[str]:
    return {word for word in fold(f"{page.title} {page.summary}").split() if len(word) > 3}


def put(rows: Iterable[tuple[Page, Iterable[str], str]]) -> None:
    """(page, its folded names, what it says)."""
    entries = []
    for page, names, said in rows:
        language = page.language
        of_names = {_mark(language)}
        for name in filter(None, names):
            of_names.add(_WHOLE + _squeezed(name))
            of_names.update(*map(_forms_of(language), _split(name)))
        of_text = {_mark(language)}.union(*(forms[-1:] for forms in map(_forms_of(language), _split(fold(said)))))
        entries.append(
            SearchEntry(page=page, version=VERSION, names=" ".join(sorted(of_names)), text=" ".join(sorted(of_text)))
        )
    SearchEntry.objects.bulk_create(
        entries, update_conflicts=True, unique_fields=["page"], update_fields=["version", "names", "text"]
    )


def learn(language: str, words: Iterable[str]) -> None:
    """Words that misspelt ones may be put right to. In one order, so that two at once wait for one another in line."""
    new = [SearchWord(language=language, word=word) for word in sorted({word[:60] for word in words})]
    SearchWord.objects.bulk_create(new, ignore_conflicts=True)


def drop(page: Page) -> None:
    """A withdrawn page is not found any more."""
    SearchEntry.objects.filter(page=page).delete()
    PageCode.objects.filter(page=page).delete()


def reindex() -> int:
    """Index what is not, or was by another version of this module. Returns how many pages."""
    missing = Page.objects.filter(withdrawn_at=None).exclude(searchentry__version=VERSION)
    done = 0
    keys = list(missing.values_list("pk", flat=True))
    for begin in range(0, len(keys), 50):  # short transactions: people publish meanwhile
        with transaction.atomic():
            for page in missing.filter(pk__in=keys[begin : begin + 50]).select_related("edition"):
                index(page, page.edition)
                done += 1
    if done:
        reckon()
    return done


def reckon() -> None:
    """After many new entries: let PostgreSQL count words again, or it plans by guesses and takes twice as long.

    Its autovacuum does the same, some time later.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE publishing_searchentry")


# Words


def _split(folded: str) -> list[str]:
    """The words of a folded text; of Chinese, Japanese, Thai and their like every pair of neighbouring letters."""
    found = []
    for word in folded.split():
        for piece in filter(None, UNSPACED.split(word)):
            if UNSPACED.fullmatch(piece) and len(piece) > 2:
                found += [piece[i : i + 2] for i in range(len(piece) - 1)]
            else:
                found.append(piece[:60])
    return found


def _mark(language: str) -> str:
    return _LANGUAGE + language.replace("-", "")


def _whole(folded: str) -> tuple[str]:
    """The question as one name."""
    return (_WHOLE + _squeezed(folded),)


def _squeezed(folded: str) -> str:
    return folded.replace(" ", "")[:200]


class _Stemmers(threading.local):
    """One of each for every thread: a stemmer keeps the word it is at in itself, and two threads would mix theirs."""

    def __init__(self):
        self.of = {}


_stemmers = _Stemmers()


def _stem(algorithm: str, word: str) -> str:
    if algorithm not in _stemmers.of:
        _stemmers.of[algorithm] = snowballstemmer.stemmer(algorithm)
    return _stemmers.of[algorithm].stemWord(word)


@cache
def _forms_of(language: str):
    """word -> (word, its stem) or (word,)."""
    algorithm = _STEMMERS.get(language.split("-")[0])

    @lru_cache(maxsize=5_000)  # of each language; an entry takes 300 bytes
    def forms(word: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys((word, _stem(algorithm, word) if algorithm else word)))

    return forms


def stems(text: str, language: str) -> list[str]:
    """The stems of a text's words, as the index has them; what is written without spaces stays whole."""
    forms = _forms_of(language)
    return [forms(word)[-1] for word in fold(text).split()]


def _question(folded: str, language: str) -> list[_Word]:
    forms = _forms_of(language)
    typed = list(dict.fromkeys(_split(folded)))[:_MOST_WORDS]
    return [_Word(word, forms(word)) for word in typed]


# Asking the database


def _matching(column: str, words: list[tuple[str, ...]], language: str | None, *, begins=False, limit=_CANDIDATES):
    """Keys of pages whose names, or text, hold one form of each of these words; `begins`: the last may go on."""
    wanted = [*([(_mark(language),)] if language else []), *words]
    here = connections[databases.alias()]
    sql, quoted, goes_on, either, every, question = _SQL[here.vendor]
    groups = [[quoted.format(form) for form in forms] for forms in wanted]
    if begins:
        groups[-1] = [form + goes_on for form in groups[-1]]
    asked = every.join(f"({either.join(forms)})" for forms in groups)
    with here.cursor() as cursor:
        cursor.execute(sql[column], [question.format(column=column, asked=asked), limit])
        return [row[0] for row in cursor.fetchall()]


# How each database is asked: the statement for a column; a form, its going on, either of two, both, and all of it.
# Forms hold letters and digits only (folding.fold), so that quoting them is enough.
_POSTGRESQL = (
    "SELECT page_id FROM publishing_searchentry "
    "WHERE array_to_tsvector(string_to_array({}, ' ')) @@ %s::tsquery LIMIT %s"
)
_SQLITE = "SELECT rowid FROM publishing_searchwords WHERE publishing_searchwords MATCH %s LIMIT %s"
_SQL = {
    "postgresql": ({c: _POSTGRESQL.format(c) for c in ("names", "text")}, "'{}'", ":*", " | ", " & ", "{asked}"),
    "sqlite": (dict.fromkeys(("names", "text"), _SQLITE), '"{}"', " *", " OR ", " AND ", "{{{column}}} : ({asked})"),
}


def _pages(keys: Iterable[int]) -> list[Page]:
    """These pages, in this order."""
    found = Page.objects.filter(withdrawn_at=None).defer("findable", "withdrawal_reason").in_bulk(list(keys))
    return [found[key] for key in keys if key in found]


def _named(question: list[_Word], folded: str, language: str | None, exact: list[int]) -> list[int]:
    """`exact`, the pages of exactly this name; those whose names begin so, or have all of these words."""
    goes_on = len(folded) > 2
    begun = _matching("names", [_whole(folded)], language, begins=True) if goes_on else []
    with_words = _matching("names", [w.forms for w in question], language, begins=goes_on)
    return _ranked([*exact, *begun, *with_words], folded)


def _ranked(keys: Iterable[int], folded: str) -> list[int]:
    """Best first: by title, by another name, by the beginning or the words of one; then by how alike they are."""
    rows = Page.objects.filter(pk__in=set(keys), withdrawn_at=None).values_list("pk", "title", "findable")
    wanted = set(folded.split())

    def likeness(findable: str) -> float:
        best = 0.0
        for place, name in enumerate(findable.split("\n")):
            own = fuzz.ratio(folded, name) * 0.4
            if name == folded:
                own += 300
            elif name.startswith(folded):
                own += 200
            elif wanted.issubset(name.split()):
                own += 150
            if place and name != folded:
                own -= 60  # a title that has the words goes before another name that begins with them
            best = max(best, own)
        return best

    ordered = sorted((-likeness(findable), len(title), title, pk) for pk, title, findable in rows)
    return [pk for _likeness, _length, _title, pk in ordered]


# Misspelt


class _Vocabulary:
    """The words of titles and summaries of one language. Words are only ever added, so this reads what is new."""

    PAUSE = 5  # seconds between two looks

    def __init__(self, language: str):
        self.language, self.words, self.by_length = language, set(), {}
        self.seen, self.looked = 0, float("-inf")

    def near(self, typed: str) -> list[str]:
        """Up to four words this one may have been meant for, nearest first."""
        if len(typed) < 4 or UNSPACED.search(typed):
            return []
        self._read_on()
        slips = 1 if len(typed) < 6 else 2
        close = []
        for length in range(len(typed) - slips, len(typed) + slips + 1):
            words = self.by_length.get(length, [])
            close += process.extract(typed, words, scorer=OSA.distance, score_cutoff=slips, limit=8)
        close.sort(key=lambda found: (found[1], found[0][:1] != typed[:1], -fuzz.ratio(found[0], typed)))
        return [word for word, slips, _place in close if slips][:4]

    def _read_on(self):
        if time.monotonic() - self.looked < self.PAUSE:
            return
        self.looked = time.monotonic()
        # A little is read again: on PostgreSQL a lower key may have become visible later.
        new = SearchWord.objects.filter(language=self.language, pk__gt=self.seen - 200).values_list("pk", "word")
        for pk, word in new.order_by("pk"):
            self.seen = pk
            if word not in self.words:
                self.words.add(word)
                self.by_length.setdefault(len(word), []).append(word)


vocabulary = cache(_Vocabulary)


def _put_right(question: list[_Word], language: str) -> list[_Word]:
    """The question with every word that nothing holds exchanged for what it may have been meant for; [] if none is."""
    forms = _forms_of(language)
    better, changed = [], False
    for word in question:
        near = vocabulary(language).near(word.typed)
        changed = changed or bool(near)
        meant = [word.typed, *near]
        better.append(_Word(word.typed, tuple(dict.fromkeys(form for one in meant for form in forms(one)))))
    return better if changed else []


def _as_found(better: list[_Word], key: int) -> str:
    """The words as the best page writes them: what the reader is told was looked for."""
    page = Page.objects.only("title", "findable", "summary").get(pk=key)
    own = {word: word for word in page.findable.split()}
    own |= {fold(word): word.lower() for word in re.findall(r"\w+", f"{page.summary} {page.title}")}
    return " ".join(next((own[form] for form in word.forms if form in own), word.typed) for word in better)


# Nothing here


def _abroad(question, folded, language) -> list[Page]:
    """Pages of other languages that have this name: a Latin name asked in Arabic, an English one in French."""
    offered = {one.code for one in languages.offered()} - {language}
    return [page for page in _pages(_named(question, folded, None, [])) if page.language in offered]


def _called_so_abroad(folded: str, language: str) -> list[int]:
    """Pages here of what has exactly this name in another language: its English name asked in Arabic."""
    offered = [one.code for one in languages.offered()]
    abroad = Page.objects.filter(pk__in=_matching("names", [_whole(folded)], None), language__in=offered)
    same = set(abroad.filter(withdrawn_at=None).values_list("kind", "key"))
    if not same:
        return []
    here = Page.objects.filter(language=language, withdrawn_at=None, key__in={key for _kind, key in same})
    return _ranked([page.pk for page in here.only("kind", "key") if (page.kind, page.key) in same], folded)


def _nearest(question: list[_Word], folded: str, language: str, limit: int = 5) -> list[Page]:
    """Pages that have at least some of the words, in their names rather than below them; rare words weigh more."""
    weights: dict[int, float] = {}
    for word in question:
        for column, weight in (("names", 1), ("text", 0.3)):
            keys = _matching(column, [word.forms], language)
            if column == "names" or len(keys) < _CANDIDATES:
                for key in keys:
                    weights[key] = weights.get(key, 0) + weight / len(keys)
    best = sorted(weights, key=weights.get, reverse=True)[: 2 * limit]
    return _pages(best)[:limit]
