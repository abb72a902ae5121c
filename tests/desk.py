"""The desk as a browser without JavaScript has it: what a form of a page sends back when it is saved untouched."""

from html.parser import HTMLParser

from django.test import Client


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


class _Form(HTMLParser):
    def __init__(self):
        super().__init__()
        self.sent, self.inside, self.area, self.select = {}, False, None, None

    def send(self, name, value):
        if name:
            self.sent.setdefault(name, []).append(value.replace("\r\n", "\n").replace("\n", "\r\n"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.inside = attrs.get("id") != "logout-form"
        if not self.inside:
            return
        if tag == "input":
            kind = attrs.get("type", "text")
            if kind in {"checkbox", "radio"}:
                if "checked" in attrs:
                    self.send(attrs.get("name"), attrs.get("value", "on"))
            elif kind not in {"submit", "button", "file"}:
                self.send(attrs.get("name"), attrs.get("value") or "")
        elif tag == "textarea":
            self.area = [attrs.get("name"), ""]
        elif tag == "select":
            self.select = [attrs.get("name"), "multiple" in attrs, [], None]
        elif tag == "option" and self.select:
            value = attrs.get("value") or ""
            self.select[3] = value if self.select[3] is None else self.select[3]
            if "selected" in attrs:
                self.select[2].append(value)

    def handle_data(self, data):
        if self.area:
            self.area[1] += data

    def handle_endtag(self, tag):
        if tag == "form":
            self.inside = False
        elif tag == "textarea" and self.area:
            self.send(self.area[0], self.area[1].removeprefix("\n"))
            self.area = None
        elif tag == "select" and self.select:
            name, several, chosen, first = self.select
            for value in chosen or ([] if several or first is None else [first]):
                self.send(name, value)
            self.select = None


def form_of(answer) -> dict[str, list[str]]:
    """Every name and value that the page's form would send."""
    reader = _Form()
    reader.feed(answer.content.decode())
    return reader.sent


def opened(client, obj) -> dict[str, list[str]]:
    return form_of(client.get(address(obj)))


def address(obj) -> str:
    return f"/admin/conditions/{obj._meta.model_name}/{obj.pk}/change/"
