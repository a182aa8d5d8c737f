"""The sample CVs of the demo: who sends which file to which job, and how that must end.

Most files are committed in docs/samples; the two big ones are written when they are asked for.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Job = Literal["backend-engineer", "product-designer", "support-lead"]

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "samples"
SCREENED = "screened"
LARGE_BYTES = 30_000_000
BOMB_BYTES = 300_000_000
CHUNK_BYTES = 1_000_000


@dataclass(frozen=True)
class Sample:
    """One application of the demo.

    `expected` is "screened", "refused_at_upload:<code>" (no application is made) or "extraction_failed:<code>"
    (the application is kept and says why); the codes are those of `applications.extraction`.
    """

    file_name: str
    job: Job
    candidate_name: str
    candidate_email: str
    expected: str = SCREENED


def open_sample(sample: Sample, scratch_dir: Path) -> Path:
    """Return the path of the sample's file; one that is not committed is written into `scratch_dir` first."""
    committed = FOLDER / sample.file_name
    if committed.exists():
        return committed
    path = scratch_dir / sample.file_name
    if not path.exists():
        GENERATED[sample.file_name](path)
    return path


def _write_large_pdf(path: Path) -> None:
    """Write a readable PDF with 30 MB of zero bytes behind its end."""
    shutil.copyfile(FOLDER / "oliver-kent.pdf", path)
    with path.open("r+b") as file:
        file.truncate(LARGE_BYTES)


def _write_zip_bomb(path: Path) -> None:
    """Write a DOCX of 300 kB whose document unpacks to 300 MB."""
    spaces = b" " * CHUNK_BYTES
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("[Content_Types].xml", "word/document.xml"):
            entry = zipfile.ZipInfo(name)  # its fixed date keeps the bytes the same on every run
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w") as part:
                for _ in range(BOMB_BYTES // CHUNK_BYTES if name.startswith("word/") else 1):
                    part.write(spaces)


GENERATED: dict[str, Callable[[Path], None]] = {
    "hostile-30-mb.pdf": _write_large_pdf,
    "hostile-zip-bomb.docx": _write_zip_bomb,
}

SAMPLES: tuple[Sample, ...] = (
    Sample("amara-okafor-two-columns.pdf", "backend-engineer", "Amara Okafor", "amara.okafor@example.com"),
    Sample("lukas-brandt.pdf", "backend-engineer", "Lukas Brandt", "lukas.brandt@example.org"),
    Sample("elena-vasquez.docx", "backend-engineer", "Elena Vásquez Ibáñez", "elena.vasquez@example.com"),
    Sample("kenji-tanaka.pdf", "backend-engineer", "田中 健二", "kenji.tanaka@example.com"),
    Sample("li-wei.docx", "backend-engineer", "李伟", "li.wei@example.org"),
    Sample("tomasz-zielinski-tables.docx", "backend-engineer", "Tomasz Zieliński", "tomasz.zielinski@example.com"),
    Sample("CV Grace Mbeki (final).txt", "backend-engineer", "Grace Mbeki", "grace.mbeki@example.org"),
    Sample("helena-lindqvist-8-pages.pdf", "backend-engineer", "Helena Lindqvist", "helena.lindqvist@example.org"),
    Sample("sam-reed-one-paragraph.txt", "backend-engineer", "Sam Reed", "sam.reed@example.com"),
    Sample("dmitri-volkov-hidden-text.pdf", "backend-engineer", "Dmitri Volkov", "dmitri.volkov@example.com"),
    Sample("ines-moreau-two-columns.pdf", "product-designer", "Inès Moreau", "ines.moreau@example.com"),
    Sample("noor-hassan-table-columns.docx", "product-designer", "Noor Hassan", "noor.hassan@example.org"),
    Sample("zhang-min-gb18030.txt", "product-designer", "张敏", "zhang.min@example.com"),
    Sample("oliver-kent.pdf", "product-designer", "Oliver Kent", "oliver.kent@example.com"),
    Sample("jonas-weber-windows-1252.txt", "support-lead", "Jonas Weber", "jonas.weber@example.org"),
    Sample("marta-kowalska.txt", "support-lead", "Marta Kowalska", "marta.kowalska@example.com"),
    Sample("camille-durand-header.docx", "support-lead", "Camille Durand", "camille.durand@example.org"),
    Sample("priya-raman-printed.pdf", "support-lead", "Priya Raman", "priya.raman@example.com"),
    Sample("yuki-sato-utf-16.txt", "support-lead", "佐藤 由紀", "yuki.sato@example.com"),
    Sample("fiona-blake-hidden-text.docx", "support-lead", "Fiona Blake", "fiona.blake@example.org"),
    Sample(
        "hostile-image-only.pdf",
        "product-designer",
        "Nadia Orlov",
        "nadia.orlov@example.com",
        "extraction_failed:no_text",
    ),
    Sample(
        "hostile-encrypted.pdf",
        "backend-engineer",
        "Paul Fischer",
        "paul.fischer@example.org",
        "extraction_failed:encrypted",
    ),
    Sample(
        "hostile-truncated.pdf",
        "backend-engineer",
        "Rosa Lima",
        "rosa.lima@example.com",
        "extraction_failed:corrupt",
    ),
    Sample(
        "hostile-text-named.pdf",
        "support-lead",
        "Ben Archer",
        "ben.archer@example.org",
        "refused_at_upload:unsupported_type",
    ),
    Sample(
        "hostile-30-mb.pdf",
        "product-designer",
        "Vera Holt",
        "vera.holt@example.com",
        "refused_at_upload:too_large",
    ),
    Sample(
        "hostile-zip-bomb.docx",
        "backend-engineer",
        "Ivo Kos",
        "ivo.kos@example.org",
        "extraction_failed:zip_bomb",
    ),
)
