"""Every input and option of text classes, images, segmentation and sizes is in the keys.

The models are walked by their fields: a new option fails here until its line says what depends on
it. `NOTHING` depends on an option that names steps or inputs, which are in the keys themselves; of
the others it is proven below: two studies that differ in one alone write the same tables.
"""

import inspect
import sys

import numpy as np
import pandas as pd
import pytest
import transformers as tr
from another import another, changed

from blocklens.distributed import Share
from blocklens.encoder.trunk import Encoder
from blocklens.inputs.images.drawing import draw_images
from blocklens.inputs.images.image_sources import open_images
from blocklens.inputs.texts import TextSource
from blocklens.pretraining.pretrain_options import PretrainOptions
from blocklens.pretraining.vit_options import VitOptions
from blocklens.readouts.image_task import ImageReadOuts, pooling_of
from blocklens.segmentation.documents import Document
from blocklens.storage import HOLDER
from blocklens.studies import images_part, runner, segments_part, sizes_part, text_classes_part
from blocklens.studies.finetune import finetune
from blocklens.studies.image_options import ImageStudyOptions
from blocklens.studies.images_part import study_images
from blocklens.studies.kept import step_key
from blocklens.studies.labelled_samples import Given
from blocklens.studies.sizes_part import study_sizes
from blocklens.studies.study_options import ClassOptions, StudyOptions
from blocklens.studies.work import StudyInputs, Work
from helpers import random_texts, small_encoder

TEXTS = random_texts(24, seed=5)
NOTHING: set[str] = set()


def keys_of(*parts):
    return {step.name: step_key(part, step) for part in parts for step in part.steps}


# Text classes, read out and fine-tuned

OUT, TUNED = {"encoder", "untrained 0"}, {"fine-tuned", "fine-tuned, untrained 0"}
ALL = {*OUT, *TUNED, "TF-IDF"}
OF_CLASSES = {
    "data": NOTHING,  # where they lie; what was read is in the key
    "preset": ALL, "variant": NOTHING,  # which steps there are
    "margin": NOTHING,  # what the page and the last line advise
    "text_field": NOTHING, "label_field": NOTHING,  # what was read is in the key
    "markers": ALL, "untrained": NOTHING,  # how many twins
    "tokens": ALL, "pooling": {*OUT, "TF-IDF"}, "confidence": ALL,
    "strict": NOTHING,  # whether a bad text stops the study
    "test": NOTHING,  # what was read and drawn is in the key
    "train": ALL, "test_size": ALL, "seeds": ALL,
    "epochs": TUNED, "rate": TUNED, "batch": TUNED, "blocks": TUNED,
    "weight_decay": TUNED, "warm_up": TUNED, "clip": TUNED,
    "modified": ALL,
}  # fmt: skip


@pytest.fixture
def labelled(tmp_path):
    """Labelled texts under two names and in two columns, and more of them to test on."""
    labels = ["ab"[number % 2] for number in range(24)]
    table = pd.DataFrame({"text": TEXTS, "label": labels, "de": TEXTS, "other": labels})
    table.to_csv(tmp_path / "labelled.csv", index=False)
    table.to_csv(tmp_path / "again.csv", index=False)
    return tmp_path / "labelled.csv"


def of_classes(options, encoder, folder, given=None):
    source = TextSource(TEXTS)
    whole = StudyOptions(classes=options)
    work = Work(encoder, source, whole, StudyInputs.of(source, encoder), Share(), folder)
    part = text_classes_part.classes_part
    if given is not None:
        steps = text_classes_part.steps(work, options, given)
        return {s.name: step_key(text_classes_part.Part("classes", 1, steps), s) for s in steps}
    return keys_of(part(work))


@pytest.mark.parametrize("name", OF_CLASSES)
def test_an_option_of_text_classes_changes_what_depends_on_it(name, labelled, tmp_path):
    encoder = small_encoder(num_hidden_layers=2)
    options = ClassOptions(data=str(labelled), variant="both", untrained=1, text_field="text",
                           label_field="label")  # fmt: skip
    given = Given.of(options)
    after = another(options, name)
    before = of_classes(options, encoder, tmp_path, given)
    assert changed(before, of_classes(after, encoder, tmp_path, given)) == OF_CLASSES[name]


