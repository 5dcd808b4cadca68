# Four functions from one folder. Lambda@Edge wants them in us-east-1, published, and small.

data "archive_file" "lambda" {
  type        = "zip"
  source_dir  = "${path.module}/../lambda"
  output_path = "${path.module}/lambda.zip"
}

data "aws_iam_policy_document" "edge" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com", "edgelambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "edge" {
  name               = "storefront-edge"
  assume_role_policy = data.aws_iam_policy_document.edge.json
}

resource "aws_iam_role_policy_attachment" "edge_logs" {
  role       = aws_iam_role.edge.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_lambda_function" "request" {
  function_name    = "storefront-request"
  filename         = data.archive_file.lambda.output_path
  source_code_hash = data.archive_file.lambda.output_base64sha256
  handler          = "request.handler"
  runtime          = "python3.13"
  role             = aws_iam_role.edge.arn
  memory_size      = 128
  timeout          = 5
  publish          = true
}

resource "aws_lambda_function" "response" {
  function_name    = "storefront-response"
  filename         = data.archive_file.lambda.output_path
  source_code_hash = data.archive_file.lambda.output_base64sha256
  handler          = "response.handler"
  runtime          = "python3.13"
  role             = aws_iam_role.edge.arn
  memory_size      = 128
  timeout          = 5
  publish          = true
}

resource "aws_lambda_function" "pages" {
  function_name    = "storefront-pages"
  filename         = data.archive_file.lambda.output_path
  source_code_hash = data.archive_file.lambda.output_base64sha256
  handler          = "pages.handler"
  runtime          = "python3.13"
  role             = aws_iam_role.edge.arn
  memory_size      = 128
  timeout          = 5
  publish          = true
}

resource "aws_lambda_function" "api" {
  function_name    = "storefront-api"
  filename         = data.archive_file.lambda.output_path
  source_code_hash = data.archive_file.lambda.output_base64sha256
  handler          = "api.handler"
  runtime          = "python3.13"
  role             = aws_iam_role.edge.arn
  memory_size      = 128
  timeout          = 5
  publish          = true
}
