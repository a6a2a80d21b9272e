"""Endpoints that read prompts: lists of tokens, faults, and what is paid for."""

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evollm import Budget, EvollmError, Processes, run
from evollm.llm.base import Completion, Sampling, Token
from evollm.llm.client.endpoint import Endpoint
from evollm.llm.client.settings import Settings
from evollm.llm.scripted import Scripted
from evollm.store import queries, rows
from problems.prompts.fitness import PromptFitness
from problems.prompts.methods.evolution import Evolution
from problems.prompts.readers.endpoint import EndpointReader
from problems.prompts.readers.listing import label_values
from problems.prompts.readers.local import LocalReader
from problems.prompts.readers.named import reader_of
from problems.prompts.readers.vocabulary import Vocabulary
from tests.evollm.llm.support_faulty import Act, Seen, Server, complain, endpoint
from tests.problems.prompts.readers.support_endpoint import (
    BLOCK,
    faulty,
    listing,
    nothing_listed,
    problem,
    prompts,
    right,
    settings,
    tokenizer_file,
    written,
)
from tests.support_each import each

EXAMPLES = 4
SMALL = Evolution(population=2, offspring=3, min_length=1)


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    return Vocabulary(tokenizer_file(tmp_path_factory.mktemp("tokenizer")))


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    return Vocabulary(tokenizer_file(tmp_path_factory.mktemp("marked"), blank="▁"))


def reader(server: Server, vocabulary: Vocabulary, **chosen: Any) -> EndpointReader:
    return EndpointReader(endpoint(server, **settings()), vocabulary, **chosen)


def search(fitness: Any, path: Path | None = None, evaluations: int = 5, **more: Any) -> Any:
    budget = Budget(evaluations=evaluations)
    return run(SMALL.flow(fitness, 0), fitness, budget=budget, path=path, **more)


@each(
    ("found", "expected"),
    [
        ({" yes": -1.0, " no": -2.0, "yes": -0.5}, [-2, -1]),
        ({"Ġyes": -1.0, "Ġno": -2.0}, [-2, -1]),
        ({"yes": -1.0, "no": -2.0}, [-2, -1]),
        ({"yes": -1.0, " no": -2.0, "the": -4.0}, [-2, -4]),  # that yes is another token
        ({" the": -1.0, "": -3.0}, [-3, -3]),
        ({}, [0, 0]),
    ],
)
def test_labels_in_lists(
    vocabulary: Vocabulary, found: Mapping[str, float], expected: list[float]
) -> None:
    spellings = vocabulary.spellings(["no", "yes"], BLOCK)
    assert label_values([found], spellings).filled.tolist() == [expected]


def test_marks_for_blanks(marked: Vocabulary) -> None:
    spellings = marked.spellings(["no", "yes"], BLOCK)
    for found in ({"▁yes": -1.0, "▁no": -2.0}, {" yes": -1.0, " no": -2.0}, {"yes": -1, "no": -2}):
        assert label_values([found], spellings).filled.tolist() == [[-2, -1]]


@each("chat", [False, True])
def test_one_call_scores_all_texts(vocabulary: Vocabulary, chat: bool) -> None:
    def bare(seen: Any) -> Mapping[str, float]:
        return {text.strip(): value for text, value in right(seen).items()}

    with Server(listing(bare if chat else right)) as server:
        fitness = problem(reader(server, vocabulary, chat=chat, top=7))
        fitness.prepare()
        texts = [f"Text: {what} film\nGood:" for what in ("fine", "bad")]
        scores = fitness.reader.scores(texts, ["no", "yes"], BLOCK)
        asked = [one for one in server.seen if one.prompt in texts]
    assert scores.values.argmax(axis=1).tolist() == [1, 0]
    assert scores.missing == 0
    ids = [vocabulary.ids(text) for text in texts]
    shared = next(i for i, pair in enumerate(zip(*ids, strict=False)) if pair[0] != pair[1])
    assert scores.tokens == sum(map(len, ids)) - shared
    assert len(asked) == 2
    for one in asked:
        assert one.path.endswith("/chat/completions") == chat
        assert (one.body["max_tokens"], one.body["temperature"]) == (1, 0)
        assert one.body["top_logprobs" if chat else "logprobs"] == 7


