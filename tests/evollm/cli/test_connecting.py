"""Connecting: the model that is asked is the one that is reached before the search."""

import pytest

from evollm.cli.config import Model
from evollm.cli.connecting import Connector
from evollm.llm.base import ModelError
from tests.evollm.llm.support_faulty import Server, endpoint


def test_the_prepared_model_is_reached_in_place_of_the_one_that_was_named() -> None:
    connect = Connector(Model(model="m", base_url="http://127.0.0.1:9/v1"), fresh=True)
    with pytest.raises(ModelError, match="can't be reached"):
        connect()
    with Server() as server:
        other = endpoint(server)
        assert connect(lambda model: other if model.name == "m" else model) is other
