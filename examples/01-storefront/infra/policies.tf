# What makes two objects of the cache differ, what origins see, and which headers viewers get.

resource "aws_cloudfront_cache_policy" "pages" {
  name        = "storefront-pages"
  comment     = "Pages differ by device and variant, which the viewer-request function puts into two headers."
  min_ttl     = 0
  default_ttl = 86400
  max_ttl     = 31536000

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_gzip   = true
    enable_accept_encoding_brotli = true

    headers_config {
      header_behavior = "whitelist"
      headers {
        items = ["X-Device", "X-Ab-Variant"]
      }
    }

    cookies_config {
      cookie_behavior = "none"
    }

    query_strings_config {
      query_string_behavior = "none"
    }
  }
}

resource "aws_cloudfront_cache_policy" "api" {
  name        = "storefront-api"
  comment     = "Kept only where the API says so, five minutes at most, and never across users."
  min_ttl     = 0
  default_ttl = 0
  max_ttl     = 300

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_gzip   = true
    enable_accept_encoding_brotli = true

    headers_config {
      header_behavior = "whitelist"
      headers {
        items = ["Authorization"]
      }
    }

    cookies_config {
      cookie_behavior = "none"
    }

    query_strings_config {
      query_string_behavior = "all"
    }
  }
}

data "aws_cloudfront_cache_policy" "optimized" {
  name = "Managed-CachingOptimized"
}

data "aws_cloudfront_origin_request_policy" "all_but_host" {
  name = "Managed-AllViewerExceptHostHeader"
}

locals {
  hsts_seconds = 31536000
}

# Set by a policy and not by a function: a function does not run for errors, redirects and generated responses.
resource "aws_cloudfront_response_headers_policy" "secure" {
  name = "storefront-secure"

  security_headers_config {
    strict_transport_security {
      access_control_max_age_sec = local.hsts_seconds
      include_subdomains         = true
      override                   = true
    }
    content_type_options {
      override = true
    }
    frame_options {
      frame_option = "DENY"
      override     = true
    }
    referrer_policy {
      referrer_policy = "strict-origin-when-cross-origin"
      override        = true
    }
    content_security_policy {
      content_security_policy = "default-src 'self'; frame-ancestors 'none'"
      override                = true
    }
  }
}

resource "aws_cloudfront_response_headers_policy" "assets" {
  name = "storefront-assets"

  security_headers_config {
    strict_transport_security {
      access_control_max_age_sec = local.hsts_seconds
      include_subdomains         = true
      override                   = true
    }
    content_type_options {
      override = true
    }
  }

  # For browsers, an hour without asking; for the edge, the cache policy decides.
  custom_headers_config {
    items {
      header   = "Cache-Control"
      value    = "public, max-age=3600"
      override = false
    }
  }
}
