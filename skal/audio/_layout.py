"""Layout of features: segments, normalization, and column names."""

import numpy as np

__all__ = ["column_name", "cut_segments", "normalized", "segment_starts"]


def segment_starts(n_frames, segment_frames, overlap):
    """Return the first frame of every segment; the last segment ends with the last frame."""
    # Rounding: 10 frames with overlap 0.8 are 2 apart, but 10 * (1 - 0.8) is below 2.
    step = max(1, int(segment_frames * (1 - overlap) + 1e-9))
    last = n_frames - segment_frames
    starts = np.arange(0, last + 1, step)
    # Cover the remainder at the end with one more segment.
    return starts if starts[-1] == last else np.append(starts, last)


def cut_segments(features, segment_frames, overlap):
    """Return overlapping segments of features."""
    starts = segment_starts(features.shape[2], segment_frames, overlap)
    return np.stack([features[:, :, s : s + segment_frames] for s in starts], axis=1)


def normalized(features, axes):
    """Return features with zero mean and unit variance over some axes."""
    # Use double precision: NumPy sums naively along axes other than the last, and ten thousand
    # values lose four digits.
    precise = {"axis": axes, "keepdims": True, "dtype": np.float64}
    mean = features.mean(**precise).astype(features.dtype)
    features = features - mean
    scale = features.std(**precise).astype(features.dtype)
    # Keep a constant band at zero instead of amplifying its rounding noise.
    least = 1e-6 + 10 * np.finfo(features.dtype).eps * np.abs(mean)
    return features / np.where(scale > least, scale, 1)


def column_name(prefix, index):
    """Return the name of a column of flattened features."""
    *segment, band, frame, channel = index
    name = f"{prefix}_" + "".join(f"s{s}_" for s in segment) + f"b{band}_t{frame}"
    return name + (f"_d{channel}" if channel else "")
