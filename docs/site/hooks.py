"""What MkDocs asks of us: pages that are made at build time, and the list of decisions."""

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from docs.site import commands, licences, reference

PAGES = {
    "reference/campaign-file.md": reference.campaign_file,
    "reference/lab-file.md": reference.lab_file,
    "reference/command-line.md": commands.reference,
    "reference/rest.md": reference.rest,
    "reference/python.md": reference.python,
    "reference/licences.md": licences.page,
}


def on_config(config: Any) -> Any:
    """Put every decision record under its heading, and pages without a place under explanation."""
    folder = Path(config.docs_dir)
    menu = {title: pages for entry in config.nav if isinstance(entry, dict) for title, pages in entry.items()}
    menu["Decisions"] += [f"decisions/{record.name}" for record in sorted(folder.glob("decisions/0*.md"))]
    placed = {page for pages in menu.values() for page in pages} | set(config.nav[:1])
    menu["Explanation"] += sorted({page.name for page in folder.glob("*.md")} - placed)
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made from the code."""
    for path, make in PAGES.items():
        files.append(File.generated(config, path, content=make()))
    return files
