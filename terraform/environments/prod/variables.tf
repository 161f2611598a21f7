variable "region" {
  description = "Region of AWS."
  type        = string
}

variable "account" {
  description = "The account that all this is in; Terraform refuses any other."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account))
    error_message = "account must be the 12 digits of an AWS account."
  }
}

variable "administrators" {
  description = "ARNs of the IAM roles that administer the cluster; the one that applies this is one of them."
  type        = set(string)
}

variable "public_access_cidrs" {
  description = "Networks from which people, and Terraform, reach the Kubernetes API."
  type        = list(string)
  default     = []
}

variable "image" {
  description = "The gateway's image: repository, and tag or digest."
  type = object({
    repository = string
    tag        = optional(string)
    digest     = optional(string)
  })
}

variable "secrets" {
  description = "What gateway.yaml names as $${env:NAME}: TF_VAR_secrets='{\"NAME\":\"…\"}'."
  type        = map(string)
  default     = {}
  sensitive   = true
}

variable "alertmanager" {
  description = "Alertmanager's configuration, YAML, as `gateway export alertmanager` writes it."
  type        = string
  sensitive   = true
}
