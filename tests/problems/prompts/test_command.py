"""The prompts command: runs, resumed and shown; dry runs; and refusals in one sentence."""

import re
from importlib import metadata

import pytest

from evollm.cli.main import main
from evollm.store.record import Record
from problems.prompts.forecast import most
from problems.prompts.methods.baselines import LeaveOneOut
from problems.prompts.methods.evolution import Evolution
from problems.prompts.methods.greedy import Steepest, TAPruning
from problems.prompts.methods.llmlingua import LLMLingua
from tests.evollm.llm.support_faulty import Server
from tests.evollm.support_terminal import evollm, refusal, rows
from tests.problems.prompts.data.support_data import write
from tests.problems.prompts.readers.support_endpoint import (
    BLOCK,
    listing,
    nothing_listed,
    prompts,
    tokenizer_file,
)
from tests.problems.prompts.support_command import FEW, own, reader
from tests.support_each import each

__all__ = ["reader"]


def run(folder, *more, **given):
    return evollm("run", "prompts", *own(folder, **given), "--path", "run", *more, folder=folder)


def test_a_prompt_is_pruned_on_the_users_examples(tmp_path, reader):
    done = run(tmp_path, *FEW, "--evaluations", 20)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("task films: examples 14 to search, 14 to select, ")
    assert len(rows(tmp_path / "run", "SELECT * FROM outcomes")) == 20
    assert (tmp_path / "run" / "prompt.json").is_file()
    again = evollm("resume", "run", "--evaluations", 30, "--quiet", folder=tmp_path)
    assert again.returncode == 0, again.stderr
    shown = evollm("show", "run", folder=tmp_path).stdout
    assert "30 evaluations" in shown
    with Record(tmp_path / "run", write=False) as record:
        chosen = record.get("chosen")
    one = evollm("show", "run", "--candidate", chosen, folder=tmp_path)
    assert one.stdout.startswith(f"{chosen}: mean reward")
    assert "{sentence_1}" in one.stdout


@each(
    ("method", "more", "count"),
    [
        ("ta", ["--max-passes", "1"], None),
        ("strict", ["--max-passes", "1"], None),
        ("steepest", [], 12),
        ("random", [], 12),
        ("loo", [], 12),
        ("front", ["--population", "3"], 12),
        ("unpruned", [], 1),
        ("quine", [*FEW[:-1], "--form", "steady"], 12),
        ("quine", [*FEW[:-1], "--halving", "--mode", "text_cleaned"], 12),
    ],
)
def test_every_method_runs(method, more, count, tmp_path, reader):
    path = tmp_path / f"{method}{len(more)}"
    call = ["run", "prompts", *own(tmp_path), "--method", method, *more, "--quiet"]
    assert main([*call, "--evaluations", "12", "--path", str(path)]) == 0
    found = len(rows(path, "SELECT * FROM outcomes"))
    assert found == count if count else found <= 12


def test_what_is_not_as_in_the_reference_code_is_in_the_report(tmp_path, reader):
    done = run(tmp_path, *FEW, "--evaluations", 9, "--like-reference")
    assert done.returncode == 0, done.stderr
    assert "Not as there:\n- generators are not seeded from the clock" in done.stdout


def test_a_dry_run_bounds_the_tokens_and_writes_nothing(tmp_path, reader):
    options = own(tmp_path)
    call = ("run", "prompts", *options, *FEW, "--evaluations", 20)
    before = sorted(tmp_path.iterdir())
    dry = evollm(*call, "--dry-run", folder=tmp_path)
    assert dry.returncode == 0, dry.stderr
    assert sorted(tmp_path.iterdir()) == before
    said = dict(line.split(maxsplit=1) for line in dry.stdout.splitlines()[1:])
    assert said["budget"] == "20 evaluations"
    assert re.match(r"at most 20 prompts on 14 examples, ", said["search"])
    assert re.match(r"at most 2 prompts on ", said["test"])
    assert re.match(r"at most about [\d,]+, an estimate", said["seconds"])
    assert evollm(*call, "--path", "run", folder=tmp_path).returncode == 0
    costs = [cost for [cost] in rows(tmp_path / "run", "SELECT cost FROM outcomes ORDER BY job")]
    [each] = re.findall(r"([\d,]+) tokens per prompt", said["search"])
    assert max(costs) == costs[0] <= int(each.replace(",", ""))


