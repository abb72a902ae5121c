"""Whether the sources' web addresses still answer. Addresses are other people's words: never one of our own network."""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urljoin, urlsplit

from django.utils import timezone

from conditions.models import Source

OK, MOVED, NOT_FOUND, FAILED, UNREACHABLE, REFUSED = "ok", "moved", "not found", "failed", "unreachable", "refused"
AT_ONCE = 4
TIMEOUT = 10  # seconds
REDIRECTS = 5
AGENT = "patient-information-portal link check"


def check_all() -> Iterator[tuple[Source, str]]:
    """Ask every address and keep the answer on its source. Yields them as they come."""
    sources = list(Source.objects.exclude(address="").order_by("pk"))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for source, result in zip(sources, pool.map(lambda source: check(source.address), sources), strict=True):
            Source.objects.filter(pk=source.pk).update(checked_at=timezone.now(), check_result=result)
            yield source, result


def broken_sources():
    """Sources whose address did not answer as it should when it was last asked."""
    return Source.objects.exclude(check_result__in=["", OK, MOVED])


def check(address: str, *, own_network: bool = False) -> str:
    """One of the results above. `own_network` lets addresses of this machine be asked, for tests."""
    moved = False
    for _hop in range(REDIRECTS + 1):
        parts = urlsplit(address)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            return REFUSED
        try:
            status, location = _ask(parts, own_network)
        except PermissionError:
            return REFUSED
        except (OSError, http.client.HTTPException, UnicodeError, ValueError):
            return UNREACHABLE
        if status in {301, 302, 303, 307, 308} and location:
            moved = moved or status in {301, 308}
            address = urljoin(address, location)
            continue
        if status in {404, 410}:
            return NOT_FOUND
        # Some publishers refuse programs (403, 429); a person with a browser gets in.
        if status < 400 or status in {401, 403, 405, 429}:
            return MOVED if moved else OK
        return FAILED
    return FAILED


def _ask(parts, own_network):
    """(status, Location) of one GET whose body is not read. Raises PermissionError for an address of our network."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    ip = found[0][4][0]
    if not own_network and not all(ipaddress.ip_address(one[4][0].partition("%")[0]).is_global for one in found):
        raise PermissionError(ip)
    # Connected to the address that was checked: a name could give another one when asked again.
    raw = socket.create_connection((ip, port), timeout=TIMEOUT)
    try:
        if parts.scheme == "https":
            raw = ssl.create_default_context().wrap_socket(raw, server_hostname=parts.hostname)
        connection = http.client.HTTPConnection(parts.hostname, port, timeout=TIMEOUT)
        connection.sock = raw
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"User-Agent": AGENT, "Accept": "*/*"})
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Location", "")
    finally:
        raw.close()
