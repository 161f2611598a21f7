variable "name" {
  description = "Name of the release; the chart names what it makes after it."
  type        = string
  default     = "gateway"

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$", var.name))
    error_message = "name must be at most 40 lower-case letters, digits and dashes, begin with a letter and not end with a dash."
  }
}

variable "namespace" {
  description = "Namespace of the gateway, made here with the restricted pod security level."
  type        = string
  default     = "gateway"

  validation {
    condition     = !contains(["default", "kube-system", "kube-public", "kube-node-lease"], var.namespace)
    error_message = "namespace must be one of the gateway's own."
  }
}

variable "chart" {
  description = "Where the chart is: a folder, or an OCI address with `version`. The folder of this tree by default."
  type = object({
    path    = optional(string)
    version = optional(string)
  })
  default = {}

  validation {
    condition     = !startswith(coalesce(var.chart.path, "."), "oci://") || var.chart.version != null
    error_message = "chart.version must be written where chart.path is an OCI address: the newest is another one tomorrow."
  }
}

variable "image" {
  description = "The gateway's image: repository, and tag or digest."
  type = object({
    repository = string
    tag        = optional(string)
    digest     = optional(string)
  })

  validation {
    condition     = var.image.tag != null || var.image.digest != null
    error_message = "image must have a tag or a digest."
  }

  validation {
    condition     = !contains(["latest", "stable", "main", "master"], coalesce(var.image.tag, "none"))
    error_message = "image.tag must not be one that moves (latest, stable, main): there would be no way back to what ran."
  }

  validation {
    condition     = var.image.digest == null || can(regex("^sha256:[0-9a-f]{64}$", var.image.digest))
    error_message = "image.digest must be sha256: and 64 hexadecimal digits."
  }
}

variable "configuration" {
  description = "The gateway's configuration: texts by file name, gateway.yaml and what it includes. Secrets stay out of it: see `secrets`."
  type        = map(string)

  validation {
    condition     = try(tonumber(yamldecode(var.configuration["gateway.yaml"]).version) == 1, false)
    error_message = "configuration must have gateway.yaml, YAML with `version: 1`; `gateway check -c FILE` says what else is wrong with it."
  }

  validation {
    condition     = alltrue([for text in values(var.configuration) : can(keys(yamldecode(text)))])
    error_message = "configuration must be YAML mappings, and is not in: ${join(", ", [for name, text in var.configuration : name if !can(keys(yamldecode(text)))])}."
  }
}

variable "rollout" {
  description = "How a changed configuration gets in: `replace` by a rollout that stops at a bad one, `hot` by a reload in place."
  type        = string
  default     = "replace"

  validation {
    condition     = contains(["replace", "hot"], var.rollout)
    error_message = "rollout must be replace or hot."
  }
}

variable "secrets" {
  description = "What the configuration names: as $${env:NAME} those in capital letters, as $${file:/run/secrets/gateway/name} the others. They go into a Secret, and into the state."
  type        = map(string)
  default     = {}
  sensitive   = true

  validation {
    condition     = alltrue([for name in keys(var.secrets) : can(regex("^([A-Z_][A-Z0-9_]*|[a-z0-9][a-z0-9.-]*)$", name))])
    error_message = "The names of secrets must be NAMES of environment variables or names-of-files."
  }

  validation {
    condition     = !contains(keys(var.secrets), "REDIS_URL")
    error_message = "REDIS_URL is what redis_url is for."
  }

  validation {
    condition     = length(lookup(var.secrets, "admin-token", "made here, when it is not written")) >= 32
    error_message = "admin-token must have at least 32 characters; without it, one is made."
  }
}

variable "redis_url" {
  description = "URL of the store, as the redis module puts it out; the configuration names it as $${env:REDIS_URL}."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.redis_url == null || can(regex("^rediss?(\\+cluster|\\+sentinel)?://", var.redis_url))
    error_message = "redis_url must begin with redis://, rediss://, redis+cluster:// or the like."
  }
}

variable "scaling" {
  description = "How many pods at least and at most, what each may use (a worker for each core), and from which share of it on there are more."
  type = object({
    min          = optional(number, 3)
    max          = optional(number, 12)
    cpu          = optional(string, "1")
    memory       = optional(string, "1Gi")
    cpu_per_cent = optional(number, 70)
  })
  default = {}

  validation {
    condition     = var.scaling.min >= 1 && var.scaling.max >= var.scaling.min
    error_message = "scaling.min must be at least 1 and scaling.max at least scaling.min."
  }

  validation {
    condition     = can(regex("^([0-9]+m|[0-9]+(\\.[0-9]+)?)$", var.scaling.cpu)) && can(regex("^[0-9]+(Mi|Gi)$", var.scaling.memory))
    error_message = "scaling.cpu must be like 500m or 2, scaling.memory like 512Mi or 1Gi."
  }

  validation {
    condition     = var.scaling.cpu_per_cent >= 10 && var.scaling.cpu_per_cent <= 95
    error_message = "scaling.cpu_per_cent must be 10 to 95."
  }
}

variable "service" {
  description = "How clients come in: ClusterIP behind an ingress or a mesh, or LoadBalancer with the annotations of the cloud."
  type = object({
    type        = optional(string, "ClusterIP")
    annotations = optional(map(string), {})
  })
  default = {}

  validation {
    condition     = contains(["ClusterIP", "LoadBalancer", "NodePort"], var.service.type)
    error_message = "service.type must be ClusterIP, LoadBalancer or NodePort."
  }
}

variable "discovery" {
  description = "Namespaces whose EndpointSlices the gateway may read, for `kubernetes:` upstreams; with none it gets no token of the API."
  type        = list(string)
  default     = []
}

variable "highly_available" {
  description = "Refuse what one lost zone would take down. Only for trying things out: false."
  type        = bool
  default     = true
}

variable "monitoring" {
  description = "The observability module's output: the namespace that may ask the admin port. Null: nobody asks, no ServiceMonitor is made."
  type        = object({ namespace = string })
  default     = null
}

variable "values" {
  description = "More values for the chart, YAML texts; a later one rules over an earlier one."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for text in var.values : can(keys(yamldecode(text)))])
    error_message = "values must be YAML texts, each a mapping."
  }
}

variable "timeout" {
  description = "Seconds until a rollout that is not ready is taken back."
  type        = number
  default     = 600

  validation {
    condition     = var.timeout >= 60 && var.timeout <= 3600
    error_message = "timeout must be 60 to 3600 seconds."
  }
}