@each(
    ("limit", "line"),
    [
        (("--cost", "5000"), "as many prompts as the budget allows on .*, 5,000 in all"),
        (("--seconds", "60"), "as many prompts as the budget allows on "),
        (("--generations", "2", *FEW), "at most 9 prompts on "),
    ],
)
def test_a_dry_run_knows_each_limit(limit, line, tmp_path, reader):
    dry = evollm("run", "prompts", *own(tmp_path), *limit, "--dry-run", folder=tmp_path)
    assert re.search(f"^search +{line}", dry.stdout, re.MULTILINE), dry.stdout


def test_a_dry_run_does_not_ask_an_endpoint(tmp_path, reader):
    reader.asks_model = True
    call = ("run", "prompts", *own(tmp_path), "--evaluations", 3, "--dry-run")
    said = evollm(*call, folder=tmp_path).stdout
    assert not reader.read
    assert "calls         at most 136\n" in said  # 3 on 14 examples, 3 on 14, 2 on 26
    assert said.endswith("no model was called, and nothing was evaluated or written\n")


def test_a_long_search_is_said_to_end_by_itself(tmp_path, reader):
    call = ("run", "prompts", *own(tmp_path), "--min-length", "20", "--dry-run")
    said = evollm(*call, folder=tmp_path).stdout
    # Of 63 prunable tokens 43 are lost, 2.5 per generation: 18 generations of 50 children.
    assert re.search(r"^likely +about 901 prompts, [\d,]+ tokens: children lose tokens", said, re.M)
    assert re.search(r"^likely +about [\d,]+ seconds$", said, re.M)


@each(
    ("method", "count"),
    [
        (TAPruning(max_passes=3), 31),
        (Steepest(), 56),
        (LeaveOneOut(), 19),
        (LLMLingua(rates=7), 8),
        (Evolution(start="random", population=5), float("inf")),
    ],
)
def test_a_method_has_a_most(method, count):
    assert most(method, 10) == count


def test_what_the_model_reads_is_its_own_name(tmp_path, monkeypatch):
    """A model's name reaches this process's own models, and only a bare one an endpoint."""
    from problems.prompts.readers import local

    def told(model, settings):
        raise SystemExit(f"{model} {settings.dtype}")

    monkeypatch.setattr(local, "LocalReader", told)
    call = ["run", "prompts", *own(tmp_path), "--dtype", "bfloat16"]
    for name in ("hf:owner/model", "./folder", "model.gguf"):
        with pytest.raises(SystemExit, match=f"^{name} bfloat16$"):
            main([*call, "--model", name])
    with pytest.raises(SystemExit, match=r"^None bfloat16$"):
        main([*call, "--model", "offline"])


@each(
    ("more", "message"),
    [
        (("--task", "rt3"), "there is no task 'rt3'; did you mean 'rt2'"),
        (
            ("--model", "m", "--base-url", "http://localhost:1/v1"),
            "give --tokenizer hf:OWNER/MODEL",
        ),
        (("--base-url", "http://localhost:1/v1"), "--tokenizer|no model is named"),
        (("--tokenizer", "hf:a/b"), "--tokenizer and --chat are for an endpoint"),
        (("--mode", "ids"), "scripted takes a prompt as text or text_cleaned, not as 'ids'"),
        (("--objective", "acuracy"), "can't be 'acuracy'; did you mean 'accuracy'"),
        (("--answers.samples", "3"), "are for reasoning, and films is a classification"),
    ],
)
def test_mistakes_are_refused_in_one_sentence(more, message, tmp_path, reader):
    options = own(tmp_path) if more[0] != "--task" else ()
    before = sorted(tmp_path.iterdir())
    said = refusal(evollm("run", "prompts", *options, *more, folder=tmp_path))
    assert re.search(message, said)
    assert sorted(tmp_path.iterdir()) == before


