"""As many images of every class as asked for, by seed: to train on, and to measure on.

An image that cannot be read is named, counted and replaced by the next of its class. What else a
reader must know (classes with fewer images than asked, grey images among colour ones, sizes that
differ, the same image in both parts) is counted here and said in the report.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int64, Integer, UInt8
from numpy.typing import NDArray
from PIL import Image

from blocklens.errors import UserError
from blocklens.inputs.images.one_image import EIGHT_BITS, Levels, UnreadableError, eight_bits
from blocklens.inputs.images.pictures import Parts, Picture
from blocklens.pretraining.masking import shuffled
from blocklens.progress import SILENT, Progress, Stage
from blocklens.wording import counted

KEPT_SKIPPED = 1000


@dataclass
class Images:
    """Images that can be read, in an order that mixes the classes.

    `labels` int64 [images]; `keys` int64 [images], a hash of the pixels: an image's group in every
    interval, so that the same image is always in the same group.
    """

    pictures: list[Picture] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    colour: list[bool] = field(default_factory=list)
    hashes: list[int] = field(default_factory=list)
    levels: Levels = EIGHT_BITS

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def labels(self) -> Int64[np.ndarray, " images"]:
        """The class of every image."""
        return np.array([picture.label for picture in self.pictures], dtype=np.int64)

    @property
    def keys(self) -> Int64[np.ndarray, " images"]:
        """The hash of every image's pixels."""
        return np.array(self.hashes, dtype=np.int64)

    def read(self, numbers: Sequence[int] | Integer[np.ndarray, " read"]) -> list[Image.Image]:
        """Those images, decoded."""
        return [self._shown(self.pictures[int(number)]) for number in numbers]

    def _shown(self, picture: Picture) -> Image.Image:
        image = picture.open()
        if image.mode != "F":
            return image
        return Image.fromarray(eight_bits(np.asarray(image), self.levels))

    def pixels(self, side: int, channels: int) -> UInt8[np.ndarray, "images side side channels"]:
        """All images at one size."""
        mode = "L" if channels == 1 else "RGB"
        pixels = np.empty((len(self), side, side, channels), dtype=np.uint8)
        for number, picture in enumerate(self.pictures):
            image = self._shown(picture).convert(mode)
            if image.size != (side, side):
                image = image.resize((side, side), Image.Resampling.BILINEAR)
            pixels[number] = np.asarray(image).reshape(side, side, channels)
        return pixels


@dataclass(frozen=True)
class ImageData:
    """What a study of images reads.

    `skipped`: images that could not be read, as "name: reason", the first thousand of
    `skipped_count`. `notes`: what a reader must know of the images.
    """

    description: str
    classes: list[str]
    train: Images
    test: Images
    skipped: list[str]
    skipped_count: int
    notes: list[str]

    @property
    def colour(self) -> bool:
        """Whether any image has colours."""
        return any(self.train.colour) or any(self.test.colour)

    def usual_side(self, largest: int) -> int:
        """The median of the images' longer sides in pixels, at most `largest`."""
        return min(largest, int(np.median([max(size) for size in self.train.sizes])))

    def digest(self) -> str:
        """A hash of all pixels, labels and class names in their order."""
        sha = hashlib.sha256(repr(self.classes).encode("utf-8", "surrogatepass"))
        for images in (self.train, self.test):
            sha.update(images.keys.tobytes() + images.labels.tobytes() + b"|")
        return sha.hexdigest()


def draw_images(
    parts: Parts,
    *,
    train: int = 1000,
    test: int = 200,
    seed: int = 0,
    strict: bool = False,
    progress: Progress = SILENT,
) -> ImageData:
    """Draw up to `train` and `test` images of every class.

    A source without a part to measure on gives a fifth of each class to it, at most `test`.

    Args:
        parts: the source.
        train: images of a class to train on.
        test: images of a class to measure on.
        seed: of the draw, and of the split.
        strict: stop at the first image that cannot be read.
        progress: told how many images are read.

    Raises:
        UserError: a class without an image to train on or to measure on, or, where `strict`, an
            image that cannot be read.

    """
    drawing = _Drawing(parts, seed, strict)
    rest = drawing.by_class(parts.train)
    if parts.test is None:
        others = rest  # `take` takes the images to measure on away
        held_out = [min(test, max(1, round(0.2 * len(order)))) for order in rest]
        expected = sum(min(len(order), train + n) for order, n in zip(rest, held_out, strict=True))
    else:
        others = drawing.by_class(parts.test)
        held_out = [test for _ in others]
        expected = sum(min(len(order), train) for order in rest)
        expected += sum(min(len(order), test) for order in others)
    with progress.stage("reading", expected, "images") as stage:
        measured = [drawing.take(*one, stage) for one in zip(others, held_out, strict=True)]
        trained = [drawing.take(order, train, stage) for order in rest]
    for label, name in enumerate(parts.classes):
        for what, images in (("train", trained[label]), ("measure", measured[label])):
            if not images:
                first = f" (first unreadable: {drawing.skipped[0]})" if drawing.skipped else ""
                raise UserError(
                    f"{parts.description}: class {name!r} has no image to {what} on{first}; give "
                    "it at least two images that can be read, or leave the class out"
                )
    levels = Levels.between(*drawing.deep) if drawing.deep else EIGHT_BITS
    data = {
        "train": _mixed(trained, seed + 1, levels), "test": _mixed(measured, seed + 2, levels),
    }  # fmt: skip
    notes = [
        *parts.notes,
        *levels.note(drawing.scaled()),
        *_few(parts.classes, trained, train, "train on"),
        *_few(parts.classes, measured, test, "measure on", split=parts.test is None),
        *_differences(data["train"], data["test"]),
    ]
    return ImageData(
        parts.description, parts.classes, data["train"], data["test"],
        drawing.skipped, drawing.skipped_count, notes,
    )  # fmt: skip


