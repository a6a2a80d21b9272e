"""The helper that loops a test over its cases checks all and lists those that fail."""

import os
from pathlib import Path

import pytest

from tests.support_each import each


def test_all_cases_that_fail_are_listed_with_their_reasons() -> None:
    seen = []

    @each("number", range(4))
    def even(number: int) -> None:
        seen.append(number)
        assert number % 2 == 0, f"{number} is odd"

    with pytest.raises(pytest.fail.Exception, match="2 of 4 cases fail") as caught:
        even()
    assert [line.split(":")[0] for line in str(caught.value).splitlines()[1:]] == ["  1 1", "  3 3"]
    assert "AssertionError: 3 is odd" in str(caught.value)
    assert seen == [0, 1, 2, 3]


def test_a_case_that_raises_nothing_where_it_should_has_failed() -> None:
    @each("number, power", [(0, 1), pytest.param(2, 1, id="half")])
    def raises(number: int, power: int) -> None:
        with pytest.raises(ZeroDivisionError):
            number**-power

    with pytest.raises(pytest.fail.Exception, match="1 of 2 cases fail:\n  1 half: Failed: DID"):
        raises()


@each("name", ["one", "two"])
def test_each_case_finds_an_empty_folder_and_no_output(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    assert capsys.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []
    assert "SAID" not in os.environ
    (tmp_path / name).touch()
    monkeypatch.setenv("SAID", name)
    print(name)
    assert request.node.name == "test_each_case_finds_an_empty_folder_and_no_output"


def test_what_is_skipped_in_each_case_is_skipped() -> None:
    @each("number", [1, 2])
    def absent(number: int, first: int) -> None:
        if number >= first:
            pytest.skip("not here")

    absent(first=2)
    with pytest.raises(pytest.skip.Exception):
        absent(first=1)
