"""Leaving a step in its middle: a step may take minutes, whoever is told to stop has seconds.

The weights change only when a step's gradients are whole. So a step that is left before that has not
happened: what is saved then is the state after the step before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch


class BrokenOff(Exception):
    """The step was left because a stop was requested; weights, moments and random numbers are as before it."""


class Breaker:
    """Looks between the layers of a model, on the way forward and back, whether a stop was requested."""

    def __init__(self, decoder: torch.nn.Module, stop_requested: Callable[[], bool]) -> None:
        self._stop_requested = stop_requested
        self._is_armed = False
        for layers in decoder.children():
            if isinstance(layers, torch.nn.ModuleList):
                for layer in layers:
                    layer.register_forward_pre_hook(lambda *_: self._look())
                    layer.register_forward_hook(lambda _layer, _inputs, output: self._watch(output))

    @contextmanager
    def armed(self) -> Iterator[None]:
        """Only inside may BrokenOff be raised."""
        self._is_armed = True
        try:
            yield
        finally:
            self._is_armed = False

    def _look(self) -> None:
        if self._is_armed and self._stop_requested():
            raise BrokenOff

    def _watch(self, output: torch.Tensor | tuple[torch.Tensor, ...]) -> None:
        hidden = output[0] if isinstance(output, tuple) else output
        if hidden.requires_grad:
            hidden.register_hook(lambda _gradient: self._look())
