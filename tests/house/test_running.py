"""docs/running.md tells the truth: its commands are run as they stand there, and it names every setting."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAID = (ROOT / "docs" / "running.md").read_text()


def test_every_command_does_what_the_page_says(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "PUBLIC_ADDRESS"}}
    environment |= {"VAR_DIR": str(tmp_path / "var"), "DEMO": "0", "DJANGO_SUPERUSER_PASSWORD": "a-password-of-length"}
    told = []
    for box in re.findall(r"^```sh\n(.*?)^```", SAID, re.S | re.M):
        for line in box.splitlines():
            command = [sys.executable, *shlex.split(line)[1:]]
            # Folders of the test's own, for the machine's.
            command = [str(tmp_path) + part if part.startswith(("/srv/", "/media/")) else part for part in command]
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
            told.append(done.stdout)
    assert len(told) == 11
    assert " 0 written" in told[5]
    assert (tmp_path / "srv/copy/.copy/nginx.conf").exists()
    assert "Every file is as it was written" in told[9]
    assert "It is back" in told[10]
    assert 'href="./en/index.html"' in (tmp_path / "media/stick/index.html").read_text()


def test_every_setting_is_named():
    read = re.findall(r'(?:env\.[a-z_]+|_switch)\(\s*"([A-Z_]+)"', (ROOT / "portal" / "settings.py").read_text())
    assert len(read) > 15
    assert not [name for name in read if f"`{name}`" not in SAID]
