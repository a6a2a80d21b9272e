from pathlib import Path

import numpy as np
import pytest

from evollm import Budget, EvollmError
from problems.compression.export.gguf.types import BYTES
from problems.compression.kinds import GGUF
from problems.compression.system import EvoPress
from problems.lm.blocks import Linear
from tests.problems.compression.export.gguf.support_gguf import SIZES
from tests.problems.compression.support_search import SMALL, make
from tests.problems.lm.support_tiny import folder

BODY = [
    [Linear("self_attn.q_proj", "attention", (64, 64)), Linear("mlp.up_proj", "mlp", (96, 64))]
] * 3


def test_uniform_types_take_the_budget_exactly() -> None:
    for place, (name, bits) in enumerate({"Q4_1": 5.0, "Q5_0": 5.5, "Q5_1": 6.0}.items(), 1):
        space = GGUF(bits).space(BODY)
        assert space.uniform is not None
        assert set(map(str, space.layout.levels(space.uniform))) == {name}
        assert space.uniform.tolist() == [place] * 6
        assert space.layout.cost(space.uniform) == space.budget == 3 * 10240 // 32 * BYTES[name]


def test_other_targets_start_from_mixed_types_within_the_budget() -> None:
    space = GGUF(4.75).space(BODY)
    [first] = space.start.vary([], 1, 0).genomes
    assert space.uniform is None
    assert 0.95 * space.budget < space.layout.cost(np.asarray(first)) <= space.budget


def test_mistakes_are_one_sentence() -> None:
    with pytest.raises(EvollmError, match=r"bits must be more than 4.5 and less than 8.5"):
        GGUF(9)
    with pytest.raises(EvollmError, match="a type must be one of"):
        GGUF(5, ("Q4_0", "Q6_K"))


def test_a_search_ends_in_a_file_that_keeps_the_budget(tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    made_of = make(tmp_path / "given")
    model = folder(tmp_path / "llama", **SIZES)
    system = EvoPress(model, GGUF(5), schedule=SMALL, check=False, text=made_of.text)
    found = system.search(Budget(generations=3), seed=0)
    assert found.bytes <= found.budget
    made = found.export(tmp_path / "made")
    assert made.form == "gguf"
    assert (made.folder / "model.gguf").exists()
    assert made.ledger.counted - found.layout.fixed == found.bytes
    assert all(one.checkpoint == one.counted for one in made.ledger.entries)
    assert system.write(found.chosen).startswith(("4_", "5_", "8_"))