def test_without_log_probabilities_nothing_is_spent(vocabulary: Vocabulary, tmp_path: Path) -> None:
    with Server(nothing_listed) as server:
        fitness = problem(reader(server, vocabulary))
        with pytest.raises(EvollmError, match="does not return log-probabilities; use another"):
            search(fitness, tmp_path / "run")
        assert not prompts(server.seen)
        fitness.reader.check(["Write:"], 10)  # what writes only does not need them
    silent = EndpointReader(Scripted(lambda *_: " yes"), vocabulary)
    with pytest.raises(EvollmError, match="the model scripted returns no log-probabilities"):
        search(problem(silent))


def test_scripted_models_that_list_tokens(vocabulary: Vocabulary) -> None:
    def answer(prompt: Any, sample: int, sampling: Sampling) -> Completion:
        tops = ((" yes", -0.5), (" no", -1.0 - len(prompt) / 1000))
        return Completion(" yes", tokens=(Token(" yes", -0.5, tops),))

    result = search(problem(EndpointReader(Scripted(answer), vocabulary)))
    assert (result.usage.evaluations, result.usage.calls) == (5, 5 * EXAMPLES)
    assert result.best.metrics["accuracy"] == 0.5


def test_too_few_listed_tokens_refuse_the_unpruned_prompt(vocabulary: Vocabulary) -> None:
    with Server(listing(lambda seen: {" yes": -0.1, " the": -2.0})) as server:
        with pytest.raises(
            EvollmError, match="m lists no log-probability for a label of 4 of 4 examples: name"
        ):
            search(problem(reader(server, vocabulary)))
        assert len(prompts(server.seen)) == EXAMPLES


def test_a_pruned_prompt_with_missing_labels_fails_alone(vocabulary: Vocabulary) -> None:
    def lists(seen: Any) -> Mapping[str, float]:
        found = dict(right(seen))
        return found if "Say" in seen.prompt else {" the": found[" the"], " yes": found[" yes"]}

    with Server(listing(lists)) as server:
        fitness = problem(reader(server, vocabulary))
        result = search(fitness, evaluations=12)
    scored = rows.evaluations(result.record)
    assert len(scored) == 12
    for one in scored:
        lost = "Say" not in fitness.write(queries.candidate(result.record, one.candidate).genome)
        assert ("no log-probability for a label of 4 of 4 examples" in str(one.error)) == lost
    assert {one.error is None for one in scored} == {True, False}


def test_few_missing_labels_count_as_the_least_likely_one(vocabulary: Vocabulary) -> None:
    def lists(seen: Any) -> Mapping[str, float]:
        found = dict(right(seen))
        return {" no": -1.0, " the": -4.0} if seen.prompt.count("!") == 2 else found

    with Server(listing(lists)) as server:
        fitness = problem(reader(server, vocabulary), count=20)
        [outcome] = fitness.evaluate([fitness.prompt.whole], None, 0)
        texts = ["Text: bad film!!\nGood:"]
        assert fitness.reader.scores(texts, ["no", "yes"], BLOCK).values.tolist() == [[-1, -4]]
    assert outcome.info["missing"] == 1
    assert outcome.metrics["accuracy"] == 1


def test_faults_that_pass_change_nothing(vocabulary: Vocabulary) -> None:
    found = []
    for script in (listing(), faulty(listing(), 429, 500)):
        with Server(script) as server:
            result = search(problem(reader(server, vocabulary)))
            found.append([(one.candidate, one.fitness) for one in rows.evaluations(result.record)])
            assert result.usage.calls == 5 * EXAMPLES == len(set(prompts(server.seen)))
    assert found[0] == found[1]
    assert result.usage.failed_calls == 0


def test_a_dead_endpoint_stops_the_run_which_goes_on_later(
    vocabulary: Vocabulary, tmp_path: Path
) -> None:
    room, paid = 10, list[str]()

    def mortal(seen: Seen) -> Act:
        if "Good:" in seen.prompt:
            if len(paid) == room:
                return complain(503)
            paid.append(seen.prompt)
        return listing()(seen)

    with Server(listing()) as server:
        whole = search(problem(reader(server, vocabulary)))
        server.script = mortal
        with pytest.raises(EvollmError, match="status 503: it says no") as stopped:
            search(problem(reader(server, vocabulary)), tmp_path / "run")
        assert "\n" not in str(stopped.value)
        assert len(paid) == 10
        room = 1000
        result = search(problem(reader(server, vocabulary)), tmp_path / "run")
    assert len(paid) == len(set(paid)) == 5 * EXAMPLES
    assert result.usage.evaluations == 5
    fitness, expected = (
        [one.fitness for one in rows.evaluations(one.record)] for one in (result, whole)
    )
    assert fitness == expected