def test_no_option_of_text_classes_is_forgotten():
    assert set(OF_CLASSES) == set(ClassOptions.model_fields)


def edited(file, change):
    table = pd.read_csv(file)
    change(table)
    table.to_csv(file, index=False)


DATA = {
    "a text": lambda t: t.__setitem__("text", ["a b c .", *t["text"].to_list()[1:]]),
    "a label": lambda t: t.__setitem__("label", list("bb") + t["label"].to_list()[2:]),
    "a class's name": lambda t: t.__setitem__("label", t["label"].str.replace("b", "c")),
    "the order": lambda t: t.__setitem__("text", t["text"].to_list()[::-1]),
}


@pytest.mark.parametrize("what", DATA)
def test_other_labelled_texts_change_every_step(what, labelled, tmp_path):
    encoder = small_encoder(num_hidden_layers=2)
    options = ClassOptions(data=str(labelled), variant="both", untrained=1)
    before = of_classes(options, encoder, tmp_path)
    edited(labelled, DATA[what])
    assert changed(before, of_classes(options, encoder, tmp_path)) == ALL


def test_texts_to_test_on_change_every_step(labelled, tmp_path):
    encoder = small_encoder(num_hidden_layers=2)
    options = ClassOptions(data=str(labelled), variant="both", untrained=1)
    more = options.model_copy(update={"test": str(labelled.with_name("again.csv"))})
    edited(labelled, lambda t: t.__setitem__("text", [f"{text} a" for text in t["text"]]))
    before = of_classes(options, encoder, tmp_path)
    assert changed(before, of_classes(more, encoder, tmp_path)) == ALL


def test_another_encoder_changes_what_is_measured_of_it_another_shape_all(labelled, tmp_path):
    options = ClassOptions(data=str(labelled), variant="both", untrained=1)
    before = of_classes(options, small_encoder(seed=0, num_hidden_layers=2), tmp_path)
    trained_on = of_classes(options, small_encoder(seed=1, num_hidden_layers=2), tmp_path)
    assert changed(before, trained_on) == {"encoder", "fine-tuned"}
    wider = of_classes(options, small_encoder(num_hidden_layers=2, intermediate_size=40), tmp_path)
    assert changed(before, wider) == ALL - {"TF-IDF"}  # which reads texts alone


def test_an_export_writes_within_the_lock(labelled, tmp_path, monkeypatch):
    def export(encoder, options, block, folder):
        held.append((folder / HOLDER).exists())
        return folder

    held = []
    module = sys.modules[finetune.__module__]  # the package's function hides its module
    monkeypatch.setattr(module, "export_block", export)
    options = ClassOptions(data=str(labelled), seeds=1, untrained=0, confidence=False)
    finetune(options, small_encoder(num_hidden_layers=2), tmp_path / "out", export=1, report=False)
    assert held == [True]


# Images

IMAGES = {
    "train_images": NOTHING, "test_images": NOTHING, "seed": NOTHING,  # the images drawn are
    "strict": NOTHING,  # whether a bad image stops the study
    "pooling": {"encoder", "untrained 0", "pixels"}, "read_outs": {"encoder", "untrained 0",
                                                                  "pixels"},
    "untrained": NOTHING,  # how many twins
    "head_images": {"encoder", "untrained 0"},
    "margin": NOTHING,  # what the page and the last line advise
    "vit": {"ViT"},
}  # fmt: skip


