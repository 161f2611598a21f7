variable "namespace" {
  description = "Namespace of Prometheus, Alertmanager and Grafana."
  type        = string
  default     = "monitoring"
}

variable "repository" {
  description = "Where the charts of Prometheus are; a mirror of your own, where nodes have no way out."
  type        = string
  default     = "https://prometheus-community.github.io/helm-charts"

  validation {
    condition     = can(regex("^(https|oci)://", var.repository))
    error_message = "repository must begin with https:// or oci://."
  }
}

variable "stack_version" {
  description = "Version of the chart kube-prometheus-stack."
  type        = string
  default     = "79.1.0"

  validation {
    condition     = can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+$", var.stack_version))
    error_message = "stack_version must be one version, like 79.1.0: no range."
  }
}

variable "adapter_version" {
  description = "Version of the chart prometheus-adapter, which the autoscaler asks for requests per pod. Null: without it."
  type        = string
  default     = "4.13.0"

  validation {
    condition     = var.adapter_version == null || can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+$", coalesce(var.adapter_version, "-")))
    error_message = "adapter_version must be one version, like 4.13.0: no range."
  }
}

variable "adapter_rules" {
  description = "Rules of prometheus-adapter, YAML, a list: the chart of the gateway prints them (docs/deploy.md)."
  type        = string
  default     = "[]"

  validation {
    condition     = can([for rule in yamldecode(var.adapter_rules) : rule.metricsQuery])
    error_message = "adapter_rules must be a YAML list of rules, each with a metricsQuery."
  }
}

variable "replicas" {
  description = "How many of Prometheus and of Alertmanager: two lose one and see all."
  type        = number
  default     = 2

  validation {
    condition     = contains([1, 2, 3], var.replicas)
    error_message = "replicas must be 1, 2 or 3."
  }
}

variable "retention_days" {
  description = "How long Prometheus keeps what it read."
  type        = number
  default     = 15

  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 400
    error_message = "retention_days must be 1 to 400."
  }
}

variable "storage" {
  description = "Storage class and size of Prometheus's volumes. Null: kept in the pod, and gone with it."
  type = object({
    class = string
    size  = optional(string, "50Gi")
  })
  default = null

  validation {
    condition     = var.storage == null || can(regex("^[0-9]+(Mi|Gi|Ti)$", var.storage.size))
    error_message = "storage.size must be like 50Gi."
  }
}

variable "alertmanager" {
  description = "Alertmanager's configuration, YAML: who is told (`gateway export alertmanager` writes one). Null: nobody is."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.alertmanager == null || can(yamldecode(coalesce(var.alertmanager, "-")).route.receiver)
    error_message = "alertmanager must be YAML with route.receiver; amtool check-config says what else is wrong with it."
  }
}

variable "production" {
  description = "Refuse what loses alerts: one replica, no volume, nobody told."
  type        = bool
  default     = true
}

variable "timeout" {
  description = "Seconds until a chart that is not ready is taken back."
  type        = number
  default     = 900

  validation {
    condition     = var.timeout >= 60 && var.timeout <= 3600
    error_message = "timeout must be 60 to 3600 seconds."
  }
}
