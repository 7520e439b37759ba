"""What packages have of others is named, with its terms, in a file that every package has."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOTICE = (ROOT / "NOTICE").read_text()
OWN = {
    *(".cpp", ".hpp", ".v", ".html", ".css", ".py", ".typed"),
    *("coefficients.json", "models.toml"),
}
"""Written for this project; anything else is made of what others have published."""


def test_files_of_others_are_named() -> None:
    folders = [ROOT / part / "sordino" for part in ("hw", "sw", "sim")]
    paths = [p for folder in folders for p in folder.rglob("*") if p.is_file()]
    others = {
        f"sordino/{path.relative_to(folder).as_posix()}"
        for folder in folders
        for path in paths
        if path.is_relative_to(folder)
        and "__pycache__" not in path.parts
        and not {path.suffix, path.name} & OWN
    }
    assert others == {line for line in NOTICE.splitlines() if line.startswith("sordino/")}
    for wanted in ("GeoNames", "licenses/by/4.0/", "Changed: ", "Ramiro", "Carnegie Mellon"):
        assert wanted in NOTICE


def test_packages_have_the_notice_and_say_all_licences() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license-files"] == ["LICENSE", "NOTICE"]
    assert set(project["license"].split(" AND ")) == {
        "Apache-2.0",
        "BSD-2-Clause",
        "CC-BY-4.0",
        "MIT",
    }
