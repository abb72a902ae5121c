"""Keeps figures in var/bench, and writes them into docs/benchmarks.md as a table, and as plots beside it.

python -m tests.bench.report writes them anew from what was kept.
"""

import datetime as dt
import json
import os
import statistics

from tests.bench import places

DOC = places.ROOT / "docs" / "benchmarks.md"
PLOTS = places.ROOT / "docs" / "plots"
BEGIN, END = "<!-- figures: written by make bench -->", "<!-- end of figures -->"
VENDORS = ("SQLite", "PostgreSQL")


def keep(what: str, vendor: str, found: dict) -> None:
    file = places.KEPT / "figures.json"
    said = json.loads(file.read_text()) if file.exists() else {}
    said.setdefault(what, {})[vendor] = {"on": dt.date.today().isoformat(), **found}
    file.write_text(json.dumps(said, indent=1))


def ratio(throughput, one: str, other: str) -> float:
    """The median of each round's ratio: what else the machine did meanwhile concerns both."""
    return statistics.median(a / b for a, b in zip(throughput[one], throughput[other], strict=True))


def rows(serving: dict, scale: dict) -> list[tuple[str, str, float, bool, str]]:
    """(what, target, measured, whether it is met, how measured reads) of one database."""
    found = []

    def target(what, wanted, measured, unit="", at_least=False):
        met = measured >= wanted if at_least else measured <= wanted
        shown = f"{measured:.2f}" if measured < 10 else f"{measured:.0f}"
        limit = f"{'≥' if at_least else '≤'} {wanted:g}{unit}"
        found.append((what, limit, measured, met, f"{shown}{unit}"))

    if serving:
        served = serving["throughput"]
        target("hot page, of nginx’s requests (gzip)", 0.5, ratio(served, "hot, gzip", "nginx, gzip_static"), "", True)
        target("hot page, times Wagtail", 200, ratio(served, "hot, gzip", "Wagtail"), " ×", True)
        target("cold page, times Wagtail", 8, ratio(served, "cold", "Wagtail"), " ×", True)
        target("mixed crowd at half its top rate, p99", 50, statistics.median(serving["mixed"]["p99"]), " ms")
        target("from publish to seen, the worst", 1, max(serving["seen"]), " s")
        target("memory of a worker with 2,000 hot pages, its share (PSS)", 120, max(serving["memory"]["pss"]), " MB")
        target("the same with all that other workers hold too (RSS)", 120, max(serving["memory"]["rss"]), " MB")
        target("start, to the first answer", 3, statistics.median(serving["start"]), " s")
    for what, row in (scale or {}).get("costs", {}).items():
        target(f"{what}: 100,000 pages against 1,000", 1.3, row["ratio"], " ×")
    return found


