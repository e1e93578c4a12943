"""Recurrent layers: over whole sequences with a backward pass of our own, or one step at a time."""

from zoo.seq2seq.recurrence.gru import gru, gru_update
from zoo.seq2seq.recurrence.layer import GATES, CellKind, Layer, LayerState
from zoo.seq2seq.recurrence.lstm import lstm, lstm_update
from zoo.seq2seq.recurrence.recurrence import LayerNorm, Noise, Recurrence, State
from zoo.seq2seq.recurrence.tanh_rnn import tanh_rnn, tanh_update

__all__ = [
    "GATES",
    "CellKind",
    "Layer",
    "LayerNorm",
    "LayerState",
    "Noise",
    "Recurrence",
    "State",
    "gru",
    "gru_update",
    "lstm",
    "lstm_update",
    "tanh_rnn",
    "tanh_update",
]