@each(
    ("text", "message"),
    [
        ("review,mood\n", "the examples in .* for the task films are empty: give at least one"),
        ("", "the examples in .* for the task films are empty: give at least one"),
        ("review,mood\nfine,pos\nbest,pos\n", "have the label 'good': give examples of another"),
    ],
)
def test_a_file_without_two_labels_is_refused(text, message, tmp_path, reader):
    data = str(write(tmp_path, "films.csv", text))
    options = ["--data", data, "--text", "review", "--label", "mood", "--block", "{sentence_1}"]
    said = refusal(
        evollm("run", "prompts", *options, "--words", "neg=bad,pos=good", folder=tmp_path)
    )
    assert re.search(message, said)


def test_a_template_without_its_slot_is_refused(tmp_path, reader):
    template = str(write(tmp_path, "p.txt", "Review:"))
    call = ("run", "prompts", *own(tmp_path), "--template", template)
    assert "lacks the slot {sentence_1}: write it" in refusal(evollm(*call, folder=tmp_path))


def test_a_missing_package_names_its_extra(tmp_path, monkeypatch):
    call = ("run", "prompts", *own(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    said = refusal(evollm(*call, folder=tmp_path))
    assert "run `pip install 'evollm[lm]'`" in said

    def nowhere(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", nowhere)
    said = refusal(evollm("run", "prompts", "--task", "rt2", "--split", "77", folder=tmp_path))
    assert "pip install 'evollm[prompts]'" in said


def asked(folder, server, *more):
    """Run a tiny search with an endpoint, on films that it can tell apart."""
    texts = [f"{('bad', 'fine')[n % 2]} film{'!' * n},{('no', 'yes')[n % 2]}" for n in range(24)]
    data = str(write(folder, "mood.csv", "\n".join(["text,label", *texts])))
    options = ["--data", data, "--words", "no,yes", "--block", BLOCK]
    model = ["--model", "m", "--base-url", server.url, "--no-cache", "--retries", "2"]
    model += ["--tokenizer", tokenizer_file(folder)]
    call = ("run", "prompts", *options, *model, *FEW, "--evaluations", "3", "--path", "run")
    return evollm(*call, *more, folder=folder)


def test_an_endpoint_prunes_a_prompt(tmp_path):
    with Server(listing()) as server:
        dry = asked(tmp_path, server, "--dry-run")
        assert not server.seen
        assert "calls         at most " in dry.stdout
        done = asked(tmp_path, server)
    assert done.returncode == 0, done.stderr
    assert len(rows(tmp_path / "run", "SELECT * FROM outcomes")) == 3


def test_an_endpoint_without_log_probabilities_is_refused_before_anything_is_spent(tmp_path):
    with Server(nothing_listed) as server:
        said = refusal(asked(tmp_path, server))
        assert not prompts(server.seen)
    assert "log-probabilities" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.model
def test_the_offline_model_prunes_a_prompt(tmp_path, capsys):
    path = tmp_path / "run"
    call = ["run", "prompts", "--task", "rt2", "--sizes.search", "2", "--sizes.select", "2"]
    call += ["--sizes.test", "2", "--population", "2", "--offspring", "2"]
    assert main([*call, "--evaluations", "4", "--quiet", "--path", str(path)]) == 0
    assert "task rt2: examples 4 to search, 4 to select, 4 to test" in capsys.readouterr().out
    assert len(rows(path, "SELECT * FROM outcomes")) == 4
    other = ["--path", str(tmp_path / "other")]
    for words, wrong in (
        ("terribleness,great", "terribleness"),
        ("great,great thing", "great thing"),
    ):
        assert main([*call, "--words", words, *other]) == 1
        assert f"the label word '{wrong}' is " in capsys.readouterr().err
    long = str(write(tmp_path, "long.txt", "so " * 9000 + "{sentence_1}"))
    assert main([*call, "--template", long, *other]) == 1
    assert "give fewer demonstrations" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
