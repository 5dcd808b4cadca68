"""origin-request of pages: which file of the bucket answers a page for this visitor."""

from visitor import header

VARIED = ("/index.html",)  # pages that exist per device and variant; the others suit everybody
DEVICE_FOLDERS = {"mobile": "/mobile", "tablet": "/tablet"}
VARIANT_FOLDERS = {"B": "/b"}


def handler(event, context):
    """Point the request at the file."""
    request = event["Records"][0]["cf"]["request"]
    device, variant = header(request, "x-device"), header(request, "x-ab-variant")
    request["uri"] = file_for(request["uri"], device, variant)
    return request


def file_for(uri, device, variant):
    """The file's path. A folder means its index.html: the default root object holds for `/` alone."""
    page = uri + "index.html" if uri.endswith("/") else uri
    if page not in VARIED:
        return page
    return DEVICE_FOLDERS.get(device, "") + VARIANT_FOLDERS.get(variant, "") + page
