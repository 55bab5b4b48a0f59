"""A base of Stable Diffusion 1.5's shape: tiny and random, but saved, loaded, trained over and drawn from."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from models.errors import UnusableInput
from models.generator import load
from models.generator.base import controlnet_over, load_base
from models.generator.finetuning import NewTiles, fine_tune
from models.generator.networks import predict
from models.generator.train import train
from tests.models.generator.stand_in import blobs, conditions, write_dataset
from tests.models.generator.test_train import plan

pytestmark = pytest.mark.slow  # it brings in the networks

WIDTH = 16


@pytest.fixture(scope="module")
def stable_diffusion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the layout of Stable Diffusion 1.5: colour, ε-prediction, cross-attention, text encoder."""
    folder = tmp_path_factory.mktemp("base")
    torch.manual_seed(0)
    AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        sample_size=32,
        scaling_factor=0.18215,
    ).save_pretrained(folder / "vae")
    UNet2DConditionModel(
        sample_size=16,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        block_out_channels=(8, 16),
        norm_num_groups=4,
        cross_attention_dim=WIDTH,
        attention_head_dim=4,
    ).save_pretrained(folder / "unet")
    DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012).save_pretrained(
        folder / "scheduler"
    )
    CLIPTextModel(
        CLIPTextConfig(
            vocab_size=4,
            hidden_size=WIDTH,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=8,
            bos_token_id=2,
            eos_token_id=3,
        )
    ).save_pretrained(folder / "text_encoder")
    tokenizer = folder / "tokenizer"
    tokenizer.mkdir()
    vocabulary = {"a": 0, "a</w>": 1, "<|startoftext|>": 2, "<|endoftext|>": 3}
    (tokenizer / "vocab.json").write_text(json.dumps(vocabulary))
    (tokenizer / "merges.txt").write_text("#version: 0.2\n")
    (tokenizer / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "tokenizer_class": "CLIPTokenizer",
                "model_max_length": 8,
                "bos_token": "<|startoftext|>",
                "eos_token": "<|endoftext|>",
                "pad_token": "<|endoftext|>",
                "unk_token": "<|endoftext|>",
            }
        )
    )
    (folder / "README.md").write_text("---\nlicense: creativeml-openrail-m\n---\nA base for tests.\n")
    return folder


def test_a_controlnet_over_a_base_changes_nothing_before_it_is_trained(stable_diffusion: Path) -> None:
    base = load_base(str(stable_diffusion))
    networks = base.networks(controlnet_over(base.unet, 7, 8))
    latents, at, controls = torch.randn(2, 4, 16, 16), torch.tensor([900, 40]), torch.randn(2, 7)
    with torch.inference_mode():
        controlled = predict(networks, latents, at, controls)
        alone = predict(networks, latents, at, controls, controlled=False)
    assert torch.equal(controlled, alone)
    assert networks.predicts_noise
    assert base.context.shape == (8, WIDTH)
    assert base.context.abs().sum() > 0


def test_train_draw_and_fine_tune_over_a_base(tmp_path: Path, stable_diffusion: Path) -> None:
    data = write_dataset(tmp_path / "data")
    folder = train(data, tmp_path / "run", plan(base=str(stable_diffusion)))
    assert folder is not None
    made = load(folder)
    assert made.record.lineage.steps == {"controlnet": 2, "guided": 2, "matched": 2}
    assert made.record.lineage.licence == "creativeml-openrail-m"
    assert made.record.latent_std == (1.0 / 0.18215,) * 4
    images = made.sample(conditions(), magnification=500, n=2, seed=0)
    assert images.shape == (2, 32, 32)
    assert np.isfinite(images).all()
    before = torch.cat([p.float().flatten() for p in made.networks.unet.parameters()])
    tiles = np.stack([blobs(1.0, np.random.default_rng(k)) for k in range(4)]).astype(np.float32) / 255.0
    tuned = fine_tune(made, [NewTiles(conditions(), 500, tiles)], steps=3, learning_rate=1e-2)
    after = torch.cat([p.float().flatten() for p in tuned.networks.unet.parameters()])
    assert torch.equal(before, after)
    assert not np.array_equal(tuned.sample(conditions(), magnification=500, n=2, seed=0), images)


def test_a_base_that_cannot_be_used_is_refused_with_the_reason(
    tmp_path: Path, stable_diffusion: Path
) -> None:
    with pytest.raises(UnusableInput, match="vae of the base"):
        load_base(str(tmp_path))
    other = tmp_path / "other"
    other.mkdir()
    for part in ("vae", "unet"):
        (other / part).symlink_to(stable_diffusion / part)
    DDPMScheduler(prediction_type="sample").save_pretrained(other / "scheduler")
    with pytest.raises(UnusableInput, match="trained for sample"):
        load_base(str(other))
