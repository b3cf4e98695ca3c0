"""The words of a report: what each term means, and who it is from.

A term is a line `name | source`, with what it means below it.
"""

Term = tuple[str, str, str]


def terms(text: str) -> tuple[Term, ...]:
    """Name, source and meaning of every term."""
    read = []
    for part in text.strip().split("\n\n"):
        head, _, meaning = part.partition("\n")
        name, source = head.split(" | ")
        read.append((name, source, " ".join(meaning.split())))
    return tuple(read)


PAIR_TERMS = terms("""
Head output vector | paper
The attention-weighted sum of a head's value vectors at one token, before the heads are joined and
projected.

Context similarity matrix | paper
Scalar products of a head's output vectors, token by token, within one text. The raw product is our
choice where the option does not say otherwise.

High-similarity pairs | ours
The unordered pairs of a text's tokens with the largest similarity, special tokens left out: the
top fraction q of all pairs, at least half as many pairs as tokens.
""")
"""Of heads on texts and on images alike."""

P1_TERMS = PAIR_TERMS + terms("""
Attention to separators | paper
Attention that tokens which are not separators send to a class of tokens, divided by the class's
share of the tokens. Each class is its own curve; the formula is ours.

Distance | paper
How many tokens apart the high pairs are. Null: all pairs of the same texts. A ratio below 1 is
nearer than chance. The null is ours.

Same sentence | paper
Share of the high pairs within one sentence. Null: all pairs. Distance matched: the sentence
borders shifted around the text, which keeps every distance. Both nulls are ours.

Head label | ours
The largest of five ratios over the high pairs: repetition (the same token twice), anchor (the
head's most common token), anchor context (within two tokens of it, without it), local (at most 5
tokens apart), same sentence.

Anchor and uniqueness | ours
A head's anchor in a text is the token most often in its high pairs. Uniqueness of a block is the
number of distinct anchors divided by the number of heads.

Noise | ours
Share of the high pairs that are none of: the same token, one sentence, local, anchor.

Controls | ours
Untrained twins: the same configuration with fresh weights. Shuffled: the same texts with their
tokens in random order. Both run through the same code.

Intervals | ours
95 %, leaving out one group of texts at a time: the unit is the text, never the token or pair.
""")

LABEL_TERMS = terms("""
Read-out | code
The trunk is frozen, a head is attached to the output of a block, and the head alone is trained.
The untrained twins have read-outs of their own, trained alike. A vocabulary head starts from the
encoder's own where the notes say so (ours), else new.

Selectivity | ours
How much more often read-outs are right than the same ones trained on labels drawn at random by
type (control accuracy; Hewitt and Liang 2019): what a block shows and not what a head learns by
heart. A token is its own type; a text's is its rarest token that ten texts hold.

Confusion matrix | review
How often a label was predicted as another. Rows whose diagonal is not their largest element are
left out; each other row is divided by its diagonal.

Strong match clusters | paper
Labels each of which is taken for each of the others more often than the threshold, found greedily
in a fixed order. Threshold and rule are those of the group's code on image classifiers; that they
carry over is ours.

Noise | code
Strong matches that lie outside all clusters.
""")
"""Of tokens, text classes and image classes alike."""

IMAGE_TERMS = terms("""
Vector of an image | ours
A read-out sees a block's output at the [CLS] token where there is one, else the mean over the
patches. Other blocks than the last go through the trunk's final norm first.

Attention to special tokens | ours
Attention that patches send to [CLS] (and registers), divided by the share of those tokens: the
paper's measure of separators with patches in the place of words.

Touching patches | ours
Share of the high-similarity pairs whose patches touch, at a side or a corner. Null: all pairs of
the grid.

Pixels | ours
The same linear read-out, trained alike, of the pixels in the place of a block's output.

Intervals | ours
95 %, over images and seeds of the read-outs: each group of images and each seed is left out in
turn. Those of heads leave out groups of images.

Untrained twins | ours
The same configuration with fresh weights; they run through the same code.
""")

TEXT_TERMS = terms("""
Vector of a text | code
A read-out sees a block's output at [CLS] through a dense layer, as the family's own classifier
does; or the mean over the tokens, where that was chosen.

Fine-tuned up to a block | code
The encoder is shortened to it, its family's head put on it, and all weights are trained. Epochs and
learning rate are ours.

TF-IDF | ours
Logistic regression on weighted word counts of the same texts: what words alone solve.

Input APT | paper
Mean accuracy per token of an input's tokens under the pre-trained encoder. That it is measured on
the labelled texts, the range and the bound are ours.

Replacement | ours
Tokens are replaced by their strong match partner, or by random tokens as frequent in the same
places: a test of the cause that the paper gives.

Intervals of classes | ours
95 %, over texts and seeds: each group of texts and each seed is left out in turn. Those of shares
end at 0 and 1.
""")

STRENGTH_TERMS = terms("""
Attention at the end of a sentence | ours
What the last punctuation token of a sentence receives from tokens that are no separators. P1
suggests that it says how strong a border is; the formula is ours.

context | ours
Segments whose sentences' head output vectors point the same way, found exactly. The heads are
chosen by a rule without labels unless the options say otherwise.

Strength of a border | ours
How much more alike sentences are on each side of the border than across it (or what the separator
receives), in standard deviations from the text's mean.
""")

SCORE_TERMS = STRENGTH_TERMS + terms("""
Pk, WindowDiff | literature
Share of places a fixed distance apart that are wrongly put in one segment or in two; share of such
windows with a wrong number of borders. 0 is perfect.

Boundary similarity | literature
One less the share of borders missed, added or (at half the cost) one sentence off. 1 is perfect.

Untrained twins | ours
The same configuration with fresh weights, segmenting by the method context.

Intervals | ours
95 %, leaving out one document at a time.
""")
