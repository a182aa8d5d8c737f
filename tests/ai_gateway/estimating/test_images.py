from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ai_gateway.estimating import bound_image_tokens, estimate_image_tokens
from ai_gateway.estimating.image_size import read_image_size

KINDS = ["openai", "anthropic", "compatible"]
MODELS = ["gpt-4o", "gpt-4o-mini", "gpt-5", "gpt-5-nano", "gpt-5.4", "gpt-6-astra", "claude-opus-5-5", "claude-3-haiku"]


def png(width: int, height: int) -> bytes:
    """The header is all that is read."""
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big")


def openai(width, height, model, **detail) -> int:
    return estimate_image_tokens(png(width, height), model=model, kind="openai", **detail)


@pytest.mark.parametrize("format_name", ["PNG", "JPEG", "GIF", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA"])
@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"progressive": True, "quality": 30}])
def test_the_size_is_read_from_a_real_file(format_name, mode, options):
    file = BytesIO()
    if format_name == "JPEG" and mode in {"P", "RGBA"}:
        mode = "CMYK"
    Image.new(mode, (321, 87)).save(file, format_name, **options)
    assert read_image_size(file.getvalue()) == (321, 87)


def test_the_size_of_a_photo_with_a_thumbnail_is_its_own():
    file = BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "a" * 40_000
    Image.new("RGB", (640, 480)).save(file, "JPEG", exif=exif)
    assert read_image_size(file.getvalue()) == (640, 480)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\xff", b"RIFF", b"GIF89a\x01", b"<svg/>", png(0, 5)],
)
def test_a_broken_header_has_no_size(data):
    assert read_image_size(data) is None


@given(
    st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8 ", b"RIFF\0\0\0\0WEBPVP8X"]),
    st.binary(max_size=80),
)
def test_no_header_breaks_the_estimate(start, rest):
    for kind in KINDS:
        assert estimate_image_tokens(start + rest, model="m", kind=kind) > 0


@pytest.mark.parametrize(
    ("model", "tokens"), [("gpt-4o", 765), ("gpt-4.1", 765), ("gpt-5", 630), ("o1", 675), ("gpt-4o-mini", 25_501)]
)
def test_tiles_as_published(model, tokens):
    assert openai(1024, 1024, model) == tokens


def test_a_large_image_is_fitted_before_it_is_cut_into_tiles():
    assert openai(2048, 4096, "gpt-4o") == 85 + 170 * 6
    assert openai(512, 512, "gpt-4o") == 85 + 170
    assert openai(4096, 8192, "gpt-4o", detail="low") == 85


def test_patches_as_published():
    assert openai(1024, 1024, "gpt-4.1-mini") == -(-1024 * 162 // 100)
    assert openai(1920, 1080, "gpt-5.5") == 2448
    assert openai(4032, 3024, "gpt-6-astra") == 14_364
    assert openai(1800, 2400, "o4-mini") == -(-1452 * 172 // 100)  # the example of the documentation: 33 by 44


def test_detail_bounds_the_patches():
    assert openai(4032, 3024, "gpt-6-astra", detail="high") <= 3_000
    assert openai(4032, 3024, "gpt-5.5", detail="original") <= 12_000
    assert openai(9000, 9000, "gpt-5.6-sol", detail="original") > 90_000


@pytest.mark.parametrize(
    ("size", "model", "tokens"),
    [
        ((1000, 1000), "claude-sonnet-4-5", 1296),
        ((1920, 1080), "claude-opus-5-5", 2691),
        ((1920, 1080), "claude-sonnet-4-5", 1568),
        ((3840, 2160), "claude-opus-4-7", 4784),
        ((3840, 2160), "claude-something-new", 4784),
        ((10_000, 100), "claude-sonnet-4-5", 56),
    ],
)
def test_anthropics_squares(size, model, tokens):
    assert estimate_image_tokens(png(*size), model=model, kind="anthropic") == tokens


def test_an_unknown_openai_model_is_bounded_by_every_formula_known():
    for width, height in ((1, 1), (500, 500), (4000, 3000)):
        known = [openai(width, height, model) for model in ("gpt-4o", "gpt-5-nano", "gpt-6-astra")]
        assert openai(width, height, "gpt-9") >= max(known)


def test_a_fine_tuned_model_counts_as_its_base():
    assert openai(1024, 1024, "ft:gpt-4o-2024-08-06:acme::x1") == 765


@given(
    width=st.integers(1, 8192), height=st.integers(1, 8192), model=st.sampled_from(MODELS), kind=st.sampled_from(KINDS)
)
def test_no_image_exceeds_the_bound_for_those_that_cannot_be_read(width, height, model, kind):
    for detail in ("auto", "low", "high", "original"):
        bound = bound_image_tokens(model=model, kind=kind, detail=detail)
        assert 0 < estimate_image_tokens(png(width, height), model=model, kind=kind, detail=detail) <= bound
