variable "environment" {
  description = "Stands in names and tags."
  type        = string
  default     = "dev"
}

variable "domain" {
  description = "The shop is www.DOMAIN; its API and GraphQL hosts are api.DOMAIN and graphql.DOMAIN."
  type        = string
  default     = "example.com"
}

variable "api_key" {
  description = "What the API wants to see in X-Api-Key."
  type        = string
  sensitive   = true
}
