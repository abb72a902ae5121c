"""The rich text editor's widget, for editors and translators: as it comes, with nothing inline."""

from django.forms import Media, Script
from django_prose_editor.widgets import AdminProseEditorWidget
from js_asset import static_lazy

EDITOR = "django_prose_editor/editor.js"


class EditorWidget(AdminProseEditorWidget):
    @property
    def media(self):
        styles = [f"django_prose_editor/{name}.css" for name in ("material-icons", "editor", "overrides")]
        start = Script("js/editor.js", type="module", **{"data-address": static_lazy(EDITOR)})
        # The editor's own tag only lets the browser begin earlier: it is the module that ours asks for.
        return Media(css={"all": styles}, js=[Script(EDITOR, type="module"), start])
