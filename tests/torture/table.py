"""What was tried and what was lost, a line for each fault; printed at the end of the run."""

from collections import Counter
from dataclasses import dataclass, field

COLUMNS = ("rounds", "acknowledged", "lost", "doubled", "halved", "elsewhere")


@dataclass
class Line:
    fault: str
    counts: Counter = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def wrong(self, what: str, sentence: str):
        self.counts[what] += 1
        self.notes.append(f"{what}: {sentence}")


lines: list[Line] = []


def line(fault: str) -> Line:
    lines.append(Line(fault))
    return lines[-1]


def printed(seed: int, failed: int) -> list[str]:
    width = max([len(one.fault) for one in lines] + [5])
    said = [f"{'fault':{width}}  " + "  ".join(f"{name:>12}" for name in (*COLUMNS, "verify"))]
    for one in lines:
        verify = "faults" if one.counts["verify"] else "clean"
        said.append(
            f"{one.fault:{width}}  " + "  ".join(f"{one.counts[name]:>12}" for name in COLUMNS) + f"  {verify:>12}"
        )
    said.append(f"seed {seed}")
    wrong = [f"{one.fault}: {note}" for one in lines for note in one.notes]
    if wrong or failed:
        return [*said, f"Lost, or not as it should be ({failed} tests failed):", *wrong]
    return [*said, "Lost: nothing."]
