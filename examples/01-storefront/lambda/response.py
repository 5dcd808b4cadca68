"""viewer-response of pages: makes the A/B choice stick, and tells browsers to ask again."""

import os

from visitor import VARIANT_COOKIE, chosen_variant, device_of, header, variant_of

THIRTY_DAYS_S = 30 * 24 * 3600


def handler(event, context):
    """Add what depends on the visitor. Security headers come from the response headers policy."""
    cf = event["Records"][0]["cf"]
    request, response = cf["request"], cf["response"]
    variant = variant_of(request)
    set_header(response, "X-Variant", variant)
    set_header(response, "X-Device", device_of(request))
    # Where the function ran. (Names beginning with X-Edge- are CloudFront's own: setting one is an error.)
    set_header(response, "X-Ran-In", os.environ.get("AWS_REGION", "unknown"))
    if chosen_variant(request) is None:
        cookie = f"{VARIANT_COOKIE}={variant}; Path=/; Max-Age={THIRTY_DAYS_S}; Secure; HttpOnly; SameSite=Lax"
        lines = response["headers"].setdefault("set-cookie", [])
        lines.append({"key": "Set-Cookie", "value": cookie})
    # The edge has cached the page already, by its policy. This is for browsers: the page depends on the visitor, so
    # they ask each time. What the origin said about storing is left alone.
    if not header(response, "cache-control"):
        set_header(response, "Cache-Control", "private, no-cache")
    return response


def set_header(response, name, value):
    """Set a header, over an older one."""
    response["headers"][name.lower()] = [{"key": name, "value": value}]
