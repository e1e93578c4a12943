"""Decoders, after the two papers."""

from zoo.seq2seq.decoders.bahdanau import BahdanauDecoder
from zoo.seq2seq.decoders.decoder import Decoder, DecoderState, Feed
from zoo.seq2seq.decoders.luong import LuongDecoder

__all__ = ["BahdanauDecoder", "Decoder", "DecoderState", "Feed", "LuongDecoder"]
