# Every argument that is honoured, once. plan.json and distribution.json beside this file say the same thing in
# Terraform's and CloudFront's JSON; the test holds the three readings to each other.
resource "aws_s3_bucket" "site" {
  bucket = "full-site"
}

resource "aws_cloudfront_origin_access_control" "site" {
  name                              = "site"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_cache_policy" "api" {
  name        = "api"
  min_ttl     = 1
  default_ttl = 60
  max_ttl     = 600
  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_gzip   = true
    enable_accept_encoding_brotli = true
    cookies_config {
      cookie_behavior = "allExcept"
      cookies {
        items = ["_ga"]
      }
    }
    headers_config {
      header_behavior = "whitelist"
      headers {
        items = ["Accept-Language", "X-AB-Variant"]
      }
    }
    query_strings_config {
      query_string_behavior = "whitelist"
      query_strings {
        items = ["page", "q"]
      }
    }
  }
}

resource "aws_cloudfront_origin_request_policy" "api" {
  name = "api"
  cookies_config {
    cookie_behavior = "none"
  }
  headers_config {
    header_behavior = "allViewerAndWhitelistCloudFront"
    headers {
      items = ["CloudFront-Viewer-Country"]
    }
  }
  query_strings_config {
    query_string_behavior = "all"
  }
}

resource "aws_cloudfront_response_headers_policy" "secure" {
  name = "secure"
  cors_config {
    access_control_allow_credentials = false
    access_control_allow_headers {
      items = ["X-One"]
    }
    access_control_allow_methods {
      items = ["ALL"]
    }
    access_control_allow_origins {
      items = ["https://a.example"]
    }
    access_control_expose_headers {
      items = ["X-Two"]
    }
    access_control_max_age_sec = 600
    origin_override            = true
  }
  custom_headers_config {
    items {
      header   = "X-Powered-By"
      value    = "us"
      override = true
    }
  }
  remove_headers_config {
    items {
      header = "Server"
    }
  }
  security_headers_config {
    content_security_policy {
      content_security_policy = "default-src 'self'"
      override                = true
    }
    content_type_options {
      override = true
    }
    frame_options {
      frame_option = "DENY"
      override     = false
    }
    referrer_policy {
      referrer_policy = "same-origin"
      override        = false
    }
    strict_transport_security {
      access_control_max_age_sec = 31536000
      include_subdomains         = true
      preload                    = true
      override                   = true
    }
    xss_protection {
      protection = true
      mode_block = true
      override   = true
    }
  }
  server_timing_headers_config {
    enabled       = true
    sampling_rate = 12.5
  }
}

data "archive_file" "edge" {
  type        = "zip"
  source_dir  = "edge"
  output_path = "edge.zip"
}

resource "aws_lambda_function" "viewer" {
  function_name = "viewer"
  filename      = data.archive_file.edge.output_path
  handler       = "app.handler"
  runtime       = "python3.11"
  memory_size   = 256
  timeout       = 2
  publish       = true
  role          = "arn:aws:iam::123456789012:role/edge"
}

resource "aws_cloudfront_distribution" "full" {
  enabled             = true
  is_ipv6_enabled     = true
  comment             = "everything"
  aliases             = ["www.example.com", "*.example.net"]
  default_root_object = "index.html"
  http_version        = "http2"
  price_class         = "PriceClass_All"

  origin {
    origin_id                = "site"
    domain_name              = aws_s3_bucket.site.bucket_regional_domain_name
    origin_access_control_id = aws_cloudfront_origin_access_control.site.id
    origin_path              = "/live"
  }

  origin {
    origin_id           = "api"
    domain_name         = "api.example.com"
    connection_attempts = 2
    connection_timeout  = 5
    custom_header {
      name  = "X-Key"
      value = "secret"
    }
    custom_origin_config {
      http_port                = 8080
      https_port               = 8443
      origin_protocol_policy   = "match-viewer"
      origin_ssl_protocols     = ["TLSv1.2"]
      origin_keepalive_timeout = 15
      origin_read_timeout      = 20
    }
    origin_shield {
      enabled = false
    }
  }

  origin_group {
    origin_id = "both"
    failover_criteria {
      status_codes = [500, 502]
    }
    member {
      origin_id = "api"
    }
    member {
      origin_id = "site"
    }
  }

  default_cache_behavior {
    allowed_methods            = ["GET", "HEAD", "OPTIONS"]
    cached_methods             = ["GET", "HEAD", "OPTIONS"]
    target_origin_id           = "site"
    viewer_protocol_policy     = "redirect-to-https"
    compress                   = true
    cache_policy_id            = "658327ea-f89d-4fab-a63d-7e88639e58f6"
    response_headers_policy_id = "67f7725c-6f97-4210-82d7-5512b31e9d03"
    lambda_function_association {
      event_type   = "viewer-request"
      lambda_arn   = aws_lambda_function.viewer.qualified_arn
      include_body = true
    }
  }

  ordered_cache_behavior {
    path_pattern               = "/api/*"
    allowed_methods            = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    cached_methods             = ["GET", "HEAD"]
    target_origin_id           = "both"
    viewer_protocol_policy     = "https-only"
    cache_policy_id            = aws_cloudfront_cache_policy.api.id
    origin_request_policy_id   = aws_cloudfront_origin_request_policy.api.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.secure.id
  }

  ordered_cache_behavior {
    path_pattern           = "/old/*"
    allowed_methods        = ["GET", "HEAD"]
    cached_methods         = ["GET", "HEAD"]
    target_origin_id       = "api"
    viewer_protocol_policy = "allow-all"
    compress               = true
    min_ttl                = 0
    default_ttl            = 300
    max_ttl                = 3600
    forwarded_values {
      query_string            = true
      query_string_cache_keys = ["v"]
      headers                 = ["Origin"]
      cookies {
        forward           = "whitelist"
        whitelisted_names = ["session"]
      }
    }
  }

  custom_error_response {
    error_code            = 404
    response_code         = 200
    response_page_path    = "/index.html"
    error_caching_min_ttl = 30
  }
  custom_error_response {
    error_code            = 503
    error_caching_min_ttl = 0
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn      = "arn:aws:acm:us-east-1:123456789012:certificate/abc"
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }

  tags = {
    Environment = "test"
  }
}
