"""Gaussians to pixels: the exact renderer, which the format's specification defines bit by bit."""

from pyggc.render.rasterize import Frame, near_rows, rasterize, render_work, resolve

__all__ = ["Frame", "near_rows", "rasterize", "render_work", "resolve"]
