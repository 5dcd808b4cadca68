"""Who is asking: which kind of device, and which half of the A/B test. Pure functions on a request."""

import hashlib

VARIANT_COOKIE = "variant"
VARIANTS = ("A", "B")

TABLETS = ("iPad", "Kindle", "Silk/", "PlayBook")


def header(request, name):
    """All values of a header in one, joined as HTTP allows; an empty string where there is none."""
    separator = "; " if name == "cookie" else ", "
    return separator.join(line.get("value", "") for line in request["headers"].get(name, []))


def device_of(request):
    """`tablet`, `mobile` or `desktop`, by User-Agent.

    CloudFront's own CloudFront-Is-*-Viewer headers do not exist yet when viewer-request runs. An iPad since
    iPadOS 13 calls itself a Mac and gets the desktop page: nothing in its request tells otherwise.
    """
    agent = header(request, "user-agent")
    if any(word in agent for word in TABLETS) or ("Android" in agent and "Mobile" not in agent):
        return "tablet"
    return "mobile" if "Mobi" in agent else "desktop"


def chosen_variant(request):
    """The variant of the visitor's cookie, or None on a first visit or where the cookie makes no sense."""
    for pair in header(request, "cookie").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == VARIANT_COOKIE and value in VARIANTS:
            return value
    return None


def variant_of(request):
    """The cookie's variant; without one, drawn from address and agent.

    The draw depends on the request alone, so viewer-request and viewer-response come to the same result without
    a word between them, and only this cookie counts: no other can move a visitor to the other half.
    """
    chosen = chosen_variant(request)
    if chosen:
        return chosen
    drawn = hashlib.sha256(f"{request['clientIp']} {header(request, 'user-agent')}".encode())
    return VARIANTS[drawn.digest()[0] % len(VARIANTS)]
