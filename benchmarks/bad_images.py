"""What `morpholoop quantify` says to 200 generated files that are no usable micrographs.

Usage: python -m benchmarks.bad_images [--number 200] [--list]

Each file must be refused with one sentence and status 2, without a traceback, within 2 GiB. Every file is
measured in a process of its own; told are the kinds, their sentences, and the most memory and time taken.
"""

import argparse
import contextlib
import io
import multiprocessing
import resource
import struct
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from benchmarks.compared.asked import Asked

LIMIT_MIB = 2048
Rng = np.random.Generator
Maker = Callable[[Path, Rng], Path]


def noise(rng: Rng, shape: tuple[int, ...] = (240, 320)) -> NDArray[np.uint8]:
    return rng.integers(0, 256, shape, dtype=np.uint8)


def particles(rng: Rng) -> NDArray[np.float64]:
    """A field that would be fine, in [0, 1]."""
    y, x = np.mgrid[:240, :320]
    image = np.full(y.shape, 0.15)
    for _ in range(12):
        cx, cy, radius = rng.uniform(20, 300), rng.uniform(20, 220), rng.uniform(12, 22)
        image = np.maximum(image, 0.6 * (np.hypot(x - cx, y - cy) < radius))
    return np.asarray(ndimage.gaussian_filter(image, 0.8) + rng.normal(0, 0.01, image.shape))


