"""Neuroevolution: control tasks of gymnasium, with the weights of a small network as points."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from threading import Lock
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evollm.checks import nearest
from evollm.errors import EvollmError
from evollm.report.page import Report, Section
from evollm.report.sections import overview
from evollm.runtime.finals import Finalists
from evollm.runtime.result import Result
from evollm.types import JSON, Individual
from problems.blackbox.context import Context
from problems.blackbox.function import Function
from problems.blackbox.paper import Paper
from problems.blackbox.space import Real, Space
from problems.blackbox.system import EvoLLM

Activation: TypeAlias = Literal["tanh", "relu"]


@dataclass(frozen=True, slots=True)
class Network:
    """A fully connected network whose action is its largest output.

    A unit's incoming weights and its bias are adjacent, so that blocks of adjacent coordinates are
    units or parts of them.

    Attributes:
        sizes: Numbers of inputs, units of each hidden layer, and outputs.
        activation: Activation of the hidden units; the outputs are linear.
    """

    sizes: tuple[int, ...]
    activation: Activation = "tanh"

    def __post_init__(self) -> None:
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            raise EvollmError(
                "a network needs inputs, outputs and at least one unit in every hidden layer, "
                f"not the sizes {list(self.sizes)}"
            )

    @property
    def length(self) -> int:
        """Number of weights including biases."""
        return sum((inputs + 1) * outputs for inputs, outputs in pairwise(self.sizes))

    def outputs(
        self, weights: NDArray[np.float64], observations: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the outputs for many observations at once.

        Args:
            weights: Shape ``(length,)``.
            observations: Shape ``(n, inputs)``.

        Returns:
            Shape ``(n, outputs)``.
        """
        values, start, last = observations, 0, len(self.sizes) - 2
        for layer, (inputs, outputs) in enumerate(pairwise(self.sizes)):
            end = start + (inputs + 1) * outputs
            units = weights[start:end].reshape(outputs, inputs + 1)
            values = values @ units[:, :-1].T + units[:, -1]
            if layer < last:
                values = np.tanh(values) if self.activation == "tanh" else np.maximum(values, 0.0)
            start = end
        return values

    def act(
        self, weights: NDArray[np.float64], observations: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Return the action for each observation, shape ``(n,)``; the first of equal outputs."""
        actions: NDArray[np.int64] = np.argmax(self.outputs(weights, observations), axis=1)
        return actions


TASKS: Mapping[str, str] = {"cartpole": "CartPole-v1", "acrobot": "Acrobot-v1"}
"""Names of the tasks here and in gymnasium."""
SETTINGS = Paper(population=16, context=Context(5, 5), block=8)
"""The paper's loop on these tasks; the numbers are ours, as the paper's were not available."""
FRESH = 2**32
"""The seed of the episodes that no search uses."""
EPISODES = 64


@dataclass(frozen=True, slots=True)
class Control:
    """The mean return of a policy, in environments that are rebuilt for each batch.

    Attributes:
        task: One of ``TASKS``.
        network: The policy, whose weights are optimised.
        episodes: Number of episodes, the same for all points of a batch.
        instance: Determines the initial states of the episodes, together with the evaluation's
            seed.
    """

    task: str
    network: Network
    episodes: int = 16
    instance: int = 1
    seeded = True
    elementwise = True

    def __post_init__(self) -> None:
        if self.episodes < 1 or self.instance < 0:
            raise EvollmError(
                "a control task needs at least 1 episode and an instance of at least 0, not "
                f"{self.episodes} and {self.instance}"
            )

    @property
    def name(self) -> str:
        """The name under which it is recorded."""
        sizes = "x".join(map(str, self.network.sizes))
        return f"{self.task}-{sizes}-{self.episodes}-i{self.instance}"

    def evaluate(self, points: NDArray[np.float64], seed: int = 0) -> list[tuple[float, JSON]]:
        """Play the episodes determined by a seed.

        Args:
            points: Weights, shape ``(n, length)``.
            seed: The same for all points.

        Returns:
            For each point the mean return (larger is better) and the returns of the episodes.
        """
        seeds = np.random.SeedSequence([self.instance, seed]).generate_state(self.episodes)
        worlds = [_world(self.task) for _ in seeds]
        played = [self._play(point, worlds, seeds.tolist()) for point in points]
        for world in worlds:
            world.close()
        return [(float(np.mean(found)), {"returns": found}) for found in played]

    def _play(
        self, weights: NDArray[np.float64], worlds: Sequence[Any], seeds: Sequence[int]
    ) -> list[float]:
        """Return the return of each episode; the policy acts in all of them at once."""
        starts = [world.reset(seed=seed)[0] for world, seed in zip(worlds, seeds, strict=True)]
        observations = np.array(starts, dtype=np.float64)
        returns = [0.0] * len(worlds)
        playing = list(range(len(worlds)))
        while playing:
            actions = self.network.act(weights, observations[playing]).tolist()
            ended = set()
            for i, action in zip(playing, actions, strict=True):
                observations[i], reward, over, late, _ = worlds[i].step(action)
                returns[i] += float(reward)
                if over or late:
                    ended.add(i)
            playing = [i for i in playing if i not in ended]
        return returns


def control(
    task: str,
    *,
    hidden: Sequence[int] = (16,),
    activation: Activation = "tanh",
    episodes: int = 16,
    bound: float = 3.0,
    instance: int = 1,
) -> tuple[Function, Space]:
    """Return a control task to maximise, and the search space of its policy's weights.

    Args:
        task: ``"cartpole"`` or ``"acrobot"``.
        hidden: Number of units of each hidden layer; empty for a linear policy.
        activation: Activation of the hidden units.
        episodes: Number of episodes per evaluation.
        bound: Weights are between minus this and this.
        instance: Selects the episodes; 0 or more.

    Raises:
        EvollmError: If gymnasium is not installed, there is no such task, or a number is out of
            range.
    """
    if not bound > 0:
        raise EvollmError(f"the weights' bound must be positive, not {bound}")
    world = _world(task)
    sizes = (int(world.observation_space.shape[0]), *hidden, int(world.action_space.n))
    found = Control(task, Network(sizes, activation), episodes, instance)
    space = Space((Real(-bound, bound),) * found.network.length)
    return Function(found, space, maximize=True), space


class Neuroevolution(EvoLLM):
    """A search for the weights of a policy; the best one is scored again in new episodes."""

    def write(self, individual: Individual[Any]) -> str:
        """Return the number of weights, which are too many to show."""
        return f"{len(self.function.space)} weights"

    def finalists(self, result: Result[Any]) -> Finalists[Any]:
        """Return the best policy, to be scored in episodes that no search uses."""
        best = result.best
        if best is None or best.error is not None:
            return Finalists()
        fresh = replace(self.function.function, episodes=EPISODES)
        return Finalists([best], seed=FRESH, problem=replace(self.function, function=fresh))

    def report(self, result: Result[Any]) -> Report:
        """Return the overview with the return in new episodes."""
        if not result.finals:
            return super().report(result)
        fresh = f"mean return {result.finals[0].fitness:.1f} in {EPISODES} unseen episodes"
        return overview(result.record, Section("", {"fresh": fresh}))


_MAKING = Lock()
"""Held while an environment is made: gymnasium can't be imported by two threads at once."""


def _world(task: str) -> Any:
    """Create gymnasium's environment of a task."""
    if task not in TASKS:
        raise EvollmError(f"there is no control task '{task}'{nearest(task, list(TASKS))}")
    try:
        import gymnasium
    except ImportError:
        raise EvollmError(
            "control tasks need gymnasium, the extra 'control': pip install 'evollm[control]'"
        ) from None
    with _MAKING:
        return gymnasium.make(TASKS[task], disable_env_checker=True)
