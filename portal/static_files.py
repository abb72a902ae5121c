"""Styles and scripts are collected beside a running server, and no file that it may be asked for is missing or half.

Django's own collectstatic deletes a hashed file and writes it again, and its manifest forgets what a release does not
have any more. Here everything is made in another folder and moved in, the manifest last; what an older release named stays.
"""

import filecmp
import json
import os
import tempfile
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command


def collect() -> None:
    """Into STATIC_ROOT. Raises OSError."""
    root = Path(settings.STATIC_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent, prefix=".static-") as aside:
        aside = Path(aside)
        _collect_into(aside)
        manifest = aside / getattr(staticfiles_storage, "manifest_name", "staticfiles.json")
        if manifest.exists():
            _also_what_was(root / manifest.name, manifest)
        new = sorted(path for path in aside.rglob("*") if path.is_file() and path != manifest)
        for path in [*new, *([manifest] if manifest.exists() else [])]:
            target = root / path.relative_to(aside)
            if not (target.is_file() and filecmp.cmp(path, target, shallow=False)):
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(path, target)
    if hasattr(staticfiles_storage, "load_manifest"):
        staticfiles_storage.hashed_files, staticfiles_storage.manifest_hash = staticfiles_storage.load_manifest()


def _collect_into(folder: Path) -> None:
    staticfiles_storage.exists("")  # it is set up when it is first asked something
    real = staticfiles_storage._wrapped
    staticfiles_storage._wrapped = type(real)(location=str(folder))
    try:
        call_command("collectstatic", interactive=False, verbosity=0)
    finally:
        staticfiles_storage._wrapped = real


def _also_what_was(before: Path, manifest: Path) -> None:
    """A worker of the old release may start anew on the new manifest: each name that it knows is there."""
    if before.exists():
        said = json.loads(manifest.read_text())
        said["paths"] = {**json.loads(before.read_text())["paths"], **said["paths"]}
        manifest.write_text(json.dumps(said))
