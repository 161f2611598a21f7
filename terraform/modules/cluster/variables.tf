variable "name" {
  description = "Name of the cluster; everything that is made for it begins with it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 40 lower-case letters, digits and dashes, and begin with a letter."
  }
}

variable "kubernetes_version" {
  description = "Minor version of Kubernetes, like 1.34. Raise it by one at a time."
  type        = string
  default     = "1.34"

  validation {
    condition     = can(regex("^1\\.(2[89]|[3-9][0-9])$", var.kubernetes_version))
    error_message = "kubernetes_version must be a minor version from 1.28 on, like 1.34: no patch level, no v."
  }
}

variable "zones" {
  description = "How many availability zones the cluster spans. Two is the least that EKS takes; three lose one and keep a majority."
  type        = number
  default     = 3

  validation {
    condition     = contains([2, 3, 4], var.zones)
    error_message = "zones must be 2, 3 or 4."
  }
}

variable "cidr" {
  description = "Addresses of the network, a /16 to /20."
  type        = string
  default     = "10.40.0.0/16"

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 20, false)
    error_message = "cidr must be an IPv4 network from /16 to /20, like 10.40.0.0/16."
  }
}

variable "nat_per_zone" {
  description = "A NAT gateway in each zone: without it, the loss of one zone takes the way out of all others."
  type        = bool
  default     = true
}

variable "public_access_cidrs" {
  description = "Who reaches the Kubernetes API from outside the network. Nobody by default: then Terraform has to run inside."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : can(cidrhost(cidr, 0))])
    error_message = "public_access_cidrs must be networks, like 203.0.113.0/24."
  }

  validation {
    condition     = !contains(var.public_access_cidrs, "0.0.0.0/0") && !contains(var.public_access_cidrs, "::/0")
    error_message = "public_access_cidrs must not be the whole Internet: name the networks that need it."
  }
}

variable "administrators" {
  description = "ARNs of the IAM roles or users that administer the cluster. Nobody else does, whoever created it included."
  type        = set(string)

  validation {
    condition     = length(var.administrators) > 0
    error_message = "administrators must name at least one IAM role or user: nobody else gets into the cluster."
  }

  validation {
    condition     = alltrue([for arn in var.administrators : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/", arn))])
    error_message = "administrators must be ARNs of IAM roles or users, like arn:aws:iam::123456789012:role/platform."
  }
}

variable "nodes" {
  description = "The group of nodes: instance types, and how many at least, at most, and at first."
  type = object({
    instance_types = optional(list(string), ["m7i.large"])
    min            = optional(number, 3)
    max            = optional(number, 9)
    disk_gb        = optional(number, 50)
    spot           = optional(bool, false)
  })
  default = {}

  validation {
    condition     = var.nodes.min >= 1 && var.nodes.max >= var.nodes.min
    error_message = "nodes.min must be at least 1 and nodes.max at least nodes.min."
  }

  validation {
    condition     = length(var.nodes.instance_types) > 0
    error_message = "nodes.instance_types must name at least one type."
  }
}

variable "log_retention_days" {
  description = "How long the logs of the control plane, audit log included, are kept."
  type        = number
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096], var.log_retention_days)
    error_message = "log_retention_days must be one of the periods that CloudWatch knows, like 30, 90 or 365."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete the cluster until this is set to false and applied."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags of everything that is made here."
  type        = map(string)
  default     = {}
}
