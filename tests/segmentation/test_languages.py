"""Segmenting texts in ten languages, the language guessed."""

import pytest

import blocklens
from helpers import small_encoder

TEXTS = {
    "de": "Die Katze schläft. Der Hund bellt. Die Aktien fielen heute. Die Banken verloren Geld.",
    "fr": "Le chat dort. Le chien aboie. Les actions ont baissé. Les banques perdent de l'argent.",
    "es": "El gato duerme. ¿Ladra el perro? Las acciones bajaron hoy. Los bancos pierden dinero.",
    "pt": "O gato dorme. O cão ladra alto. As ações caíram hoje. Os bancos perderam dinheiro.",
    "ru": "Кошка спит. Собака громко лает. Акции сегодня упали. Банки потеряли деньги.",
    "el": "Η γάτα κοιμάται. Ο σκύλος γαβγίζει. Οι μετοχές έπεσαν. Οι τράπεζες έχασαν χρήματα.",
    "ar": "القطة تنام. الكلب ينبح بصوت عال. هبطت الأسهم اليوم. خسرت البنوك المال.",
    "hi": "बिल्ली सो रही है। कुत्ता ज़ोर से भौंकता है। आज शेयर गिर गए। बैंकों ने पैसा खो दिया।",
    "zh": "猫在睡觉。狗大声地叫。今天股票下跌了。银行亏了很多钱。",
    "ja": "猫は寝ている。犬が大きな声で吠える。今日は株が下がった。銀行はお金を失った。",
}


@pytest.fixture(scope="module")
def encoder():
    return small_encoder()


@pytest.mark.parametrize("language", TEXTS)
def test_a_text_of_four_sentences_is_cut_between_sentences(encoder, language):
    text = TEXTS[language]
    segmented = blocklens.segment(text, encoder, segments=2)
    assert len(segmented.spans) == 4
    first, second = segmented.segments
    assert text == first + text[len(first) : len(text) - len(second)] + second
    assert not text[len(first) : len(text) - len(second)].strip()
    assert first[-1] in ".।。?"
