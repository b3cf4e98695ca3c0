"""Labelled images: reading them from files, folders or the Hub, and drawing them by class."""

from blocklens.images.drawing import ImageData, Images, draw_images
from blocklens.images.pictures import Parts, Picture
from blocklens.images.sources import open_images

__all__ = ["ImageData", "Images", "Parts", "Picture", "draw_images", "open_images"]
