import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from models.errors import UnusableInput
from models.micrographs import find_images, read


def noise(shape=(96, 128), top=255, kind=np.uint8):
    return (np.random.default_rng(0).random(shape) * top).astype(kind)


@pytest.mark.parametrize(("kind", "top"), [(np.uint8, 255), (np.uint16, 65535)])
@pytest.mark.parametrize("colours", [0, 3, 4])
def test_tiff_of_any_depth_and_colour_is_grey_between_0_and_1(tmp_path, kind, top, colours):
    grey = noise(top=top, kind=kind)
    stored = np.repeat(grey[..., None], colours, axis=2) if colours else grey
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb" if colours else "minisblack")
    (micrograph,) = read(tmp_path / "a.tif", pixel_size_um=0.1)
    assert micrograph.pixels.dtype == np.float32
    np.testing.assert_allclose(micrograph.pixels, grey / top, atol=1e-6)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_pictures_with_their_resolution(tmp_path, name):
    Image.fromarray(noise()).save(tmp_path / name, dpi=(50800, 50800))
    (micrograph,) = read(tmp_path / name)
    assert micrograph.pixel_size_um == pytest.approx(0.5, rel=1e-3)
    assert micrograph.pixels.shape == (96, 128)


def test_sixteen_bit_png(tmp_path):
    grey = noise(top=65535, kind=np.uint16)
    Image.fromarray(grey).save(tmp_path / "a.png")
    (micrograph,) = read(tmp_path / "a.png", pixel_size_um=1.0)
    np.testing.assert_allclose(micrograph.pixels, grey / 65535, atol=1e-6)


def test_pages_and_ome_pixel_size(tmp_path):
    path = tmp_path / "a.ome.tif"
    metadata = {"axes": "ZYX", "PhysicalSizeX": 25.0, "PhysicalSizeXUnit": "nm"}
    tifffile.imwrite(path, noise((3, 96, 128)), metadata=metadata, photometric="minisblack")
    pages = read(path)
    assert [page.pixel_size_um for page in pages] == [0.025] * 3
    assert (pages[0].pixels != pages[1].pixels).any()


@pytest.mark.parametrize(("unit", "expected"), [("CENTIMETER", 0.05), ("INCH", 0.127)])
def test_resolution_tags(tmp_path, unit, expected):
    tifffile.imwrite(tmp_path / "a.tif", noise(), resolution=(200_000, 200_000), resolutionunit=unit)
    assert read(tmp_path / "a.tif")[0].pixel_size_um == pytest.approx(expected)


