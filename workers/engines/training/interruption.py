"""Leaving a step before its end: a step may take minutes, and a stop request leaves only seconds.

The weights change only when a step's gradients are complete. A step that is left before that has changed
nothing, so the state after the step before it can be saved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch


class StepInterrupted(Exception):
    """A stop was requested during the step; weights, optimizer and random numbers are as before it."""


class LayerStopChecks:
    """Checks for a stop request at each layer of a model, in the forward and in the backward pass."""

    def __init__(self, decoder: torch.nn.Module, stop_requested: Callable[[], bool]) -> None:
        self._stop_requested = stop_requested
        self._is_active = False
        for layers in decoder.children():
            if isinstance(layers, torch.nn.ModuleList):
                for layer in layers:
                    layer.register_forward_pre_hook(lambda *_: self._check())
                    layer.register_forward_hook(lambda _layer, _inputs, output: self._check_backward(output))

    @contextmanager
    def active(self) -> Iterator[None]:
        """StepInterrupted is raised only inside this context."""
        self._is_active = True
        try:
            yield
        finally:
            self._is_active = False

    def _check(self) -> None:
        if self._is_active and self._stop_requested():
            raise StepInterrupted

    def _check_backward(self, output: torch.Tensor | tuple[torch.Tensor, ...]) -> None:
        hidden = output[0] if isinstance(output, tuple) else output
        if hidden.requires_grad:
            hidden.register_hook(lambda _gradient: self._check())
