"""How many tokens an image will be, by each provider's published formula; where that leaves doubt, the most it can be.

Sources: OpenAI, "Images and vision"; Anthropic, "Vision". Of a compatible server's model nothing is known but that it
cuts the image into squares or resizes it to a fixed grid.
"""

from dataclasses import dataclass
from math import ceil, floor, sqrt

from ai_gateway.estimating.image_size import ImageSize, read_image_size
from ai_gateway.providers.types import ProviderKind

# An image whose header cannot be read is most likely refused. Where a formula has no bound of its own, it takes
# this size: above every camera's, and above what the providers accept.
_UNREADABLE = ImageSize(8192, 8192)

_TILE_PIXELS = 512
_TILES_LONG_SIDE, _TILES_SHORT_SIDE = 2048, 768
_PATCH_PIXELS = 32
_UNCAPPED = 10**9

_ANTHROPIC_PATCH_PIXELS = 28
# Pixels of the long side, and tokens: models up to 4.6, and those since.
_ANTHROPIC_OLD, _ANTHROPIC_NEW = (1568, 1568), (2576, 4784)
_ANTHROPIC_OLD_MODELS = (
    "claude-3",
    "claude-haiku-4",
    "claude-sonnet-4",
    "claude-opus-4-0",
    "claude-opus-4-1",
    "claude-opus-4-2025",
    "claude-opus-4-5",
    "claude-opus-4-6",
)

# The finest squares in use are 14 pixels wide; models with a fixed grid take up to 2,880 tokens for any image,
# those that follow the image's size up to 16,384.
_COMPATIBLE_PATCH_PIXELS = 14
_COMPATIBLE_LEAST, _COMPATIBLE_MOST = 3_000, 16_384


@dataclass(frozen=True)
class _Tiles:
    """A base, and a price for each square of 512 pixels after the image was fitted."""

    base: int
    tile: int

    def count(self, size: ImageSize | None, detail: str) -> int:
        if detail == "low":
            return self.base
        width, height = size or (_TILES_LONG_SIDE, _TILES_SHORT_SIDE)
        scale = min(1.0, _TILES_LONG_SIDE / max(width, height))
        scale *= min(1.0, _TILES_SHORT_SIDE / (min(width, height) * scale))
        across, down = (ceil(round(side * scale, 6) / _TILE_PIXELS) for side in (width, height))
        return self.base + self.tile * across * down


@dataclass(frozen=True)
class _Patches:
    """Squares of 32 pixels times a factor; an image with more than the budget is made smaller."""

    factor: float
    high: int = 1536
    original: int = 1536

    def count(self, size: ImageSize | None, detail: str) -> int:
        budget = self.high if detail in {"low", "high"} else self.original
        return ceil(round(_count_patches(size or _UNREADABLE, budget) * self.factor, 6))


# The longest name that a model's begins with decides. Factors of 5.2 to 5.4 are not published; 1.2 was measured on 5.5
# and 6. 5.1 is not documented apart from 5, so the larger of both formulas is taken (_DOUBTFUL).
_OPENAI_FORMULAS: dict[str, _Tiles | _Patches] = {
    "gpt-4o": _Tiles(85, 170),
    "gpt-4o-mini": _Tiles(2833, 5667),
    "gpt-4-turbo": _Tiles(85, 170),
    "gpt-4.1": _Tiles(85, 170),
    "gpt-4.1-mini": _Patches(1.62),
    "gpt-4.1-nano": _Patches(2.46),
    "o1": _Tiles(75, 150),
    "o3": _Tiles(75, 150),
    "o4-mini": _Patches(1.72),
    "gpt-5": _Tiles(70, 140),
    "gpt-5-mini": _Patches(1.62),
    "gpt-5-nano": _Patches(2.46),
    "gpt-5.2": _Patches(1.2),
    "gpt-5.4": _Patches(1.2, high=2500, original=10_000),
    "gpt-5.4-mini": _Patches(1.62),
    "gpt-5.4-nano": _Patches(2.46),
    "gpt-5.5": _Patches(1.2, high=2500, original=10_000),
    "gpt-5.6": _Patches(1.2, high=2500, original=_UNCAPPED),
    "gpt-6": _Patches(1.2, high=2500, original=_UNCAPPED),
}
_DOUBTFUL = (_Tiles(85, 170), _Patches(2.46, high=2500, original=_UNCAPPED))


def estimate_image_tokens(data: bytes, *, model: str, kind: ProviderKind, detail: str = "auto") -> int:
    """Return an upper bound of the input tokens of one image file, of which the first bytes are enough.

    ``detail`` is OpenAI's: low, high, original or auto, which may mean any of them.
    """
    size = read_image_size(data)
    if kind == "openai":
        return max(formula.count(size, detail) for formula in _find_formulas(model))
    return _count_anthropic(size, model) if kind == "anthropic" else _bound_compatible(size)


def bound_image_tokens(*, model: str, kind: ProviderKind, detail: str = "auto") -> int:
    """Return what no image exceeds that the provider accepts, without looking at one."""
    return estimate_image_tokens(b"", model=model, kind=kind, detail=detail)


def _find_formulas(model: str) -> tuple[_Tiles | _Patches, ...]:
    name = model.split(":")[1] if model.startswith("ft:") else model
    known = [start for start in _OPENAI_FORMULAS if name == start or name.startswith(f"{start}-")]
    return (_OPENAI_FORMULAS[max(known, key=len)],) if known else _DOUBTFUL


def _count_patches(size: ImageSize, budget: int) -> int:
    """Return the squares of an image, made smaller as OpenAI describes where they are more than the budget."""
    width, height = size
    patches = ceil(width / _PATCH_PIXELS) * ceil(height / _PATCH_PIXELS)
    if patches <= budget:
        return patches
    scale = sqrt(_PATCH_PIXELS**2 * budget / (width * height))
    across, down = width * scale / _PATCH_PIXELS, height * scale / _PATCH_PIXELS
    if across < 1 or down < 1:  # a strip narrower than one square; the description does not say
        return budget
    scale *= min(floor(across) / across, floor(down) / down)
    across, down = (ceil(round(side * scale / _PATCH_PIXELS, 6)) for side in size)
    return min(across * down, budget)


def _count_anthropic(size: ImageSize | None, model: str) -> int:
    """Return the squares of the image as it is after fitting its long side; the token limit bounds the rest."""
    longest, most = _ANTHROPIC_OLD if model.startswith(_ANTHROPIC_OLD_MODELS) else _ANTHROPIC_NEW
    if size is None:
        return most
    scale = min(1.0, longest / max(size))
    across, down = (ceil(ceil(side * scale) / _ANTHROPIC_PATCH_PIXELS) for side in size)
    return min(across * down, most)


def _bound_compatible(size: ImageSize | None) -> int:
    if size is None:
        return _COMPATIBLE_MOST
    across, down = (ceil(side / _COMPATIBLE_PATCH_PIXELS) for side in size)
    return min(max((across + 1) * down, _COMPATIBLE_LEAST), _COMPATIBLE_MOST)
