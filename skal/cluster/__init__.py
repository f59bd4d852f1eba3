"""Clustering by density peaks, exact and for millions of rows."""

from skal.cluster._density_peaks import DensityPeaks

__all__ = ["DensityPeaks"]
