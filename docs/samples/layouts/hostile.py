"""Files that a careless reader would choke on, or be fooled by."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw
from reportlab.lib.colors import white
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from layouts import pdf
from layouts.person import Person
from layouts.text import plain_text

WIDTH, HEIGHT = A4


def image_only(person: Person, path: Path) -> None:
    """Draw the CV as one picture without any text, as a scanner does."""
    picture = Image.new("1", (int(WIDTH), int(HEIGHT)), 1)
    ImageDraw.Draw(picture).multiline_text((40, 40), plain_text(person, width=78), fill=0)
    canvas = Canvas(str(path), pagesize=A4, invariant=1)
    canvas.drawImage(ImageReader(picture), 0, 0, WIDTH, HEIGHT)
    canvas.save()


def encrypted(person: Person, path: Path, *, password: str) -> None:
    """Draw a CV that asks for a password when it is opened."""
    canvas = Canvas(str(path), pagesize=A4, invariant=1, encrypt=StandardEncryption(password, strength=128))
    canvas.drawString(72, HEIGHT - 72, person.name)
    canvas.save()


def truncated(person: Person, path: Path) -> None:
    """Write the first 60 % of a PDF, as a broken upload does."""
    pdf.single_column(person, path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])


def hidden_text(person: Person, path: Path, *, hidden: str) -> None:
    """Draw a CV with `hidden` in it four times: white, invisible, tiny, and outside the page."""
    canvas = Canvas(str(path), pagesize=A4, invariant=1)
    canvas.setTitle(person.name)
    y = HEIGHT - 72
    for line in plain_text(person, width=80).split("\n"):
        canvas.drawString(72, y, line)
        y -= 15
    canvas.setFillColor(white)
    canvas.drawString(72, y, hidden)
    canvas.setFillGray(0)
    canvas.drawString(72, y - 15, hidden, mode=3)
    canvas.setFont("Helvetica", 0.8)
    canvas.drawString(72, y - 30, hidden)
    canvas.setFont("Helvetica", 12)
    canvas.drawString(72, -40, hidden)
    canvas.save()
