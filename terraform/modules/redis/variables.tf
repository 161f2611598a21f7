variable "name" {
  description = "Name of the replication group."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9]|-[a-z0-9]){0,38}$", var.name)) && length(var.name) <= 40
    error_message = "name must be at most 40 lower-case letters, digits and single dashes, begin with a letter and not end with a dash."
  }
}

variable "network" {
  description = "The cluster module's output of the same name: network, private subnets, and who may come in."
  type = object({
    id                = string
    subnet_ids        = list(string)
    security_group_id = string
  })

  validation {
    condition     = length(var.network.subnet_ids) > 0
    error_message = "network.subnet_ids must name at least one subnet."
  }
}

variable "node_type" {
  description = "Size of each node."
  type        = string
  default     = "cache.t4g.small"

  validation {
    condition     = can(regex("^cache\\.[a-z0-9]+\\.[a-z0-9]+$", var.node_type))
    error_message = "node_type must be one of ElastiCache, like cache.m7g.large."
  }
}

variable "engine_version" {
  description = "Version of Valkey. The gateway needs 6 or later of either Redis or Valkey."
  type        = string
  default     = "8.0"

  validation {
    condition     = can(regex("^[789]\\.[0-9]+$", var.engine_version))
    error_message = "engine_version must be a major and a minor version from 7.2 on, like 8.0."
  }
}

variable "replicas" {
  description = "How many replicas the primary has. One is taken for the primary when that is lost."
  type        = number
  default     = 2

  validation {
    condition     = var.replicas >= 0 && var.replicas <= 5 && floor(var.replicas) == var.replicas
    error_message = "replicas must be 0 to 5."
  }
}

variable "multi_az" {
  description = "Keep the replicas in other zones than the primary, and let one take over by itself."
  type        = bool
  default     = true
}

variable "snapshot_retention_days" {
  description = "How many daily snapshots are kept. What the gateway keeps here expires by itself: sessions and limits live for hours."
  type        = number
  default     = 1

  validation {
    condition     = var.snapshot_retention_days >= 0 && var.snapshot_retention_days <= 35
    error_message = "snapshot_retention_days must be 0 (none) to 35."
  }
}

variable "maintenance_window" {
  description = "When ElastiCache may replace nodes, in UTC."
  type        = string
  default     = "sun:03:00-sun:04:00"

  validation {
    condition     = can(regex("^(mon|tue|wed|thu|fri|sat|sun):[0-2][0-9]:[0-5][0-9]-(mon|tue|wed|thu|fri|sat|sun):[0-2][0-9]:[0-5][0-9]$", var.maintenance_window))
    error_message = "maintenance_window must be like sun:03:00-sun:04:00."
  }
}

variable "tags" {
  description = "Tags of everything that is made here."
  type        = map(string)
  default     = {}
}
