from pathlib import Path

import pytest

from campaigns.specification import Campaign, CampaignFileError, load
from models.errors import UnusableInput

LIBRARY = Path(__file__).parents[3] / "campaigns" / "library"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        ("name: µ".encode("latin-1"), "not UTF-8"),
        (b"a: [1, 2\nb: 3", "no valid YAML in line 2"),
        (b"a:\n\t- b", "no valid YAML in line 2"),
        (b"[" * 600, "nested too deeply"),
        (b"- 1\n- 2", r"should hold a mapping.*\[1, 2\]"),
        (b"just words", "should hold a mapping"),
        (b"a: 1\n---\nb: 2", "no valid YAML in line 2"),
        (b"a: !!python/object/apply:os.system [ls]", "no valid YAML in line 1"),
        (b"name: 2020-99-99", "month must be"),
        (b"name: \x00", "no valid YAML"),
        (b"x" * 300_000, "larger than"),
    ],
)
def test_a_file_that_is_no_campaign_is_refused_in_one_sentence(tmp_path, content, says):
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(UnusableInput, match=says) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(UnusableInput, match="There is no campaign file"):
        load(tmp_path / "none.yaml")
    with pytest.raises(UnusableInput, match="is a folder"):
        load(tmp_path)


def test_every_fault_comes_at_once_with_its_line(write):
    path = write(
        ("[9, 11], step: 0.5", "[11, 9], stepp: 1"),
        ("[30, 600]", "[30 µm, 600]"),
        ("d50_um, value", "d50um, value"),
        ("experiments: 3", "experiments: 0"),
        ("lab: lab.yaml", "lab: nowhere.yaml"),
        extra="constraints: [time < ph]\nsed: 1\n",
    )
    with pytest.raises(CampaignFileError) as caught:
        load(path)
    lines = str(caught.value).splitlines()
    assert lines[0].endswith("has 8 faults; correct it and try again:")
    assert [(fault.path, fault.line) for fault in caught.value.faults] == [
        ("lab", 2),
        ("parameters[0].bounds", 4),
        ("parameters[0].stepp", 4),
        ("parameters[1].bounds", 5),
        ("targets[0].descriptor", 7),
        ("budget.experiments", 10),
        ("constraints[0]", 11),
        ("sed", 12),
    ]
    text = "\n".join(lines)
    assert "did you mean `step`?" in text
    assert "did you mean `seed`?" in text
    assert "did you mean `d50_um`?" in text
    assert "got [11, 9]" in text
    assert "a time in min, got '30 µm', which is a length in µm" in text


def test_missing_keys_are_all_named(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("name: a\n")
    with pytest.raises(CampaignFileError) as caught:
        load(path)
    assert {fault.path for fault in caught.value.faults} == {
        "lab",
        "parameters",
        "targets",
        "imaging",
        "budget",
    }


def test_a_key_given_twice_is_not_silently_dropped(faults):
    assert "first in line 1" in faults(extra="name: other\n")["name"]


def test_aliases_cannot_blow_up_or_loop(faults, tmp_path):
    bomb = "x0: &x0 [a, a]\n" + "".join(f"x{i}: &x{i} [*x{i - 1}, *x{i - 1}]\n" for i in range(1, 40))
    assert "x39" in faults(extra=bomb)
    path = tmp_path / "loop.yaml"
    path.write_text("parameters: &a [*a]\n")
    with pytest.raises(CampaignFileError):
        load(path)


def test_words_that_yaml_takes_for_truth_values_are_explained(faults):
    found = faults(("bounds: [9, 11], step: 0.5", "categories: [NO, N2]"))
    assert "quote it" in found["parameters[0].categories[0]"]


def test_a_campaign_survives_its_own_json(simple):
    assert Campaign.from_json(simple.to_json()) == simple
    assert Campaign.from_json(simple.to_json()).digest() == simple.digest()


def test_the_digest_follows_what_matters(write, simple):
    assert load(write(extra="description: other words\n")).digest() == simple.digest()
    assert load(write(("value: 8", "value: 8.1"))).digest() != simple.digest()
    assert load(write(extra="seed: 1\n")).digest() != simple.digest()


def test_the_schema_for_editors_allows_quantities_as_text():
    schema = Campaign.model_json_schema()
    assert {"name", "lab", "parameters", "targets", "imaging", "budget"} == set(schema["required"])
    assert schema["additionalProperties"] is False
    assert "string" in str(schema["$defs"]["TargetSpec"]["properties"]["value"])


@pytest.mark.parametrize("name", ["lmr-precursor.yaml", "membrane.yaml"])
def test_shipped_campaigns_survive_being_stored(name):
    shipped = load(LIBRARY / name)
    assert Campaign.from_json(shipped.to_json()) == shipped
