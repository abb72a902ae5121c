"""How nginx serves a copy (portal.static_copy) with the statuses and headers of the live site.

The headers are taken from answers of the live site, so that they cannot say something else.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from django.http import HttpResponse

from portal import languages
from portal.static_copy import OWN, Line, put

# Made anew by the server for each file, or of one address alone.
_NOT_OURS = {
    "content-type", "content-length", "content-language", "content-disposition", "etag", "last-modified", "vary",
    "link", "ratelimit", "ratelimit-policy",
}  # fmt: skip
_CLASSES = {
    r"/embed/(index\.html)?$": r"/embed/$",
    r"/editions/[0-9]+/(index\.html)?$": r"/editions/[0-9]+/$",
    r"/search/suggest": r"/search/suggest$",
    r"^/api/": r"^/api/v1/languages$",
    r"\.pdf$": r"\.pdf$",
}
_TYPES = {
    "text/html": "html",
    "text/css": "css",
    "text/javascript": "js",
    "text/plain": "txt",
    "application/json": "json",
    "application/problem+json": "problem",
    "application/xml": "xml",
    "application/atom+xml": "atom",
    "application/pdf": "pdf",
    "image/svg+xml": "svg",
    "image/png": "png",
    "image/jpeg": "jpg jpeg",
    "image/webp": "webp",
}
_SERVER = """\
# Written by manage.py export_site for the copy around it; written anew with it. Put it into /etc/nginx/conf.d/, with
# TLS and your name in the server block. Moved and withdrawn pages are known here; a reload makes new ones known.
map_hash_bucket_size 1024;
map_hash_max_size 1048576;
{maps}
server {{
    listen {listen};
    root "{root}";
    access_log off;  # nobody keeps a list of who reads what
    server_tokens off;
    absolute_redirect off;
    gzip_static on;
    gzip_vary on;
    charset utf-8;
    charset_types text/css text/javascript text/plain application/xml application/atom+xml;
    default_type application/octet-stream;
    types {{
{types}
    }}
{headers}
    if ($portal_moved) {{ return 301 $portal_moved; }}
    if ($portal_elsewhere) {{ return 302 $portal_elsewhere; }}
    if ($portal_gone) {{ return 410; }}
    if ($portal_missing) {{ return 404; }}
    error_page 404 $portal_not_found;
    error_page 410 $portal_gone;

    location ~ /\\. {{ return 404; }}
    location ~ ^/([^/]+/)?404\\.html$ {{ internal; }}
    location /api/ {{ try_files $uri $uri/index.json $uri/index.problem =404; }}
    location ~ ^/[^/]+/search/suggest$ {{ default_type application/json; try_files $uri =404; }}
    location / {{ index index.html; try_files $uri $uri/ =404; }}
}}
"""


def write(folder: Path, lines: Iterable[Line], answer: Callable[[str], HttpResponse], listen: str = "8080") -> Path:
    """The configuration, in the copy's own folder. Raises OSError."""
    lines = sorted(lines, key=lambda line: line.address)
    source = languages.get(languages.SOURCE)
    offered = "|".join(re.escape(language.code) for language in languages.offered())
    missing = {line.address: f"/{line.file}" for line in lines if line.status == 404 and _has_own_words(line)}
    maps = [
        _map("moved", {line.address: line.location for line in lines if line.status in (301, 308)}),
        _map("elsewhere", {line.address: line.location for line in lines if line.status in (302, 307)}),
        _map("gone", {line.address: f"/{line.file}" for line in lines if line.status == 410}),
        _map("missing", dict.fromkeys(missing, "1")),
        _map("not_found", {**missing, f"~^/({offered})/": "/$1/404.html"}, default="/404.html"),
        _map("language", {f"~^/{one.code}/": one.tag for one in languages.offered()}, default=source.tag),
    ]
    headers = ['    add_header Content-Language "$portal_language" always;']
    for name, values in sorted(_headers(lines, answer).items()):
        variable = "header_" + name.lower().replace("-", "_")
        classes = {f"~{found}": value for found, value in values.items() if found}
        maps.append(_map(variable, classes, values.get("", "")))
        headers.append(f'    add_header {name} "$portal_{variable}" always;')
    said = _SERVER.format(
        listen=listen,
        root=folder.resolve(),
        maps="\n".join(maps),
        types="\n".join(f"        {kind} {ends};" for kind, ends in _TYPES.items()),
        headers="\n".join(headers),
    )
    path = folder / OWN / "nginx.conf"
    put(path, said.encode())
    return path


def _has_own_words(line: Line) -> bool:
    return not line.file.endswith("404.html")


def _headers(lines: list[Line], answer) -> dict[str, dict[str, str]]:
    """name -> {expression of a class of addresses, or "" for all others: value}."""
    samples = {"": next(line.address for line in lines if re.fullmatch("/[^/]+/", line.address) and line.status == 200)}
    for found, like in _CLASSES.items():
        sample = next((line.address for line in lines if line.status == 200 and re.search(like, line.address)), None)
        if sample:
            samples[found] = sample
    said: dict[str, dict[str, str]] = {}
    for found, address in samples.items():
        for name, value in answer(address).headers.items():
            if name.lower() not in _NOT_OURS:
                said.setdefault(name, {})[found] = value
    for values in said.values():
        # What all others have and a class has not is empty there: nginx then leaves the header out.
        for found in samples:
            if found and values.get(found) == values.get("", ""):
                values.pop(found)
            elif found:
                values.setdefault(found, "")
    # A file has a date, from which browsers guess how long it stays true. A withdrawn page must go at once.
    kept = said.setdefault("Cache-Control", {})
    for found in samples:
        kept[found] = kept.get(found) or "no-cache"
    kept[r"^/media/"] = "public, max-age=31536000, immutable"
    kept[r"^/static/.*\.[0-9a-f]{12}\."] = "public, max-age=31536000, immutable"
    return said


def _map(name: str, values: dict[str, str], default: str = "") -> str:
    rows = "".join(f"    {_quoted(key)} {_quoted(value)};\n" for key, value in values.items())
    return f"map $uri $portal_{name} {{\n    volatile;\n    default {_quoted(default)};\n{rows}}}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
