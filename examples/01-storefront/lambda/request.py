"""viewer-request of pages: says who is asking, in two headers that are part of the cache key.

It does not rewrite the path. So a page keeps one URL for all its versions, and purging that URL purges them all;
which file is meant is decided at origin-request, where it costs nothing on a hit.
"""

from visitor import device_of, variant_of


def handler(event, context):
    """Set X-Device and X-Ab-Variant, over whatever the viewer sent under these names."""
    request = event["Records"][0]["cf"]["request"]
    for name, value in (("X-Device", device_of(request)), ("X-Ab-Variant", variant_of(request))):
        request["headers"][name.lower()] = [{"key": name, "value": value}]
    return request
