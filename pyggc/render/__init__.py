"""Gaussians to pixels: the exact renderer, which the format's specification defines bit by bit."""

from pyggc.render.rasterize import rasterize, render_work

__all__ = ["rasterize", "render_work"]