def test_nobody_listens(vocabulary: Vocabulary) -> None:
    with Server() as server:
        asked = reader(server, vocabulary)
    with pytest.raises(EvollmError, match="does not answer for the model m"):
        search(problem(asked))


def test_keys_travel_and_calls_are_counted(
    vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-own")
    monkeypatch.setenv("GATE_TOKEN", "gate")
    with Server(listing()) as server:
        chosen = Settings(cache=None, headers={"x-gate": "$GATE_TOKEN"}, **settings())
        asked = EndpointReader(Endpoint("m", base_url=server.url, settings=chosen), vocabulary)
        assert asked.asks_model == ("OPENAI_API_KEY", "GATE_TOKEN")
        assert b"sk-own" not in pickle.dumps(asked)
        result = search(problem(asked), executor=Processes(1))
        assert result.usage.calls == 5 * EXAMPLES == len(prompts(server.seen))
        assert {one.key for one in server.seen} == {"Bearer sk-own"}
        assert {one.headers["x-gate"] for one in server.seen} == {"gate"}


def test_writing(vocabulary: Vocabulary) -> None:
    answers = ("so fine film", "length"), ("yes\nno", "stop"), ("bad", "content_filter")
    with Server(written(*answers)) as server:
        made = reader(server, vocabulary).write(["0", "1", "2"], [2, 30, 40], ("\n",), 1)
        limits = sorted(one.body["max_tokens"] for one in server.seen if one.prompt.isdigit())
    assert made.samples == [["so fine"], ["yes"], [""]]
    assert limits == [32, 32, 64]
    assert made.tokens == len("012") + len(vocabulary.encode("so fine" + "yes"))


@each(
    ("words", "message"),
    [
        (("unbreakable", "no"), "the label word 'unbreakable' is"),
        (("yes", "yes"), "begin with the same token"),
    ],
)
def test_label_words_are_refused_before_anything_is_asked(
    vocabulary: Vocabulary, words: tuple[str, str], message: str
) -> None:
    with Server(listing()) as server:
        with pytest.raises(EvollmError, match=message):
            reader(server, vocabulary).check(["Text:"], 1, words, BLOCK)
        assert not server.seen


def test_a_prompt_longer_than_the_context(vocabulary: Vocabulary) -> None:
    with Server(listing()) as server:
        asked = EndpointReader(endpoint(server, context=20), vocabulary)
        with pytest.raises(EvollmError, match=r"the prompt takes \d+ tokens .* but m reads 20"):
            problem(asked).prepare()
        assert not server.seen


@each(
    ("make", "message"),
    [
        (lambda _: reader_of("gpt-x"), "if it is an endpoint's model, it needs a tokenizer"),
        (lambda _: reader_of(Scripted(str)), "the model scripted needs a tokenizer"),
        (lambda _: reader_of("hf:a/b", tokenizer="t"), "brings its own tokenizer"),
        (lambda _: reader_of(3), "3 can't read prompts"),
        (lambda _: EndpointReader("gpt-x", "t"), "is not a language model"),  # type: ignore[arg-type]
        (lambda vocabulary: problem_in_ids(vocabulary), "takes a prompt as text or text_cleaned"),
    ],
)
def test_what_is_no_reader(
    vocabulary: Vocabulary, make: Callable[[Vocabulary], Any], message: str
) -> None:
    with pytest.raises(EvollmError, match=message):
        make(vocabulary)


def problem_in_ids(vocabulary: Vocabulary) -> Any:
    fitness = problem(EndpointReader(Scripted(str), vocabulary))
    return PromptFitness(fitness.prompt, fitness.task, fitness.reader, mode="ids")


def test_readers_by_name(vocabulary: Vocabulary) -> None:
    assert reader_of(None) == LocalReader(None)
    own = LocalReader("./somewhere")
    assert reader_of(own) is own
    named = reader_of("gpt-x", tokenizer=vocabulary.name)
    assert isinstance(named, EndpointReader)
    assert (named.name, named.tokenizer.name) == ("gpt-x", vocabulary.name)
    kept = named.fingerprint
    assert kept["name"] == "gpt-x"
    assert len(kept["tokenizer"]["sha256"]) == 64
    assert np.array(pickle.loads(pickle.dumps(named)).tokenizer.ids("yes")).size