def eight_bits(image: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.asarray(np.clip(image * 255, 0, 255), np.uint8)


def array(make: Callable[[Rng], NDArray[np.generic]], suffix: str = ".tif") -> Maker:
    """A maker of files that hold an array."""

    def write(path: Path, rng: Rng) -> Path:
        path = path.with_suffix(suffix)
        if suffix == ".tif":
            tifffile.imwrite(path, make(rng), photometric="minisblack")
        else:
            Image.fromarray(make(rng)).save(path)
        return path

    return write


def raw(make: Callable[[Rng], bytes], suffix: str = ".tif") -> Maker:
    """A maker of files that hold bytes."""

    def write(path: Path, rng: Rng) -> Path:
        path = path.with_suffix(suffix)
        path.write_bytes(make(rng))
        return path

    return write


def header(bits: int, strip: int, compression: int = 1) -> Callable[[Rng], bytes]:
    """The header of a TIFF of 20,000 × 20,000 px, with ``strip`` bytes claimed for its one strip."""

    def make(rng: Rng) -> bytes:
        side = int(rng.integers(20_000, 60_000))
        entries = [
            (256, 4, side), (257, 4, side), (258, 3, bits), (259, 3, compression), (262, 3, 1),
            (273, 4, 200), (277, 3, 1), (278, 4, side), (279, 4, strip),
        ]  # fmt: skip
        body = struct.pack("<H", len(entries))
        for tag, kind, value in entries:
            body += struct.pack("<HHII", tag, kind, 1, value)
        return (b"II*\0" + struct.pack("<I", 8) + body + struct.pack("<I", 0)).ljust(220, b"\0")

    return make


def png_header(rng: Rng) -> bytes:
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def cut(suffix: str) -> Callable[[Rng], bytes]:
    def make(rng: Rng) -> bytes:
        content = io.BytesIO()
        if suffix == ".tif":
            tifffile.imwrite(content, noise(rng), compression=str(rng.choice(["none", "zlib", "lzw"])))
        else:
            Image.fromarray(noise(rng)).save(content, {"png": "PNG", "jpg": "JPEG"}[suffix[1:]])
        whole = content.getvalue()
        return whole[: int(len(whole) * rng.uniform(0.05, 0.9))]

    return make


def scrambled(rng: Rng) -> bytes:
    """A TIFF with bytes of its directory overwritten, so that no sound pixels are left."""
    content = io.BytesIO()
    tifffile.imwrite(content, noise(rng, (64, 64)))
    whole = bytearray(content.getvalue())
    whole[4:8] = rng.bytes(4)
    return bytes(whole)


def with_holes(rng: Rng) -> NDArray[np.float32]:
    image = particles(rng).astype(np.float32)
    image[rng.integers(240), rng.integers(320)] = rng.choice([np.nan, np.inf, -np.inf])
    return image


def channels(path: Path, rng: Rng) -> Path:
    path = path.with_suffix(".ome.tif")
    tifffile.imwrite(path, noise(rng, (5, 240, 320)), metadata={"axes": "CYX"}, photometric="minisblack")
    return path


def samples(path: Path, rng: Rng) -> Path:
    path = path.with_suffix(".tif")
    tifffile.imwrite(path, noise(rng, (240, 320, 5)), photometric="minisblack", planarconfig="contig")
    return path


def huge(path: Path, rng: Rng) -> Path:
    """A whole image of more pixels than fit into memory, small on the disk."""
    path = path.with_suffix(".tif")
    side = int(rng.integers(9_000, 12_000))
    tifffile.imwrite(
        path, shape=(side, side), dtype=np.uint8, data=_rows(side), compression="zlib", rowsperstrip=256
    )
    return path


def large_blank(path: Path, rng: Rng) -> Path:
    """One colour, as large as is allowed."""
    path = path.with_suffix(".tif")
    tifffile.imwrite(path, np.full((6144, 8192), rng.integers(256), np.uint8), compression="zlib")
    return path


def _rows(side: int):  # type: ignore[no-untyped-def]
    import zlib

    for top in range(0, side, 256):
        yield zlib.compress(bytes(min(256, side - top) * side))


KINDS: dict[str, Maker] = {
    "empty file": raw(lambda rng: b""),
    "text": raw(lambda rng: b"time,pH\n" * int(rng.integers(1, 400))),
    "text named .png": raw(lambda rng: b"not a picture " * 20, ".png"),
    "random bytes": raw(lambda rng: rng.bytes(int(rng.integers(10, 5000)))),
    "random bytes named .jpg": raw(lambda rng: rng.bytes(int(rng.integers(10, 5000))), ".jpg"),
    "not-a-number": array(lambda rng: np.full((64, 64), np.nan, np.float32)),
    "one pixel not finite": array(with_holes),
    "one colour": array(lambda rng: np.full((200, 300), rng.integers(256), np.uint8)),
    "one colour, 16 bits": array(lambda rng: np.full((200, 300), rng.integers(65536), np.uint16)),
    "one colour, PNG": array(lambda rng: np.full((200, 300), rng.integers(256), np.uint8), ".png"),
    "one pixel": array(lambda rng: noise(rng, (1, 1))),
    "one pixel, PNG": array(lambda rng: noise(rng, (1, 1)), ".png"),
    "one row": array(lambda rng: noise(rng, (1, int(rng.integers(20, 2000))))),
    "header of 20k × 20k, no data": raw(header(8, 400_000_000)),
    "header of 20k × 20k, a few bytes": raw(header(8, 20)),
    "header of 20k × 20k, doubles": raw(header(64, 20)),
    "header of 20k × 20k, deflated": raw(header(8, 20, 8)),
    "header of 20k × 20k, PNG": raw(png_header, ".png"),
    "huge": huge,
    "one colour, as large as allowed": large_blank,
    "five channels": channels,
    "five samples a pixel": samples,
    "complex": array(lambda rng: (particles(rng) + 1j * particles(rng)).astype(np.complex64)),
    "cut off": raw(cut(".tif")),
    "cut off, PNG": raw(cut(".png"), ".png"),
    "directory lost": raw(scrambled),
    "black": array(lambda rng: eight_bits(0.01 + 0.004 * rng.standard_normal((240, 320)))),
    "saturated": array(lambda rng: eight_bits(2.2 * particles(rng) + 0.7)),
    "out of focus": array(
        lambda rng: eight_bits(
            ndimage.gaussian_filter(particles(rng), rng.uniform(9, 14)) + rng.normal(0, 0.01, (240, 320))
        )
    ),
}


@dataclass(frozen=True)
class Answer:
    status: int
    out: str
    err: str
    peak_mib: float
    seconds: float


def asked(path: Path, queue: "multiprocessing.Queue[Answer]") -> None:
    from cli.main import run

    out, err = io.StringIO(), io.StringIO()
    began, status = time.perf_counter(), -1
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            run(["quantify", str(path), "--pixel-size-um", "0.1", "--json"])
        except SystemExit as end:
            status = int(end.code or 0)
        except BaseException as error:  # whatever gets out is what is looked for
            print(f"Traceback: {error!r}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    queue.put(Answer(status, out.getvalue(), err.getvalue(), peak, time.perf_counter() - began))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--number", type=int, default=200, help="files (default 200)")
    parser.add_argument("--list", action="store_true", help="one sentence of each kind")
    options = parser.parse_args()
    import cli.quantification  # noqa: F401 - once, not in every process

    context = multiprocessing.get_context("fork")
    failed, most, slowest, shown = [], 0.0, 0.0, set()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(options.number):
            kind = list(KINDS)[number % len(KINDS)]
            path = KINDS[kind](Path(folder) / f"{number:03d}", np.random.default_rng([41, number]))
            queue: multiprocessing.Queue[Answer] = context.Queue()
            process = context.Process(target=asked, args=(path, queue))
            process.start()
            answer = queue.get(timeout=120)
            process.join()
            path.unlink()
            most, slowest = max(most, answer.peak_mib), max(slowest, answer.seconds)
            good = (
                answer.status == 2
                and not answer.out
                and answer.err.count("\n") == 1
                and "Traceback" not in answer.err
                and answer.peak_mib < LIMIT_MIB
            )
            if not good:
                failed.append(
                    f"{kind}: status {answer.status}, {answer.peak_mib:.0f} MiB, {answer.err or answer.out}"
                )
            if options.list and kind not in shown:
                print(f"{kind}: {answer.err.strip().replace(str(path), path.name)}")
            shown.add(kind)
    print(
        f"{options.number - len(failed)} of {options.number} files of {len(shown)} kinds refused with one "
        f"sentence and status 2; at most {most:.0f} MiB and {slowest:.1f} s"
    )
    for line in failed:
        print(f"NOT: {line}")
    wanted = Asked("bad_images")
    wanted.least("share refused in one sentence, status 2", 1 - len(failed) / options.number, 1.0)
    wanted.most("memory of the hungriest", most, LIMIT_MIB, "MiB")
    wanted.end()


if __name__ == "__main__":
    main()
