import json

import numpy as np
import pytest
import torch

from models.errors import UnusableInput
from models.morphology import segmenter
from models.morphology.learned.network import SegmentationNet, fused, load, save
from models.morphology.learned.train import learning_rate, train

pytestmark = pytest.mark.slow


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(0)
    row, column = np.mgrid[:96, :96]
    for index in range(3):
        labels = np.zeros((96, 96), np.uint16)
        for number, (x, y) in enumerate(rng.uniform(10, 86, (5, 2)), start=1):
            labels[(column - x) ** 2 + (row - y) ** 2 < 100] = number
        image = np.where(labels > 0, 170, 50) + rng.normal(0, 5, labels.shape)
        np.savez(folder / f"{index}.npz", image=image.astype(np.uint8), labels=labels)
    return folder


def test_training_cut_off_goes_on_to_the_same_weights(data, tmp_path, monkeypatch):
    monkeypatch.setattr("models.morphology.learned.train.SAVE_EVERY", 2)
    plain, resumed = tmp_path / "plain", tmp_path / "resumed"
    train(data, plain, steps=4, size=2, side=64)

    class CutOffError(Exception):
        pass

    def until_third(step, steps, highest):
        if step == 3:
            raise CutOffError
        return learning_rate(step, steps, highest)

    with monkeypatch.context() as cut_off:
        cut_off.setattr("models.morphology.learned.train.learning_rate", until_third)
        with pytest.raises(CutOffError):
            train(data, resumed, steps=4, size=2, side=64)
    train(data, resumed, steps=4, size=2, side=64)
    first, again = (load(folder / "model.safetensors").state_dict() for folder in (plain, resumed))
    assert all(torch.equal(first[name], again[name]) for name in first)
    steps = [json.loads(line)["step"] for line in (resumed / "log.jsonl").read_text().splitlines()]
    assert steps == [2, 4]


def test_folding_the_normalisation_changes_nothing(tmp_path):
    torch.manual_seed(0)
    network = SegmentationNet((16, 32))
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    pictures = torch.rand(1, 1, 32, 32)
    with torch.inference_mode():
        before = network.eval()(pictures)
        after = fused(network)(pictures)
    assert torch.allclose(before, after, atol=1e-4)


def test_weights_come_back_as_the_network_they_were(tmp_path):
    network = SegmentationNet((16, 32, 48))
    save(network, tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors")
    assert again.channels == (16, 32, 48)
    assert torch.allclose(again.head.weight, network.head.weight, atol=1e-3)


def test_other_files_are_refused_in_one_sentence(tmp_path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no weights")
    with pytest.raises(UnusableInput, match="cannot be read"):
        segmenter("learned", broken)
    with pytest.raises(UnusableInput, match="cannot be read"):
        segmenter("learned", tmp_path / "none.safetensors")
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(UnusableInput, match="expected 'morpholoop-segmenter-1'"):
        segmenter("learned", tmp_path / "other.safetensors")


def test_the_rate_warms_up_and_dies_away():
    rates = [learning_rate(step, 1000, 1.0) for step in range(1001)]
    assert rates[0] < 0.05
    assert max(rates) > 0.97
    assert rates[1000] == pytest.approx(0.0, abs=1e-9)
