import pytest

from campaigns.specification import load


@pytest.mark.parametrize(
    ("extra", "path", "says"),
    [
        ("approval: {policy: first_n}", "approval.n", "how many"),
        ("approval: {policy: always, n: 3}", "approval.n", "only with the policy first_n"),
        (
            "approval: {policy: sometimes}",
            "approval.policy",
            "'always', 'never', 'first_n' or 'outside_trust_region'",
        ),
        ("approval: {expires_h: 0}", "approval.expires_h", "above 0 h"),
        ("approval: {expires_h: 3 µm}", "approval.expires_h", "a time in h"),
        ("optimiser: {method: cma}", "optimiser.method", "'pso'"),
        ("optimiser: {particles: true}", "optimiser.particles", "whole number"),
        ("optimiser: {particles: 2.5}", "optimiser.particles", "whole number"),
        ("optimiser: {images: 0}", "optimiser.images", "whole number of images"),
        ("optimiser: {images: {500: 2}}", "optimiser.images.500", "a magnification of imaging.views"),
        ("learning: {fine_tune: {replay: 1.5}}", "learning.fine_tune.replay", "a share"),
        ("learning: {follow_current: true, fine_tune: {}}", "learning.follow_current", "is left out"),
        (
            "learning: {follow_current: true}\nmodel: {generator: compact-1}",
            "learning.follow_current",
            "is current",
        ),
        (
            "learning: {fine_tune: {}}\nmodel: {generator: none}",
            "learning.fine_tune",
            "model.generator is none",
        ),
        ("stopping: {stall_after: 1}", "stopping.stall_after", "at least 2"),
        ("seed: -1", "seed", "at least 0"),
        ("model: best", "model", "a mapping"),
    ],
)
def test_faults_of_the_policies(faults, extra, path, says):
    assert says in faults(extra=extra + "\n")[path]


def test_a_real_lab_is_never_run_without_a_person(faults, tmp_path):
    (tmp_path / "real.yaml").write_text("simulated: false\n")
    found = faults(("lab: lab.yaml", "lab: real.yaml"), extra="approval: {policy: never}\n")
    assert "a person has to approve" in found["approval.policy"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("name: x\n", "says neither"),
        ("simulated: perhaps\n", "says neither"),
        ("a: [", "no YAML"),
        (None, "no such"),
    ],
)
def test_a_lab_file_has_to_say_what_it_is(faults, tmp_path, content, says):
    if content is not None:
        (tmp_path / "other.yaml").write_text(content)
    found = faults(("lab: lab.yaml", "lab: other.yaml"), extra="approval: {policy: never}\n")
    assert says in found["lab"]


def test_who_has_to_approve(write):
    always = load(write()).approval
    assert [always.required(index) for index in (1, 2)] == [True, True]
    first = load(write(extra="approval: {policy: first_n, n: 2, expires_h: 30 min}\n")).approval
    assert [first.required(index) for index in (1, 2, 3)] == [True, True, False]
    assert first.expires_h == 0.5
    assert not load(write(extra="approval: {policy: never}\n")).approval.required(1)


def test_outside_the_trust_region_a_person_approves(write):
    policy = load(write(extra="approval: {policy: outside_trust_region}\n")).approval
    asked = [policy.required(1, distance) for distance in (0.0, 1.0, 1.01, float("nan"), None)]
    assert asked == [False, False, True, True, True]


def test_images_per_evaluation_are_one_number_or_one_for_each_magnification(write):
    assert load(write()).optimiser.images_at(3000) == 4
    optimiser = load(write(extra="optimiser: {images: {3000: 7}}\n")).optimiser
    assert (optimiser.images_at(3000), optimiser.images_at(15000)) == (7, 4)


def test_imaging_faults(faults):
    view = "[{magnification: 3000, descriptors: [d50_um]}]"
    twice = (
        "[{magnification: 3000, descriptors: [d50_um]}, {magnification: 3000, descriptors: [d50_um, span]}]"
    )
    found = faults((view, twice))
    assert "again (first in views[0])" in found["imaging.views[1].magnification"]
    assert "again (first in views[0])" in found["imaging.views[1].descriptors"]
    few = "[{magnification: 3000, descriptors: [d50_um], fields: {min: 1, max: 0}}]"
    assert set(faults((view, few))) == {"imaging.views[0].fields.min", "imaging.views[0].fields.max"}
    assert (
        "between 0 and 1"
        in faults(("imaging:\n", "imaging:\n  target_error: 200 %\n"))["imaging.target_error"]
    )


@pytest.mark.parametrize(("name", "magnifications"), [("lmr-precursor", [3000, 15000]), ("membrane", [5000])])
def test_the_shipped_campaigns_load(library, name, magnifications):
    campaign = load(library / f"{name}.yaml")
    assert campaign.name == name
    assert [view.magnification for view in campaign.imaging.views] == magnifications
    assert {campaign.view_of(descriptor).magnification for descriptor in campaign.descriptors()} == set(
        magnifications
    )
    assert len(campaign.targets()) == len(campaign.descriptors())
    assert campaign.lab.is_file()
