"""Everything the API may be asked, and much that it may not: no 5xx, and no answer that its description does not name."""

from collections import Counter

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import unsupported_method

from conditions.public import api
from portal.listening import protection
from portal.publishing import actions
from portal.publishing.models import Page
from tests import make


@pytest.fixture
def described(db, monkeypatch):
    protection._memory.clear()
    monkeypatch.setattr(api, "LIMIT", 10**6)
    condition = make.condition(in_languages=("en", "es"))
    make.published(condition)
    make.published(condition, "es")
    make.published(make.term("gene"))
    make.published(make.symptom("tremor"))
    actions.withdraw(Page.objects.get(key="tremor"), by=make.clinician(), reason="Wrong.")
    # As Django's own test client does: the test's connection outlives each request.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


REAL = {"language": "en", "kind": "condition", "key": "torsion-dystonia", "number": 1, "q": "torsion"}


def test_every_answer_is_as_described(described):
    operations = [found.ok() for found in described.get_all_operations()]
    asked = Counter()

    for operation in operations:

        @given(case=operation.as_strategy() | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
        @settings(
            max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
        )
        def ask(case):
            # OPTIONS is answered everywhere, for browsers of other sites: that is no undescribed method.
            response = case.call_and_validate(
                headers={"Accept-Encoding": "identity"}, excluded_checks=[unsupported_method]
            )
            asked[response.status_code] += 1

        ask()
        # What is made up finds a page by luck; this one is there.
        known = {**REAL, "day": str(timezone.localdate())}
        there = operation.Case(
            path_parameters={one.name: known[one.name] for one in operation.path_parameters},
            query={one.name: known[one.name] for one in operation.query if one.name in known},
        )
        assert there.call_and_validate(headers={"Accept-Encoding": "identity"}).status_code == 200, operation.path
    print(dict(asked))
    assert len(operations) == 10 and asked[200] and asked[404] and asked[422]