def write() -> None:
    said = json.loads((places.KEPT / "figures.json").read_text())
    by_vendor, days = {}, set()
    for vendor in VENDORS:
        serving, scale = (said.get(what, {}).get(vendor) for what in ("serving", "scale"))
        days |= {one["on"] for one in (serving, scale) if one}
        by_vendor[vendor] = {row[0]: row for row in rows(serving, scale)}
    names = list(dict.fromkeys(name for found in by_vendor.values() for name in found))
    limits = {name: row[1] for found in by_vendor.values() for name, row in found.items()}
    lines = [
        f"Measured {' and '.join(sorted(days))} on a machine of {os.cpu_count()} cores: the servers on one, the load "
        "on the other, contenders in turns, medians. A target that is missed stands in bold.",
        "", "| target | wanted | SQLite | PostgreSQL |", "|---|---|---|---|",
    ]  # fmt: skip
    for name in names:
        cells = []
        for vendor in VENDORS:
            row = by_vendor[vendor].get(name)
            cells.append("not measured" if row is None else row[4] if row[3] else f"**{row[4]}**")
        lines.append(f"| {name} | {limits[name]} | {' | '.join(cells)} |")
    PLOTS.mkdir(exist_ok=True)
    serving = {vendor: one for vendor in VENDORS if (one := said.get("serving", {}).get(vendor))}
    if serving:
        lines += ["", *_requests(serving)]
        bars = [
            (f"{what}, {vendor}", statistics.median(one["throughput"][name]))
            for what, name in (("nginx", "nginx, gzip_static"), ("granian, fixed bytes", "granian, the same bytes"), ("hot page", "hot, gzip"), ("hot page, 304", "hot, 304"),
                               ("cold page", "cold"), ("Wagtail", "Wagtail"))
            for vendor, one in serving.items()
        ]  # fmt: skip
        lines += ["", _plot("requests", "Requests a second of one core, gzip (logarithmic)", bars, logarithmic=True)]
        bars = [
            (f"{kind}, {vendor}", one["mixed"]["p99 by kind"][kind])
            for kind in ("hot", "cold", "search") for vendor, one in serving.items() if kind in one["mixed"]["p99 by kind"]
        ]  # fmt: skip
        lines += ["", _plot("crowd", "A mixed crowd at half its top rate: p99 in milliseconds", bars)]
    bars = [
        (f"{what}, {vendor}", row["ratio"])
        for vendor, one in said.get("scale", {}).items() for what, row in one["costs"].items()
    ]  # fmt: skip
    if bars:
        lines += ["", _plot("scale", "What a page costs at 100,000 pages, times what it costs at 1,000", sorted(bars))]
    text = DOC.read_text()
    before, _begin, rest = text.partition(BEGIN)
    DOC.write_text(before + BEGIN + "\n" + "\n".join(lines) + "\n" + END + rest.partition(END)[2])


def _requests(serving) -> list[str]:
    lines = [f"| requests a second | {' | '.join(serving)} |", "|---|" + "---|" * len(serving)]
    names = [name for name in next(iter(serving.values()))["throughput"] if name != "bytes"]
    for name in names:
        cells = []
        for one in serving.values():
            rounds = one["throughput"][name]
            cells.append(f"{statistics.median(rounds):,.1f} ({min(rounds):,.1f} to {max(rounds):,.1f})")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    plain, packed = next(iter(serving.values()))["throughput"]["bytes"]
    tops = ", ".join(f"{vendor} {statistics.median(one['mixed']['top']):,.0f}" for vendor, one in serving.items())
    return [*lines, "", f"The page: {plain:,} bytes, {packed:,} compressed. Top rate of the mixed crowd: {tops}."]


def _plot(name: str, title: str, bars: list[tuple[str, float]], *, logarithmic=False) -> str:
    """Writes bars as SVG that is readable on white and on black; gives the line that shows it, said in words as well."""
    from math import log10  # noqa: PLC0415 -- here alone

    def length(value):
        return log10(max(value, 1)) if logarithmic else value

    most = max((length(value) for _label, value in bars), default=1) or 1
    height = 40 + 22 * len(bars)
    said = "; ".join(f"{label}: {value:,.1f}" for label, value in bars)
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {height}" role="img" aria-labelledby="t d">',
        f'<title id="t">{title}</title><desc id="d">{said}</desc>',
        "<style>text{font:13px sans-serif;fill:#1b1b1b}rect{fill:#1d6f8a}"
        "@media (prefers-color-scheme:dark){text{fill:#eee}rect{fill:#6ec1dc}}</style>",
        f'<text x="8" y="20" font-weight="bold">{title}</text>',
    ]
    for n, (label, value) in enumerate(bars):
        y, width = 34 + 22 * n, max(1, round(360 * length(value) / most))
        drawn.append(f'<text x="300" y="{y + 14}" text-anchor="end">{label}</text>')
        drawn.append(f'<rect x="308" y="{y + 2}" width="{width}" height="16" rx="2"/>')
        drawn.append(f'<text x="{314 + width}" y="{y + 14}">{value:,.1f}</text>')
    (PLOTS / f"{name}.svg").write_text("\n".join([*drawn, "</svg>"]) + "\n")
    return f"![{title}: {said}](plots/{name}.svg)"


if __name__ == "__main__":
    write()
