"""Texts: reading them from files, folders, the Hub or Python, and splitting them into sentences."""

from blocklens.texts.reading import Skipped, Text, TextSource
from blocklens.texts.sentences import sentence_of_tokens, sentence_spans

__all__ = ["Skipped", "Text", "TextSource", "sentence_of_tokens", "sentence_spans"]
