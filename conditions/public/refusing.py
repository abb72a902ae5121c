"""Errors as other programs expect them. None says more than its status does."""

from django.http import HttpRequest, JsonResponse

from portal.operating.requests import ASKED

SAID = {
    400: "This request could not be understood.",
    403: "This may not be done.",
    404: "There is nothing at this address.",
    405: "This address is only read.",
    413: "This is too much at once.",
    500: "Something went wrong on our side.",
    503: "The database does not answer at the moment.",
}
WRITTEN_DOWN = {400, 403, 500}  # in the logs, with the request's number
# FHIR's list of issue types
_ISSUES = {403: "forbidden", 404: "not-found", 405: "not-supported", 413: "too-costly", 503: "transient"}


def number(request: HttpRequest, status: int) -> str:
    """What to call a request that was written down, or "" where none was."""
    asked = request.META.get(ASKED)
    return asked.id if asked and status in WRITTEN_DOWN else ""


def for_programs(request: HttpRequest, status: int) -> JsonResponse | None:
    """An error in the form of the API or of FHIR; None where people ask."""
    known = number(request, status)
    detail = f"If you write to us about this, give this number: {known}." if known else ""
    if request.path_info.startswith("/api/"):
        said = {"title": SAID[status], "status": status, "detail": detail}
        return JsonResponse(said, status=status, content_type="application/problem+json")
    if request.path_info.startswith("/fhir/"):
        code = _ISSUES.get(status, "exception" if status >= 500 else "invalid")
        issue = {"severity": "error", "code": code, "diagnostics": f"{SAID[status]} {detail}".strip()}
        said = {"resourceType": "OperationOutcome", "issue": [issue]}
        return JsonResponse(said, status=status, content_type="application/fhir+json; charset=utf-8")
    return None
