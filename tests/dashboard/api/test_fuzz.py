"""Whatever is sent, within the OpenAPI or not: no answer of 500, and every refusal in the one shape."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from campaigns.people import Role
from dashboard.api.rules import rules

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def schema(bench):
    bench.propose()
    return schemathesis.openapi.from_asgi("/openapi.json", bench.api)


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("rule", rules(), ids=lambda rule: f"{rule.method} {rule.path}")
def test_nothing_that_is_sent_breaks_the_server(bench, schema, rule, mode):
    signed = {"Authorization": f"Bearer {bench.tokens[Role.ADMIN]}"}
    seen: list[int] = []

    @settings(
        max_examples=8,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(schema[rule.path][rule.method].as_strategy(generation_mode=mode))
    def send(case) -> None:
        answer = case.call(headers=signed)
        seen.append(answer.status_code)
        if answer.status_code < 400:
            return
        assert answer.status_code != 500, (case, answer.text)
        error = answer.json()["error"]
        assert error["code"]
        assert error["message"]

    try:
        send()
    except Unsatisfiable:
        # A route that takes nothing cannot be sent anything wrong.
        assert mode is GenerationMode.NEGATIVE
    else:
        assert seen
