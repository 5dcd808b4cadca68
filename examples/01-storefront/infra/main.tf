# The storefront's distribution: pages from a bucket, an API from its own host, functions at the edge.

resource "aws_cloudfront_distribution" "shop" {
  enabled             = true
  is_ipv6_enabled     = true
  http_version        = "http2"
  default_root_object = "index.html"
  price_class         = "PriceClass_All"
  aliases             = ["www.${var.domain}"]
  comment             = "Storefront, ${var.environment}"

  origin {
    origin_id                = "site"
    domain_name              = aws_s3_bucket.site.bucket_regional_domain_name
    origin_access_control_id = aws_cloudfront_origin_access_control.site.id
  }

  origin {
    origin_id   = "api"
    domain_name = "api.${var.domain}"

    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
      origin_read_timeout    = 20
    }

    # The key travels from Terraform to the origin and never stands in a function's code.
    custom_header {
      name  = "X-Api-Key"
      value = var.api_key
    }

    # Lambda@Edge has no environment variables: this is how a function learns a setting.
    custom_header {
      name  = "X-Graphql-Host"
      value = "graphql.${var.domain}"
    }
  }

  # Pages. Which file a visitor gets depends on device and variant, so both are in the cache key.
  default_cache_behavior {
    target_origin_id           = "site"
    allowed_methods            = ["GET", "HEAD", "OPTIONS"]
    cached_methods             = ["GET", "HEAD"]
    viewer_protocol_policy     = "redirect-to-https"
    compress                   = true
    cache_policy_id            = aws_cloudfront_cache_policy.pages.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.secure.id

    lambda_function_association {
      event_type = "viewer-request"
      lambda_arn = aws_lambda_function.request.qualified_arn
    }

    lambda_function_association {
      event_type = "origin-request"
      lambda_arn = aws_lambda_function.pages.qualified_arn
    }

    lambda_function_association {
      event_type = "viewer-response"
      lambda_arn = aws_lambda_function.response.qualified_arn
    }
  }

  # Style sheets and pictures are the same for everybody: no function, one object a file.
  ordered_cache_behavior {
    path_pattern               = "/assets/*"
    target_origin_id           = "site"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    viewer_protocol_policy     = "redirect-to-https"
    compress                   = true
    cache_policy_id            = data.aws_cloudfront_cache_policy.optimized.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.assets.id
  }

  # Error pages go their own way, so that no function rewrites them.
  ordered_cache_behavior {
    path_pattern               = "/errors/*"
    target_origin_id           = "site"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    viewer_protocol_policy     = "redirect-to-https"
    compress                   = true
    cache_policy_id            = data.aws_cloudfront_cache_policy.optimized.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.secure.id
  }

  ordered_cache_behavior {
    path_pattern               = "/api/*"
    target_origin_id           = "api"
    allowed_methods            = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
    cached_methods             = ["GET", "HEAD"]
    viewer_protocol_policy     = "https-only"
    compress                   = true
    cache_policy_id            = aws_cloudfront_cache_policy.api.id
    origin_request_policy_id   = data.aws_cloudfront_origin_request_policy.all_but_host.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.secure.id

    lambda_function_association {
      event_type = "origin-request"
      lambda_arn = aws_lambda_function.api.qualified_arn
    }
  }

  # The same origin on paper; the function sends it on to the GraphQL host.
  ordered_cache_behavior {
    path_pattern               = "/graphql"
    target_origin_id           = "api"
    allowed_methods            = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
    cached_methods             = ["GET", "HEAD"]
    viewer_protocol_policy     = "https-only"
    compress                   = true
    cache_policy_id            = aws_cloudfront_cache_policy.api.id
    origin_request_policy_id   = data.aws_cloudfront_origin_request_policy.all_but_host.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.secure.id

    lambda_function_association {
      event_type = "origin-request"
      lambda_arn = aws_lambda_function.api.qualified_arn
    }
  }

  # A bucket that may not be listed answers 403 for a file that is not there. The API never answers 403,
  # for this rule holds for the whole distribution and would put a page in the place of its JSON.
  custom_error_response {
    error_code            = 403
    response_code         = 404
    response_page_path    = "/errors/404.html"
    error_caching_min_ttl = 10
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn      = aws_acm_certificate.shop.arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }

  tags = {
    Environment = var.environment
  }
}