@pytest.fixture
def images(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (24, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", x_train=pixels, y_train=np.arange(24) % 3)
    return tmp_path / "images.npz"


def image_encoder():
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    config = tr.ViTConfig(image_size=8, patch_size=4, hidden_size=16, num_hidden_layers=1,
                          num_attention_heads=2, intermediate_size=16)  # fmt: skip
    processor = ViTImageProcessorPil(size={"height": 8, "width": 8})
    return Encoder(tr.ViTModel(config), processor=processor, name="vit")


def of_images(options, data, encoder, tmp_path):
    read_outs = ImageReadOuts(options.read_outs, pooling_of(encoder, options.pooling))
    return keys_of(
        images_part.training_part(tmp_path, data, options.vit.chosen(data), "cpu"),
        images_part.classes_part(encoder, data, options, read_outs, None),
    )


def drawn(file, options):
    return draw_images(open_images(file), train=options.train_images, test=options.test_images,
                       seed=options.seed)  # fmt: skip


@pytest.mark.parametrize("name", IMAGES)
def test_an_option_of_images_changes_what_depends_on_it(name, images, tmp_path):
    options = ImageStudyOptions(untrained=1)
    data, encoder = drawn(images, options), image_encoder()
    if name == "vit":
        after = options.model_copy(update={"vit": VitOptions(blocks=2)})
    else:
        after = another(options, name)
    before = of_images(options, data, encoder, tmp_path)
    assert changed(before, of_images(after, data, encoder, tmp_path)) == IMAGES[name]
    assert set(IMAGES) == set(ImageStudyOptions.model_fields)


def test_other_images_or_another_draw_change_every_step(images, tmp_path):
    options, encoder = ImageStudyOptions(untrained=1), image_encoder()
    before = of_images(options, drawn(images, options), encoder, tmp_path)
    few = options.model_copy(update={"train_images": 3, "test_images": 2})
    seed = few.model_copy(update={"seed": 1})
    every = {"ViT", "encoder", "untrained 0", "pixels"}
    fewer = of_images(few, drawn(images, few), encoder, tmp_path)
    assert changed(before, fewer) == every
    assert changed(fewer, of_images(seed, drawn(images, seed), encoder, tmp_path)) == every
    with np.load(images) as arrays:
        pixels, labels = arrays["x_train"], arrays["y_train"]
    pixels[3, 0, 0] ^= 1
    np.savez(images, x_train=pixels, y_train=labels)
    assert changed(before, of_images(options, drawn(images, options), encoder, tmp_path)) == every


@pytest.mark.parametrize("what", ["weights", "processor"])
def test_another_image_encoder_changes_what_it_gives(what, images, tmp_path):
    options = ImageStudyOptions(untrained=1)
    data, one, two = drawn(images, options), image_encoder(), image_encoder()
    two.model.load_state_dict(one.model.state_dict())
    before = of_images(options, data, one, tmp_path)
    assert not changed(before, of_images(options, data, two, tmp_path))
    if what == "weights":
        two.model.embeddings.cls_token.data[0, 0, 0] += 1
    else:
        two.processor.image_mean = [0.4, 0.5, 0.5]
    after = of_images(options, data, two, tmp_path)
    assert changed(before, after) == {"encoder", "untrained 0"}


@pytest.mark.parametrize("name", VitOptions.model_fields)
def test_every_option_of_the_vit_trains_it_anew(name, images, tmp_path):
    options = VitOptions(side=8, patch=4, epochs=1, shift=1, feed_forward=32)
    data = drawn(images, ImageStudyOptions())
    if name in ("width", "heads", "side", "patch"):  # these must divide one another
        after = options.model_copy(update={name: getattr(options, name) // 2})
    else:
        after = another(options, name)
    one, two = (keys_of(images_part.training_part(tmp_path, data, o.chosen(data), "cpu"))
                for o in (options, after))  # fmt: skip
    assert changed(one, two) == {"ViT"}


# Segmentation

DOCUMENTS = [
    Document(f"{number}", ["a b c .", "d e f .", "g h ."], [2, 1], {"set": 1})
    for number in range(3)
]
SCORES = {
    "documents": [*DOCUMENTS[:2], Document("2", ["a b .", "d e f .", "g h ."], [2, 1], {})],
    "encoder": small_encoder(seed=1),
    "methods": ["context"],
    "baselines": ["even"],
    "heads": "all",
    "unit": "words",
    "untrained": 0,
    "borders": False,
}
SCORES_SHOWN = {"out", "description", "left_out", "progress"}
"""Where to, where from in words, what is not among them, and to whom it is told: none is an input
of a figure."""


@pytest.fixture
def asked(monkeypatch):
    """The keys of the steps that are asked for; nothing is measured."""

    class AskedError(Exception):
        pass

    def measure(self, part):
        found.append(keys_of(part))
        raise AskedError

    def of(function, *rest, **given):
        found.clear()
        with pytest.raises(AskedError):
            function(*rest, **given)
        return found[0]

    found = []
    monkeypatch.setattr(runner.StudyRun, "measure", measure)
    return of


def test_every_argument_of_a_scoring_changes_its_key(asked, tmp_path):
    def of(**changes):
        given = {"documents": DOCUMENTS, "encoder": small_encoder(), **changes}
        return asked(segments_part.evaluate_in_folder, out=tmp_path / "out", **given)

    before = of()
    assert of() == before
    taken = set(inspect.signature(segments_part.evaluate_in_folder).parameters)
    assert taken == {*SCORES, *SCORES_SHOWN}
    for name, value in SCORES.items():
        assert changed(before, of(**{name: value})) == {"documents"}, name
    for field in ("sentences", "masses", "name", "fields"):
        value = {"sentences": ["x .", *DOCUMENTS[0].sentences[1:]], "masses": [1, 2], "name": "x",
                 "fields": {"set": 2}}[field]  # fmt: skip
        one = Document(**{**{k: getattr(DOCUMENTS[0], k) for k in
                             ("name", "sentences", "masses", "fields")}, field: value})  # fmt: skip
        assert changed(before, of(documents=[one, *DOCUMENTS[1:]])) == {"documents"}, field


# Training sizes

OF_A_RUN = {"steps", "epochs", "hours", "articles", "seed"}
"""What names a run: another value of it is another step."""


def test_every_option_of_pretraining_changes_the_runs_of_a_study_of_sizes(asked, tmp_path):
    base = {"blocks": 1, "heads": 2, "width": 8, "precision": "float32"}

    def of(texts=TEXTS, **given):
        return asked(study_sizes, TextSource(texts), tmp_path / "out", [4], preset="tiny",
                     given={**base, **given}, steps=2)  # fmt: skip

    before = of()
    assert of() == before
    options = PretrainOptions.make("tiny", **base, steps=2)
    entries = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"]
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("\n".join(entries))
    fits = {"heads": 4, "width": 12, "positions": 256, "length": 64, "precision": "bfloat16",
            "tokenizer": str(vocabulary), "vocabulary": 40}  # fmt: skip
    for name in set(PretrainOptions.model_fields) - OF_A_RUN:
        value = fits.get(name) or getattr(another(options, name), name)
        assert changed(before, of(**{name: value})) == set(before), name
    assert changed(before, of(texts=TEXTS[:-1])) == set(before)
    given = of(tokenizer=str(vocabulary))
    vocabulary.write_text("\n".join([*entries, "c"]))
    assert changed(given, of(tokenizer=str(vocabulary))) == set(given)
    assert sizes_part.MEASURED_TEXTS  # in the key as well


# What no figure depends on


def tables(folder):
    return {file.name: file.read_bytes() for file in (folder / "tables").iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["data", "margin", "text_field", "label_field", "strict"])
def test_an_option_that_no_key_holds_changes_no_table_of_text_classes(name, labelled, tmp_path):
    encoder = small_encoder(num_hidden_layers=1)
    options = ClassOptions(data=str(labelled), text_field="text", label_field="label", seeds=2,
                           untrained=0, confidence=False)  # fmt: skip
    other = {
        "text_field": "de",
        "label_field": "other",
        "data": str(labelled.with_name("again.csv")),
    }
    after = options.model_copy(update={name: other[name]}) if name in other else another(
        options, name)  # fmt: skip
    finetune(options, encoder, tmp_path / "one", report=False)
    finetune(after, encoder, tmp_path / "two", report=False)
    assert tables(tmp_path / "one") == tables(tmp_path / "two")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["strict", "margin"])
def test_an_option_that_no_key_holds_changes_no_table_of_images(name, images, tmp_path):
    options = ImageStudyOptions(untrained=0, read_outs=1, head_images=0)
    for folder, one in (("one", options), ("two", another(options, name))):
        study_images(images, image_encoder_saved(tmp_path), tmp_path / folder, options=one,
                     report=False)  # fmt: skip
    assert tables(tmp_path / "one") == tables(tmp_path / "two")


def image_encoder_saved(folder):
    """One image encoder for both studies."""
    if not (folder / "vit").exists():
        one = image_encoder()
        one.model.save_pretrained(folder / "vit")
        one.processor.save_pretrained(folder / "vit")
    return Encoder.load(folder / "vit")
