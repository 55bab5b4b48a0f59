from campaigns.ledger import Measurement
from flows.steps.judge import _last_two
from models.values import Interval


def seen(descriptor, fields, look):
    interval = Interval(8 + 0.1 * look, 7.0, 9.0, 0.95, fields, 0)
    return Measurement(descriptor, "µm", interval, look)


def test_the_look_before_is_one_of_fewer_fields():
    measured = [
        seen("d50_um", 4, 1),
        seen("d50_um", 6, 2),
        seen("texture_mean", 4, 1),
        # The second look took fields at the other magnification only.
        seen("texture_mean", 4, 2),
    ]
    newest, before = _last_two(measured)
    assert (newest["d50_um"].n_fields, before["d50_um"].n_fields) == (6, 4)
    assert newest["texture_mean"].value == 8.2
    assert "texture_mean" not in before


def test_a_look_that_adds_nothing_keeps_the_one_before():
    measured = [seen("d50_um", fields, look) for look, fields in ((3, 6), (1, 4), (2, 6))]
    newest, before = _last_two(measured)
    assert (newest["d50_um"].value, before["d50_um"].value) == (8.3, 8.1)
