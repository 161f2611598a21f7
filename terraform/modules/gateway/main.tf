locals {
  chart = coalesce(var.chart.path, "${path.module}/../../../k8s/charts/gateway")

  secrets = merge(
    { "admin-token" = random_password.admin.result },
    var.redis_url == null ? {} : { REDIS_URL = var.redis_url },
    var.secrets,
  )
  names = nonsensitive(keys(local.secrets))

  # Names that the configuration cannot do without: $${env:NAME}, but not $${env:NAME:-default}.
  texts   = join("\n", values(var.configuration))
  named   = toset([for found in regexall("\\$\\{(?:env:|file:/run/secrets/gateway/)([A-Za-z0-9_.-]+)\\}", local.texts) : found[0]])
  missing = setsubtract(local.named, local.names)

  # What pods have to share when there are several.
  limits = anytrue([for text in values(var.configuration) : strcontains(text, "rate_limit")])

  chart_values = {
    image = {
      repository = var.image.repository
      tag        = var.image.tag == null ? "" : var.image.tag
      digest     = var.image.digest == null ? "" : var.image.digest
    }
    config = { rollout = var.rollout, files = var.configuration }
    secrets = {
      mode       = "existing"
      name       = kubernetes_secret_v1.this.metadata[0].name
      files      = [for name in local.names : name if name == lower(name)]
      env        = [for name in local.names : name if name != lower(name)]
      adminToken = "admin-token"
    }
    replicas = var.scaling.min
    autoscaling = {
      mode = var.scaling.max > var.scaling.min ? "hpa" : "off"
      min  = var.scaling.min
      max  = var.scaling.max
      cpu  = var.scaling.cpu_per_cent
    }
    resources = {
      requests = { cpu = var.scaling.cpu, memory = var.scaling.memory }
      limits   = { cpu = var.scaling.cpu, memory = var.scaling.memory }
    }
    zones               = var.highly_available ? "DoNotSchedule" : "ScheduleAnyway"
    podDisruptionBudget = { enabled = var.scaling.min > 1 }
    service             = { type = var.service.type, annotations = var.service.annotations }
    discovery           = { namespaces = var.discovery }
    monitoring          = { enabled = var.monitoring != null, namespace = try(var.monitoring.namespace, "monitoring") }
  }
}

resource "random_password" "admin" {
  length  = 48
  special = false
}

resource "kubernetes_namespace_v1" "this" {
  metadata {
    name = var.namespace
    labels = {
      "pod-security.kubernetes.io/enforce" = "restricted"
      "pod-security.kubernetes.io/warn"    = "restricted"
    }
  }
}

resource "kubernetes_secret_v1" "this" {
  metadata {
    # Named by its content, so that a changed secret is a rollout like any other; the token in it is nobody's guess.
    name      = "${var.name}-${nonsensitive(substr(sha256(jsonencode(local.secrets)), 0, 10))}"
    namespace = kubernetes_namespace_v1.this.metadata[0].name
    labels    = { "app.kubernetes.io/part-of" = var.name }
  }

  data      = local.secrets
  immutable = true

  lifecycle {
    # The pods of the rollout before still read the old one.
    create_before_destroy = true
  }
}

resource "helm_release" "this" {
  name            = var.name
  namespace       = kubernetes_namespace_v1.this.metadata[0].name
  chart           = local.chart
  version         = var.chart.version
  values          = concat([yamlencode(local.chart_values)], var.values)
  atomic          = true
  cleanup_on_fail = true
  lint            = true
  wait            = true
  timeout         = var.timeout
  max_history     = 10

  lifecycle {
    precondition {
      condition     = length(local.missing) == 0
      error_message = "The configuration names what nobody gives it: ${join(", ", local.missing)}. Add it to secrets (REDIS_URL: redis_url)."
    }

    precondition {
      condition     = var.redis_url == null || contains(local.named, "REDIS_URL")
      error_message = "redis_url is given and the configuration does not use it: write `store: $${env:REDIS_URL}`."
    }

    precondition {
      condition     = !var.highly_available || var.scaling.min >= 2
      error_message = "highly_available needs scaling.min of 2 or more: one pod is down whenever its node is."
    }

    precondition {
      condition     = !var.highly_available || var.rollout == "replace"
      error_message = "highly_available needs rollout replace: a hot reload shows a bad configuration to every pod at once."
    }

    precondition {
      condition     = !var.highly_available || !local.limits || var.redis_url != null
      error_message = "highly_available needs redis_url where the configuration has rate limits: each pod would count for itself."
    }

    postcondition {
      condition     = self.status == "deployed"
      error_message = "The release is ${self.status}: `helm history ${self.name} -n ${self.namespace}` says more."
    }
  }
}
