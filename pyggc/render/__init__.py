"""Gaussians to pixels: the exact renderer, which the format's specification defines bit by bit."""

from pyggc.render.rasterize import Frame, Region, near_rows, rasterize, render_work, resolve

__all__ = ["Frame", "Region", "near_rows", "rasterize", "render_work", "resolve"]
