"""Labelled images: reading them from files, folders or the Hub, and drawing them by class."""

from blocklens.inputs.images.drawing import ImageData, Images, draw_images
from blocklens.inputs.images.image_sources import open_images
from blocklens.inputs.images.pictures import Parts, Picture

__all__ = ["ImageData", "Images", "Parts", "Picture", "draw_images", "open_images"]
