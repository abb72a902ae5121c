"""Works as files to download."""

import io
import re
import zipfile
from functools import partial

from . import po, table, xliff
from .work import Work, worth_sending

_XLIFF = "application/xliff+xml"
FORMATS = {  # name: (how it is written, how the file's name ends, content type)
    "xliff": (xliff.write_12, "xlf", _XLIFF),
    "xliff-2": (xliff.write_20, "xlf", _XLIFF),
    "xliff-legacy": (partial(xliff.write_12, legacy=True), "xlf", _XLIFF),
    "po": (po.write, "po", "text/x-gettext-translation; charset=utf-8"),
    "csv": (table.write, "csv", "text/csv; charset=utf-8"),
}


def pack(works, format: str) -> tuple[str, bytes, str]:
    """(file name, content, content type): all works in one file."""
    works = _with_words(works)
    write, ending, content_type = FORMATS[format]
    return f"{_name(works)}.{ending}", write(works), content_type


def pack_zip(works, format: str) -> tuple[str, bytes, str]:
    """A file for each work. Equal works give equal bytes."""
    works = _with_words(works)
    write, ending, _content_type = FORMATS[format]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for work in works:
            member = zipfile.ZipInfo(f"{_name([work])}.{ending}")
            member.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(member, write([work]))
    return f"{_name(works)}.zip", out.getvalue(), "application/zip"


def _with_words(works) -> list[Work]:
    works = [work for work in works if worth_sending(work)]
    if not works:
        raise ValueError("There is nothing to translate in these works")
    return works


def _name(works: list[Work]) -> str:
    languages = sorted({work.target_tag for work in works})
    whose = f"{works[0].kind}-{works[0].key}" if len(works) == 1 else "translations"
    return re.sub(r"[^\w.-]+", "-", ".".join([whose, *languages[:1]] if len(languages) == 1 else [whose]))
