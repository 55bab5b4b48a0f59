import pytest

from campaigns.specification import Campaign, load

VIEW = "{magnification: 3000, descriptors: [d50_um]}"


def view(words: str) -> str:
    return f"{{magnification: 3000, descriptors: [d50_um], {words}}}"


def test_a_segmenter_is_one_word(write, tmp_path):
    (tmp_path / "sam.pth").write_bytes(b"weights")
    assert load(write()).imaging.views[0].segmenter == "learned"
    assert load(write((VIEW, view("segmenter: classical")))).imaging.views[0].segmenter == "classical"
    chosen = load(write((VIEW, view("segmenter: sam, checkpoint: sam.pth"))))
    assert chosen.imaging.views[0].checkpoint == tmp_path / "sam.pth"
    assert Campaign.from_json(chosen.to_json()) == chosen


@pytest.mark.parametrize(
    ("words", "path", "says"),
    [
        ("segmenter: wishful", "imaging.views[0].segmenter", "one of classical, "),
        ("segmenter: [learned]", "imaging.views[0].segmenter", "one of classical, "),
        ("segmenter: sam", "imaging.views[0].checkpoint", "weights of Segment Anything"),
        ("segmenter: sam, checkpoint: none.pth", "imaging.views[0].checkpoint", "relative to the campaign"),
        ("segmenter: learned, checkpoint: 3", "imaging.views[0].checkpoint", "relative to the campaign"),
    ],
)
def test_faults_of_a_segmenter(faults, words, path, says):
    assert says in faults((VIEW, view(words)))[path]