def test_imagej_unit(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", noise(), imagej=True, resolution=(8, 8), metadata={"unit": "um"})
    assert read(tmp_path / "a.tif")[0].pixel_size_um == pytest.approx(0.125)


def test_fei_and_zeiss_tags(tmp_path):
    fei = b"[Scan]\r\nPixelWidth=3.3e-008\r\nPixelHeight=3.3e-008\r\n"
    tifffile.imwrite(tmp_path / "fei.tif", noise(), extratags=[(34682, "s", 0, fei, True)])
    assert read(tmp_path / "fei.tif")[0].pixel_size_um == pytest.approx(0.033)
    zeiss = "\r\n".join(["AP_IMAGE_PIXEL_SIZE", "Image Pixel Size = 33.07 nm", "AP_MAG", "Mag = 3.00 K X"])
    tifffile.imwrite(tmp_path / "zeiss.tif", noise(), extratags=[(34118, "s", 0, zeiss.encode(), True)])
    micrograph = read(tmp_path / "zeiss.tif")[0]
    assert micrograph.pixel_size_um == pytest.approx(0.03307)
    assert micrograph.magnification == pytest.approx(3000)


def test_older_fei_and_zeiss_headers(tmp_path):
    fei = b"[EBeam]\r\nHFW=4.224e-006\r\n[Image]\r\nResolutionX=128\r\n"
    tifffile.imwrite(tmp_path / "fei.tif", noise(), extratags=[(34680, "s", 0, fei, True)])
    assert read(tmp_path / "fei.tif")[0].pixel_size_um == pytest.approx(0.033)
    # Numbers without names come first; the fourth is the pixel size of an image 1024 px wide.
    zeiss = b"0\r\n0\r\n0\r\n3.5e-008\r\n1.0e+004\r\n"
    tifffile.imwrite(tmp_path / "zeiss.tif", noise((768, 512)), extratags=[(34118, "s", 0, zeiss, True)])
    assert read(tmp_path / "zeiss.tif")[0].pixel_size_um == pytest.approx(0.07)


def test_tescan_header_in_the_file_and_beside_it(tmp_path):
    told = b"[MAIN]\r\nMagnification=3000\r\nPixelSizeX=3.3e-08\r\nPixelSizeY=3.3e-08\r\n[SEM]\r\nHV=5000\r\n"
    header = b"\xff\xd8\x00\r" + told
    tifffile.imwrite(tmp_path / "in.tif", noise(), extratags=[(50431, "B", len(header), header, True)])
    Image.fromarray(noise()).save(tmp_path / "by.png")
    (tmp_path / "by-png.hdr").write_bytes(told)
    for name in ("in.tif", "by.png"):
        (micrograph,) = read(tmp_path / name)
        assert micrograph.pixel_size_um == pytest.approx(0.033)
        assert micrograph.magnification == 3000


def test_twelve_bits_in_sixteen_use_the_whole_range(tmp_path):
    grey = noise(top=4095, kind=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", grey)
    np.testing.assert_allclose(read(tmp_path / "a.tif", 1.0)[0].pixels, grey / 4095, atol=1e-6)


def test_signed_and_wide_integers_are_scaled_like_floats(tmp_path):
    grey = noise(top=1000, kind=np.int16) - np.int16(500)
    tifffile.imwrite(tmp_path / "a.tif", grey)
    pixels = read(tmp_path / "a.tif", 1.0)[0].pixels
    assert (pixels.min(), pixels.max()) == (0.0, 1.0)


def test_a_bar_higher_than_the_image_is_not_believed(tmp_path):
    told = json.dumps({"pixel_size_um": 0.033, "information_bar_rows": 96})
    tifffile.imwrite(tmp_path / "a.tif", noise(), description=told, metadata=None)
    assert read(tmp_path / "a.tif")[0].pixels.shape == (96, 128)


def test_side_car_files(tmp_path):
    for name in ("jeol.tif", "hitachi.tif"):
        tifffile.imwrite(tmp_path / name, noise())
    jeol = "$CM_MAG 3000\n$CM_FULL_SIZE 256 192\n$$SM_MICRON_BAR 100\n$$SM_MICRON_MARKER 5um\n"
    (tmp_path / "jeol.txt").write_text(jeol)
    (tmp_path / "hitachi.txt").write_text(
        "[SemImageFile]\nMagnification=5000\nPixelSize=19.84\nDataSize=128x96\n", encoding="utf-16"
    )
    (micrograph,) = read(tmp_path / "jeol.tif")
    # The scan of 256 px was stored at half its width.
    assert micrograph.pixel_size_um == pytest.approx(0.1)
    assert micrograph.magnification == 3000
    assert read(tmp_path / "hitachi.tif")[0].pixel_size_um == pytest.approx(0.01984)


def test_the_laboratorys_own_provenance(tmp_path):
    told = json.dumps({"pixel_size_um": 0.033, "magnification": 3000, "information_bar_rows": 16})
    tifffile.imwrite(tmp_path / "a.tif", noise(), description=told, metadata=None)
    (micrograph,) = read(tmp_path / "a.tif")
    assert (micrograph.pixel_size_um, micrograph.magnification) == (0.033, 3000)
    assert micrograph.pixels.shape == (80, 128)


def test_an_argument_overrides_the_file(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", noise(), resolution=(200_000, 200_000), resolutionunit="CENTIMETER")
    assert read(tmp_path / "a.tif", pixel_size_um=0.2)[0].pixel_size_um == 0.2


def test_print_resolution_is_no_pixel_size(tmp_path):
    Image.fromarray(noise()).save(tmp_path / "a.png", dpi=(300, 300))
    with pytest.raises(UnusableInput, match="pixel size"):
        read(tmp_path / "a.png")


def unusable(folder, case):
    path = folder / f"{case}.tif"
    if case == "empty":
        path.write_bytes(b"")
    elif case == "text":
        path.write_text("not an image")
    elif case == "nan":
        tifffile.imwrite(path, np.full((64, 64), np.nan, np.float32))
    elif case == "tiny":
        tifffile.imwrite(path, np.zeros((4, 4), np.uint8))
    elif case in ("truncated", "compressed"):
        compression = "zlib" if case == "compressed" else None
        tifffile.imwrite(path, noise((200, 200)), compression=compression)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif case == "header":
        # The header of a field of 20,000 × 20,000 px whose data never came.
        tifffile.imwrite(path, noise((200, 200)))
        with tifffile.TiffFile(path, mode="r+") as tiff:
            for tag in ("ImageWidth", "ImageLength"):
                tiff.pages.first.tags[tag].overwrite(20_000)
    elif case == "channels":
        tifffile.imwrite(
            path, noise((5, 64, 64)), ome=True, metadata={"axes": "CYX"}, photometric="minisblack"
        )
    elif case == "samples":
        tifffile.imwrite(path, noise((64, 64, 5)), photometric="minisblack", planarconfig="contig")
    elif case == "complex":
        tifffile.imwrite(path, noise((64, 64)).astype(np.complex64))
    elif case == "wide":
        path = folder / "wide.png"
        Image.new("1", (20_000, 20_000)).save(path)
    elif case == "png":
        path = folder / "cut.png"
        Image.fromarray(noise((200, 200))).save(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("missing", "cannot be read"),
        ("empty", "0 bytes"),
        ("text", "damaged"),
        ("nan", "NaN"),
        ("tiny", "16 px"),
        ("header", "20000 × 20000 px"),
        ("channels", "5 channels"),
        ("samples", "(64, 64, 5)"),
        ("complex", "complex64"),
        ("wide", "20000 × 20000 px"),
        ("truncated", "cut off"),
        ("compressed", "cut off"),
        ("png", "cut off"),
    ],
)
def test_unusable_files_are_told_in_one_sentence(tmp_path, case, words):
    path = unusable(tmp_path, case)
    with pytest.raises(UnusableInput) as caught:
        read(path, pixel_size_um=1.0)
    message = str(caught.value)
    assert words in message
    assert path.name in message
    assert "\n" not in message


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan")])
def test_a_pixel_size_must_be_positive(tmp_path, size):
    tifffile.imwrite(tmp_path / "a.tif", noise())
    with pytest.raises(UnusableInput, match="positive"):
        read(tmp_path / "a.tif", pixel_size_um=size)


def test_a_folder_means_the_images_in_it(tmp_path):
    for name in ("b.tif", "a.TIFF", "notes.txt", ".hidden.tif"):
        tifffile.imwrite(tmp_path / name, noise())
    assert [path.name for path in find_images([tmp_path])] == ["a.TIFF", "b.tif"]


def test_paths_without_images_are_told(tmp_path):
    with pytest.raises(UnusableInput, match="holds no images"):
        find_images([tmp_path])
    with pytest.raises(UnusableInput, match="no file"):
        find_images([tmp_path / "a.tif"])
    (tmp_path / "a.csv").write_text("1,2")
    with pytest.raises(UnusableInput, match="not an image"):
        find_images([tmp_path / "a.csv"])
