import pytest

from campaigns.specification import load

PH = "{name: pH, bounds: [9, 11], step: 0.5}"


@pytest.mark.parametrize(
    ("parameter", "path", "says"),
    [
        ("{name: pH}", "parameters[0]", "none of them"),
        ("{name: pH, bounds: [9, 11], categories: [a, b]}", "parameters[0]", "got both"),
        ("{name: pH, bounds: [9]}", "parameters[0].bounds", "two numbers"),
        ("{name: pH, bounds: [9, 11], step: 3}", "parameters[0].step", "width of the bounds"),
        ("{name: pH, bounds: [9, 11], step: -1}", "parameters[0].step", "width of the bounds"),
        ("{name: pH, bounds: [9, 11], value: 12}", "parameters[0].value", "within the bounds 9 to 11"),
        ("{name: pH, categories: [a, b], value: c}", "parameters[0].value", "one of the categories a, b"),
        ("{name: pH, categories: [a, a]}", "parameters[0].categories", "differ"),
        ("{name: pH, categories: [a]}", "parameters[0].categories", "at least 2"),
        ("{name: pH, unit: min, categories: [a, b]}", "parameters[0].unit", "no unit"),
        ("{name: pH, unit: blorp, bounds: [1, 2]}", "parameters[0].unit", "a unit such as"),
        ("{name: time, bounds: [1, 2]}", "parameters[1].name", "again"),
        ("{name: 3 x, bounds: [1, 2]}", "parameters[0].name", "of the form"),
        ("{name: pH, value: 7, step: 1}", "parameters[0].step", "together with bounds"),
        ("3", "parameters[0]", "a mapping"),
    ],
)
def test_faults_of_a_parameter(faults, parameter, path, says):
    assert says in faults((PH, parameter))[path]


def test_only_fixed_parameters_leave_nothing_to_search(faults):
    found = faults((PH, "{name: pH, value: 10}"), ("bounds: [30, 600]", "value: 1 h"))
    assert "only fixed values" in found["parameters"]


def test_the_space_has_searched_and_fixed_parameters_in_declared_units(write):
    campaign = load(
        write(
            (PH, "{name: pH, value: 10.5}\n  - {name: gas, categories: [N2, O2]}"),
            ("[30, 600]", "[0.5 h, 10 h], step: 600 s"),
            extra="constraints: [\"time <= 60 * pH or gas == 'N2'\"]\n",
        )
    )
    space = campaign.space()
    gas, time = space.parameters
    assert (time.low, time.high, time.step, time.unit) == (30, 600, 10, "min")
    assert gas.categories == ("N2", "O2")
    assert space.fixed == {"pH": 10.5}
    assert space.constraints[0].holds({"pH": 10.5, "time": 600, "gas": "O2"})
    assert campaign.units() == {"pH": "–", "gas": "–", "time": "min"}


def test_conditions_are_checked_by_name_bounds_and_constraint(write):
    campaign = load(write(extra="constraints: [time <= 50 * pH]\n"))
    assert campaign.broken_rules({"pH": 10, "time": 400}) == ()
    assert "constraint" in campaign.broken_rules({"pH": 10, "time": 501})[0]
    assert "pH is 12" in campaign.broken_rules({"pH": 12, "time": 400})[0]
    assert len(campaign.broken_rules({"ph": 10})) == 3


def test_constraint_faults_are_reported_beside_others(faults):
    found = faults(("[30, 600]", "[600, 30]"), extra="constraints: [time < tiem, 5, 'pH <']\n")
    assert set(found) == {"parameters[1].bounds", "constraints[0]", "constraints[1]", "constraints[2]"}


def test_constraints_that_nothing_meets_are_a_fault(faults, write):
    assert "leave something to search" in faults(extra="constraints: [pH < 9]\n")["constraints"]
    assert load(write(extra="constraints: [pH <= 9, time >= 600]\n")).constraints
