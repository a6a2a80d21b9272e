"""The documentation's code runs, and what it names is there."""

import re
from pathlib import Path

import pytest

from evollm.cli.main import main
from evollm.store import queries
from evollm.store.record import Record
from tests.support_pages import (
    PAGES,
    ROOT,
    WRITTEN,
    anchors,
    blocks,
    execute,
    links,
    masked,
    quotes,
    section,
    shell,
    spoken,
)

README = PAGES[0]
CLUSTERS = ROOT / "docs" / "clusters.md"


@pytest.mark.model
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_run_in_order(
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each page in a fresh namespace and folder; what it shows is what it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # a page imports the files that it tells to save
    monkeypatch.delenv("EVOLLM_MODEL", raising=False)
    execute(page, main, monkeypatch.setenv, lambda: capsys.readouterr().out)
    if tests := sorted(map(str, tmp_path.glob("test_*.py"))):
        plain = ["-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
        assert pytest.main([*plain, *tests]) == 0
    if page == README:
        _check_the_run_that_went_on(tmp_path / "runs/first")


def _check_the_run_that_went_on(path: Path) -> None:
    with Record(path, write=False) as record:
        assert queries.usage(record).evaluations == 100
        kinds = [kind for (kind,) in record.rows("SELECT kind FROM events ORDER BY id")]
        assert kinds == ["start", "stop", "resume", "stop"]
    assert (path / "progress.png").is_file()


def test_masks_hide_numbers_and_nothing_else() -> None:
    assert masked("f = [1.5  -2e-3]") == masked("f = [0.25 17]") == "f = [# #]"
    assert masked("40 calls") != masked("40 answers")


def test_make_targets_exist_and_stand_in_the_first_screen() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = [arguments[0] for arguments in shell(README, "make")]
    assert {"demo", "test"} <= set(targets)
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
    first_screen = "\n".join(README.read_text().splitlines()[:20])
    assert "make demo" in first_screen
    assert "make test" in first_screen


@pytest.mark.model
@pytest.mark.ray
def test_the_cluster_command_runs_on_this_machine(tmp_path: Path, ray_session: None) -> None:
    [submitted] = shell(CLUSTERS, "ray")
    module = submitted[submitted.index("--") + 1 :]
    assert module[:3] == ["python", "-m", "evollm"]
    assert main([*module[3:], "--path", str(tmp_path / "run"), "--evaluations", "15"]) == 0
    with Record(tmp_path / "run", write=False) as record:
        assert queries.usage(record).evaluations == 15
        assert record.get("config")["run"]["executor"] == "ray"


def test_named_files_headings_and_tests_exist() -> None:
    """Each link leads to a file, its anchor to a heading, and its title to a test in that file."""
    missing = []
    for page in WRITTEN:
        for place, title in links(page):
            name, _, anchor = place.partition("#")
            file = page.parent / name if name else page
            if not file.exists():
                missing.append(f"{page.name}: {place}")
            elif anchor and anchor not in anchors(file):
                missing.append(f"{page.name}: {place} has no such heading")
            elif title and f"def {title}(" not in file.read_text():
                missing.append(f"{page.name}: {place} has no test {title}")
        for name in re.findall(r"`((?:evollm|operators|problems|tests|notebooks|docs)/[^`\s]*)`",
                               page.read_text()):  # fmt: skip
            if not (ROOT / name).exists():
                missing.append(f"{page.name}: {name}")
    assert missing == []
    assert all(any(place.startswith(f"docs/{page.name}") for place, _ in links(README))
               for page in PAGES[1:])  # fmt: skip


def test_each_claim_of_the_comparison_names_its_test() -> None:
    """The second column of the comparison is ours: whatever is not a plain no links to a test."""
    table = README.read_text().split("| | evollm |")[1].split("\n\n")[0]
    ours = [line.split(" | ")[1] for line in table.splitlines()[2:]]
    assert len(ours) >= 8
    assert [cell for cell in ours if cell != "no" and ' "test_' not in cell] == []


def test_blocks_are_of_known_languages() -> None:
    known = {"bibtex", "console", "python", "sh", "text", "toml"}
    assert {one.language for page in PAGES for one in blocks(page)} <= known


def test_quoted_messages_are_those_of_the_code() -> None:
    page = ROOT / "docs" / "troubleshooting.md"
    quoted = quotes(page)
    said = spoken("\n".join(quoted))
    assert len(quoted) >= 25
    assert [quote for quote in quoted if not any(form.fullmatch(quote) for form in said)] == []


@pytest.mark.parametrize("name", ["blackbox", "trees", "prompts", "compression"])
def test_a_guide_to_a_system_has_its_parts(name: str) -> None:
    """Its costs are figures of the results, and its options a table that the site makes."""
    page = ROOT / "docs" / f"{name}.md"
    parts = {"when-to-use-it", "options", "cost", "limits", "cite"}
    assert parts <= anchors(page)
    assert f"<!-- options: {name} -->" in section(page, "Options")
    measured = (ROOT / "tests/benchmarks/RESULTS.md").read_text().replace(",", "")
    rows = [line for line in section(page, "Cost").splitlines() if line.startswith("|")]
    figures = re.findall(r"(?<=\| )[\d,.]+(?= \|)", "\n".join(rows).replace("|", "||"))
    assert figures
    assert [one for one in figures if not re.search(rf"\b{one.replace(',', '')}\b", measured)] == []


def test_the_reference_describes_what_the_pages_import() -> None:
    files = sorted((ROOT / "docs" / "api").glob("*.rst"))
    listed = (ROOT / "docs/api/index.rst").read_text()
    assert all(f"   {file.stem}\n" in listed for file in files if file.stem != "index")
    described = {
        module
        for file in files
        for module in re.findall(r"^.. automodule:: (\S+)$", file.read_text(), re.MULTILINE)
    }
    code = "".join(one.text for page in PAGES for one in blocks(page) if one.language == "python")
    homes = re.findall(r"^from ((?:evollm|operators|problems)\b\S*) import", code, re.MULTILINE)
    assert len(homes) > 20
    assert set(homes) - described == set()
