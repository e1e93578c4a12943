"""The attention sequence-to-sequence model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple, cast

import torch
from annotated_types import Ge, Interval
from torch import Tensor, nn

from zoo.seq2seq.bridges import Bridge, BridgeKind
from zoo.seq2seq.decoders import BahdanauDecoder, Decoder, DecoderState, LuongDecoder
from zoo.seq2seq.decoders.bahdanau import ReadoutKind
from zoo.seq2seq.deferred import Matrices, linear, loop
from zoo.seq2seq.dropout import Dropout
from zoo.seq2seq.embeddings import Tie, Vocabulary, make_embedding
from zoo.seq2seq.encoder import Encoder
from zoo.seq2seq.recurrence import CellKind, LayerNorm, Recurrence, State

DecoderKind = Literal["bahdanau", "luong"]
Size = Literal["small", "base", "large"]
Width = Annotated[int, Ge(1)] | None
Layers = Annotated[int, Ge(1)]
#: Of the embeddings, and of the decoder; the states of the encoder are as wide as the decoder's.
SIZES: dict[str, tuple[int, int]] = {"small": (128, 256), "base": (256, 512), "large": (512, 1024)}
#: Hypotheses of a step from which on it is looked for equal tokens.
_SHARES_FROM = 32


class SourceMemory(NamedTuple):
    """A batch of source sentences, as all steps and hypotheses read it.

    Attributes:
        attention: what the attention made of the encoder's states.
        first: state of the decoder's layers before the first step, of each hidden (B, H) and, of an lstm, cell.
        matrices: what all steps make of the weights, once. It is of no sentence.
    """

    attention: Any
    first: State
    matrices: Matrices


class Seq2Seq(nn.Module):
    """A recurrent encoder and decoder with attention.

    Args:
        source_vocab_size: number of source tokens.
        target_vocab_size: number of target tokens, V.
        attention: builds the attention: `attention(query_size=, key_size=)`.
        padding_id: token that fills up sentences, of both sides.
        joint_vocabulary: whether a token has one id on both sides.
        size: sets the sizes that are left out: small is embeddings of 128 and a decoder of 256, base 256 and 512, large
            512 and 1024.
        embedding_size: E, of both sides.
        encoder_size: of one direction of the encoder; if None, such that all its directions are as wide as the decoder.
        decoder_size: H.
        encoder: cell of the encoder: gru, lstm or rnn.
        bidirectional: the encoder also reads from right to left.
        encoder_layers: number of layers.
        decoder: `luong` attends with the state it has reached (Luong et al. 2015), `bahdanau` with the state before
            (Bahdanau et al. 2015).
        decoder_cell: cell of the decoder: gru, lstm or rnn.
        decoder_layers: number of layers.
        bridge: the decoder's first state: `zero`, the encoder's `last`, or of it tanh(W h + b) (`dense`).
        input_feeding: luong reads its last attentional vector; without, training computes all steps at once.
        dropout: share dropped of embeddings, between layers, and of the features that tokens are predicted from.
        variational_dropout: one mask for all steps of a sentence, and dropout in the recurrence; Gal & Ghahramani 2016.
        encoder_drop_connect: share of the weights of the encoder's recurrent products dropped; Merity et al. (2018).
        residual: layers but the lowest add their input to their output.
        layer_norm: normalises the output of every layer; `rms` by its mean square alone (Zhang & Sennrich 2019).
        tie: matrices that are one: `source_target` embeddings, target embeddings and softmax (`target_softmax`), `all`.
        scheduled_sampling: probability with which, in training, the model's own best token replaces the right one as
            the next input, for each token anew; Bengio et al. (2015).
        readout: bahdanau's hidden layer before the softmax: `maxout`, as in the paper, or `tanh`. None is maxout.

    Raises:
        ValueError: options that exclude each other.
    """

    def __init__(
        self,
        source_vocab_size: Annotated[int, Ge(1)],
        target_vocab_size: Annotated[int, Ge(1)],
        attention: Callable[..., nn.Module],
        padding_id: Annotated[int, Ge(0)] = 0,
        joint_vocabulary: bool = False,
        size: Size = "base",
        embedding_size: Width = None,
        encoder_size: Width = None,
        decoder_size: Width = None,
        encoder: CellKind = "gru",
        bidirectional: bool = True,
        encoder_layers: Layers = 1,
        decoder: DecoderKind = "luong",
        decoder_cell: CellKind = "gru",
        decoder_layers: Layers = 1,
        bridge: BridgeKind = "dense",
        input_feeding: bool = True,
        dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.3,
        variational_dropout: bool = False,
        encoder_drop_connect: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
        residual: bool = False,
        layer_norm: LayerNorm = False,
        tie: Tie = "none",
        scheduled_sampling: Annotated[float, Interval(ge=0, le=1)] = 0.0,
        readout: ReadoutKind | None = None,
    ) -> None:
        super().__init__()
        if tie in ("source_target", "all") and not (joint_vocabulary and source_vocab_size == target_vocab_size):
            raise ValueError(
                f"tie: {tie} needs one vocabulary for both sides, and there are {source_vocab_size} source and "
                f"{target_vocab_size} target tokens of their own; set data.vocabulary=joint, or tie=target_softmax"
            )
        if decoder == "bahdanau" and not input_feeding:
            raise ValueError(
                "input_feeding: false is an option of decoder=luong; the context always enters bahdanau's recurrence"
            )
        if decoder == "luong" and readout is not None:
            raise ValueError(
                "readout: an option of decoder=bahdanau; luong predicts from the attentional vector itself"
            )
        embedding_size = embedding_size or SIZES[size][0]
        decoder_size = decoder_size or SIZES[size][1]
        encoder_size = encoder_size or (max(decoder_size // 2, 1) if bidirectional else decoder_size)
        self.padding_id = padding_id
        self.scheduled_sampling = scheduled_sampling

        self.source = make_embedding(source_vocab_size, embedding_size)
        self.target = (
            self.source if tie in ("source_target", "all") else make_embedding(target_vocab_size, embedding_size)
        )
        self.encoder = Encoder(
            embedding_size,
            encoder_size,
            cell=encoder,
            layers=encoder_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            variational=variational_dropout,
            residual=residual,
            layer_norm=layer_norm,
            drop_connect=encoder_drop_connect,
        )
        context_size = self.encoder.output_size
        self.bridge = Bridge(
            bridge,
            encoder_size=context_size,
            encoder_layers=encoder_layers,
            encoder_cell=encoder,
            decoder_size=decoder_size,
            decoder_layers=decoder_layers,
            decoder_cell=decoder_cell,
        )
        built = attention(query_size=decoder_size, key_size=context_size)
        fed_size = context_size if decoder == "bahdanau" else decoder_size if input_feeding else 0
        recurrence = Recurrence(
            embedding_size + fed_size,
            decoder_size,
            cell=decoder_cell,
            layers=decoder_layers,
            dropout=dropout,
            variational=variational_dropout,
            residual=residual,
            layer_norm=layer_norm,
        )
        self.decoder: Decoder
        if decoder == "bahdanau":
            self.decoder = BahdanauDecoder(
                recurrence,
                built,
                embedding_size=embedding_size,
                context_size=context_size,
                readout=readout or "maxout",
                dropout=dropout,
                variational=variational_dropout,
            )
        else:
            self.decoder = LuongDecoder(
                recurrence,
                built,
                embedding_size=embedding_size,
                context_size=context_size,
                input_feeding=input_feeding,
                dropout=dropout,
                variational=variational_dropout,
            )
        tied = self.target if tie in ("target_softmax", "all") else None
        self.vocabulary = Vocabulary(self.decoder.feature_size, target_vocab_size, tied)
        self.dropout = Dropout(dropout, variational_dropout)

    def forward(self, source: Tensor, prefix: Tensor) -> Tensor:
        """Teacher-forced: logits of the real target positions, (M, V), of sources (B, S) and prefixes (B, T)."""
        return self.teacher_forced(source, prefix)[0]

    def teacher_forced(self, source: Tensor, prefix: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and attention weights of a known target.

        Args:
            source: ids, every source with its end, (B, S).
            prefix: ids of the begin token and what comes before each target, (B, T).

        Returns:
            Logits of the positions where the prefix is no padding, in row-major order, (M, V); weights (B, T, S).
        """
        memory = self.encode(source)
        embedded = self.target(prefix)
        factors = self.dropout.factor(embedded, time=1 if self.dropout.variational else None)
        if factors is not None:
            embedded = embedded * factors
        feed = None
        if self.training and self.scheduled_sampling > 0:
            feed = self._sampled(prefix, embedded, factors)
        features, weights = self.decoder(embedded, memory.attention, self.decoder.start(memory.first), feed)
        return self.vocabulary(features[prefix != self.padding_id]), weights

    def _sampled(self, prefix: Tensor, embedded: Tensor, factors: Tensor | None) -> Callable[[int, Tensor], Tensor]:
        """Scheduled sampling: the embedded input of step t + 1, of the features of step t."""
        own = torch.rand(prefix.shape, device=prefix.device) < self.scheduled_sampling

        def feed(t: int, features: Tensor) -> Tensor:
            step = slice(t + 1, t + 2)
            with torch.no_grad():
                best = self.vocabulary(features).argmax(-1)
            sampled = self.target(best)
            if factors is not None:
                sampled = sampled * (factors if factors.shape[1] == 1 else factors[:, step])
            return torch.where(own[:, step].unsqueeze(-1), sampled, embedded[:, step])

        return feed

    def encode(self, source: Tensor) -> SourceMemory:
        """Sources, (B, S), to what is kept of them: tensors whose first axis is B."""
        mask = source != self.padding_id
        encoded = self.encoder(self.dropout(self.source(source)), mask)
        return SourceMemory(self.decoder.prepare(encoded.states, mask), self.bridge(encoded.final), Matrices())

    def start(self, memory: SourceMemory) -> DecoderState:
        """The state before the first step: one hypothesis a sentence."""
        return self.decoder.start(memory.first)

    def step(self, tokens: Tensor, memory: SourceMemory, state: DecoderState) -> tuple[Tensor, Tensor, DecoderState]:
        """One step of N hypotheses a sentence.

        Args:
            tokens: ids of the last token of each, (B, N).
            memory: of `encode`.
            state: of `start`, or of the step before.

        Returns:
            Logits of the next token, (B, N, V), float32 at least; attention weights (B, N, S); and the new state.
        """
        with loop(memory.matrices):
            gates = self._gates(tokens)
            features, weights, state = self.decoder.step(self.target(tokens), memory.attention, state, gates=gates)
        return self.vocabulary.logits(features), weights, state

    def _gates(self, tokens: Tensor) -> Tensor | None:
        """The tokens' part of the gates, (B, N, G·H), where it pays to compute that of equal tokens once.

        The hypotheses of a batch often end in the same few words.
        """
        if tokens.is_cuda or torch.is_grad_enabled() or tokens.numel() < _SHARES_FROM:
            return None
        distinct, places = cast(Any, tokens).unique(return_inverse=True)
        gates = self.decoder.recurrence.gates(self.target(distinct), linear=linear)
        return gates.index_select(0, places.flatten()).view(*tokens.shape, -1)
