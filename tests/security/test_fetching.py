"""A leaflet asks nobody and opens no file, whatever stands in its words."""

import io
import socket

import pypdf
import pytest

from conditions import leaflets


@pytest.mark.skipif(not leaflets._weasyprint(), reason="Pango is missing on this machine")
def test_a_leaflet_fetches_its_own_pictures_and_nothing_else(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    (tmp_path / "secret.txt").write_text("The secret words.")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        there = f"http://127.0.0.1:{listening.getsockname()[1]}/x"
        file = (tmp_path / "secret.txt").as_uri()
        html = f"""<html lang="en"><head><title>x</title><link rel="attachment" href="{file}"><link rel="stylesheet" href="{there}">
            <style>@import "{there}"; @font-face {{ font-family: x; src: url("{there}") }} p {{ background: url("{there}"); font-family: x }}</style></head>
            <body><p>Words.</p><img src="{there}" alt=""><img src="{file}" alt=""><img src="data:image/svg+xml,&lt;svg xmlns='http://www.w3.org/2000/svg'/&gt;" alt="">
            <object data="{there}"></object><embed src="{file}"><a rel="attachment" href="{file}">x</a></body></html>"""
        _name, made = leaflets.opened(html, "https://portal.example/", {})
        with made, pytest.raises(BlockingIOError):
            listening.accept()  # nobody came
    with leaflets.opened(html, "https://portal.example/", {})[1] as kept:
        said = pypdf.PdfReader(io.BytesIO(kept.read()))
    assert said.attachments == {} and "secret" not in said.pages[0].extract_text()
    fetcher = leaflets._fetcher({"https://portal.example/media/a.png": lambda: b"mine"})
    for address in (
        file,
        there,
        "data:,x",
        "ftp://evil.example/",
        "https://portal.example/media/b.png",
        "\\\\evil.example\\x",
        "",
    ):
        with pytest.raises(ValueError, match="not a part of this leaflet"):
            fetcher.fetch(address)
