"""origin-request of the API: sends /graphql to its own host. It knows no secret."""

from visitor import header

HOST_SETTING = "x-graphql-host"


def handler(event, context):
    """Leave the API's requests as they are; for GraphQL, name the other host, also in Host."""
    request = event["Records"][0]["cf"]["request"]
    origin = request.get("origin", {}).get("custom")
    if origin is None:
        return request  # a bucket: nothing to choose
    custom_headers = origin.get("customHeaders", {})
    # The key is the origin's custom header. What a viewer sends under its name must not travel beside it.
    request["headers"].pop("x-api-key", None)
    graphql_host = header({"headers": custom_headers}, HOST_SETTING)
    # A setting for this function, none of the origin's business.
    custom_headers.pop(HOST_SETTING, None)
    if request["uri"] == "/graphql" and graphql_host:
        origin.update(domainName=graphql_host, port=443, protocol="https")
        # Without this the other host would be asked for the API's name.
        request["headers"]["host"] = [{"key": "Host", "value": graphql_host}]
    return request
