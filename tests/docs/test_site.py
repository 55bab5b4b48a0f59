"""The site is built without a complaint and loads nothing from elsewhere; what code makes is up to date."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.site.diagrams import IMAGES, PICTURES
from tests.docs.reading import ROOT

LOADED = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=["']?(?:https?:)?//""")


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_site_is_whole_and_loads_nothing_from_elsewhere(tmp_path: Path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "--strict",
            "--quiet",
            "--site-dir",
            str(tmp_path / "site"),
        ],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = {str(page.relative_to(tmp_path / "site")): page.read_text() for page in tmp_path.rglob("*.html")}
    assert {name for name, text in pages.items() if LOADED.search(text)} == set()
    assert "outside_trust_region" in pages["reference/campaign-file.html"]
    assert "morpholoop model fine-tune" in pages["reference/command-line.html"]
    assert "/proposals/{experiment_id}/approve" in pages["reference/rest.html"]
    assert "Representativity" in pages["reference/python.html"]


@pytest.mark.parametrize("name", PICTURES)
def test_the_diagrams_are_those_of_the_code(name):
    assert (IMAGES / name).read_text(encoding="utf-8") == PICTURES[name](), "run python -m docs.site.diagrams"


def test_every_decision_is_listed():
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"\]\((0[^)]*)\)", (folder / "README.md").read_text(encoding="utf-8"))
    assert listed == sorted(record.name for record in folder.glob("0*.md"))


def test_nothing_that_is_required_binds_us():
    from docs.site.licences import licences

    found = licences()
    assert len([one for one in found if not one.extra]) > 100
    assert [one for one in found if not one.extra and one.kind in ("strong copyleft", "unknown")] == []
    assert {one.kind for one in found if one.name == "psycopg"} <= {"weak copyleft"}


@pytest.mark.parametrize(
    ("stated", "kind"),
    [
        ("MIT License", "permissive"),
        ("GPL-3.0-or-later", "strong copyleft"),
        ("AGPLv3", "strong copyleft"),
        ("GNU General Public License v3 (GPLv3)", "strong copyleft"),
        ("LGPL-3.0-only", "weak copyleft"),
        ("MPL-2.0 AND MIT", "weak copyleft"),
        ("LicenseRef-NVIDIA-Proprietary", "proprietary"),
        ("not stated", "unknown"),
    ],
)
def test_a_licence_is_told_by_kind(stated, kind):
    from docs.site.licences import Licensed

    assert Licensed("x", "1", stated, "").kind == kind
