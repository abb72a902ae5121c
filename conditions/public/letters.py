"""Lists in alphabetical order: whole where they are short, a letter at a time where they are long."""

from dataclasses import dataclass

from django.db.models import Count

from portal.publishing import letters, reading

MOST = 200  # pages on one page of a list


def by_letter(pages, language: str) -> list[tuple[str, list]]:
    """Pages (anything with a title) in alphabetical groups, sorted within: "T", "Д", "ت"; Chinese by its pinyin."""
    groups = {}
    standing = [(*letters.standing(page, language), page) for page in pages]
    for letter, _place, page in sorted(standing, key=lambda one: one[1]):
        groups.setdefault(letter, []).append(page)
    return list(groups.items())


@dataclass(frozen=True)
class Stretch:
    """What one page of a list shows, and the letters that lead to the others."""

    groups: list[tuple[str, list]]
    letters: list[str]  # () where everything is here
    letter: str = ""
    number: int = 1
    of: int = 1

    @property
    def before(self) -> int:
        return self.number - 1

    @property
    def after(self) -> int:
        """0: this is the last part."""
        return self.number + 1 if self.number < self.of else 0

    @property
    def pages(self) -> list:
        return [page for _letter, pages in self.groups for page in pages]


def everything(kind: str, language: str) -> Stretch:
    """All pages of a kind; of more than MOST the letters alone. At most two queries."""
    pages = list(reading.pages(kind, language)[: MOST + 1])
    if len(pages) <= MOST:
        return Stretch(by_letter(pages, language), [])
    return Stretch([], letters.in_order(reading.letters(kind, language), language))


def of_letter(kind: str, language: str, asked: str, number: int) -> Stretch | None:
    """A page of those under a letter, as it stands in an address; None where there is none. Three queries."""
    found = letters.in_order(reading.letters(kind, language), language)
    letter = next((one for one in found if in_address(one) == asked), None)
    if letter is None or number < 1:
        return None
    under = reading.pages(kind, language).filter(letter=letter)
    pages = list(under.order_by("place", "pk")[(number - 1) * MOST : number * MOST])
    if not pages:
        return None
    return Stretch([(letter, pages)], found, letter, number, -(-under.count() // MOST))


def addresses(kind: str, language: str) -> list[tuple[str, int]]:
    """(letter, part) of every page that a long list has; [] of a short one."""
    if reading.pages(kind, language).count() <= MOST:
        return []
    counts = reading.pages(kind, language).values_list("letter").annotate(Count("pk")).order_by("letter")
    return [(in_address(letter), part) for letter, count in counts for part in range(1, -(-count // MOST) + 1)]


def in_address(letter: str) -> str:
    return "-" if letter == "#" else letter.lower()