Read = tuple[Picture, tuple[int, int], bool, int]
"""A picture with its size, whether it has colours, and the hash of its pixels."""


class _Drawing:
    """Takes images of a class one after the other, in an order that the seed decides."""

    def __init__(self, parts: Parts, seed: int, strict: bool) -> None:
        self.parts, self.seed, self.strict = parts, seed, strict
        self.skipped: list[str] = []
        self.skipped_count = 0
        self.deep: tuple[float, float] | None = None
        self.taken = self.of_more_bits = 0

    def by_class(self, pictures: list[Picture]) -> list[list[Picture]]:
        """The pictures of each class in drawn order; `take` takes from the end."""
        classes: list[list[Picture]] = [[] for _ in self.parts.classes]
        for picture in pictures:
            classes[picture.label].append(picture)
        return [
            [one[n] for n in shuffled(len(one), seed=self.seed, epoch=label)]
            for label, one in enumerate(classes)
        ]

    def take(self, order: list[Picture], number: int, stage: Stage) -> list[Read]:
        """Up to `number` images that can be read, taken away from `order`."""
        taken: list[Read] = []
        while order and len(taken) < number:
            picture = order.pop()
            try:
                image = picture.open()
            except UnreadableError as error:
                self._skip(f"{picture.name}: {error}")
                continue
            self.taken += 1
            if image.mode == "F":
                self.of_more_bits += 1
                self._deepen(np.asarray(image))
            colour = image.mode == "RGB"
            taken.append((picture, image.size, colour, pixel_hash(image)))
            stage.advance()
        return taken

    def scaled(self) -> str:
        """Which images the levels hold for: those of 8 bits are shown as they are."""
        if self.of_more_bits == self.taken:
            return "every image"
        return f"{self.of_more_bits:,} of {self.taken:,} images; the others are of 8 bits"

    def _deepen(self, values: NDArray[np.float32]) -> None:
        """Widen the range of the values that are not of 8 bits."""
        known = values[np.isfinite(values)]
        if known.size:
            ends = (*(self.deep or ()), float(known.min()), float(known.max()))
            self.deep = min(ends), max(ends)

    def _skip(self, said: str) -> None:
        if self.strict:
            raise UserError(said)
        self.skipped_count += 1
        if len(self.skipped) < KEPT_SKIPPED:
            self.skipped.append(said)


def pixel_hash(image: Image.Image) -> int:
    """63-bit hash of an image's pixels and size."""
    content = f"{image.mode}{image.size}".encode() + image.tobytes()
    digest = hashlib.blake2b(content, digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def _mixed(by_class: list[list[Read]], seed: int, levels: Levels) -> Images:
    everything = [one for of_class in by_class for one in of_class]
    images = Images(levels=levels)
    for number in shuffled(len(everything), seed=seed, epoch=0):
        picture, size, colour, key = everything[number]
        images.pictures.append(picture)
        images.sizes.append(size)
        images.colour.append(colour)
        images.hashes.append(key)
    return images


def _few(
    classes: list[str], by_class: list[list[Read]], asked: int, what: str, *, split: bool = False
) -> list[str]:
    """A note where classes have fewer images than asked."""
    counts = [len(one) for one in by_class]
    if min(counts) >= asked:
        return []
    many = f"{min(counts):,} to {max(counts):,}" if min(counts) < max(counts) else f"{counts[0]:,}"
    share = " (a fifth of each class)" if split else ""
    smallest = classes[int(np.argmin(counts))]
    note = f"Images of a class to {what}: {many}{share}, where up to {asked:,} were asked for"
    return [f"{note}; fewest of {smallest!r}." if min(counts) < max(counts) else f"{note}."]


def _differences(train: Images, test: Images) -> list[str]:
    """Notes on sizes, colours and images that are in both parts."""
    notes = []
    sizes = Counter([*train.sizes, *test.sizes])
    if len(sizes) > 1:
        (width, height), number = sizes.most_common(1)[0]
        rest = sizes.total() - number
        notes.append(
            f"Not of the commonest size, {width} x {height}: {rest:,} of {sizes.total():,} images; "
            "every image is resized to the encoder's size."
        )
    colours = [*train.colour, *test.colour]
    if any(colours) and not all(colours):
        notes.append(
            f"Grey among colour ones: {colours.count(False):,} of "
            f"{counted(len(colours), 'image')}, put in with three equal channels."
        )
    both = int(np.isin(test.keys, train.keys).sum())
    if both:
        notes.append(
            f"With the very pixels of an image to train on: {both:,} of "
            f"{counted(len(test), 'image')} to measure on."
        )
    return notes
