"""Texts: reading them from files, folders, the Hub or Python, and splitting them into sentences."""

from blocklens.inputs.sentences import sentence_of_tokens, sentence_spans
from blocklens.inputs.texts import Skipped, Text, TextSource

__all__ = ["Skipped", "Text", "TextSource", "sentence_of_tokens", "sentence_spans"]
