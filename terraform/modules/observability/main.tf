locals {
  release = "monitoring"

  volume = var.storage == null ? {} : {
    volumeClaimTemplate = {
      spec = {
        storageClassName = var.storage.class
        accessModes      = ["ReadWriteOnce"]
        resources        = { requests = { storage = var.storage.size } }
      }
    }
  }

  # What the gateway's chart makes carries no label of this release: whatever is in the cluster is read.
  everything = {
    serviceMonitorSelectorNilUsesHelmValues = false
    podMonitorSelectorNilUsesHelmValues     = false
    ruleSelectorNilUsesHelmValues           = false
    probeSelectorNilUsesHelmValues          = false
  }

  spread = [{
    maxSkew           = 1
    topologyKey       = "topology.kubernetes.io/zone"
    whenUnsatisfiable = "ScheduleAnyway"
    labelSelector     = { matchLabels = { "app.kubernetes.io/name" = "prometheus" } }
  }]

  stack = {
    fullnameOverride = local.release
    prometheus = {
      prometheusSpec = merge(local.everything, {
        replicas                  = var.replicas
        retention                 = "${var.retention_days}d"
        storageSpec               = local.volume
        podAntiAffinity           = "hard"
        topologySpreadConstraints = local.spread
      })
    }
    alertmanager = {
      alertmanagerSpec = {
        replicas          = var.replicas
        podAntiAffinity   = "hard"
        useExistingSecret = nonsensitive(var.alertmanager != null)
        configSecret      = one(kubernetes_secret_v1.alertmanager[*].metadata[0].name)
      }
    }
    grafana = {
      admin = {
        existingSecret = kubernetes_secret_v1.grafana.metadata[0].name
        userKey        = "user"
        passwordKey    = "password"
      }
      sidecar = { dashboards = { enabled = true, searchNamespace = "ALL" } }
    }
  }
}

resource "kubernetes_namespace_v1" "this" {
  metadata {
    name = var.namespace
    # The node exporter reads the host's own files, so the restricted level is not for this namespace.
    labels = { "pod-security.kubernetes.io/enforce" = "privileged" }
  }
}

resource "random_password" "grafana" {
  length  = 32
  special = false
}

resource "kubernetes_secret_v1" "grafana" {
  metadata {
    name      = "grafana-admin"
    namespace = kubernetes_namespace_v1.this.metadata[0].name
  }

  data = { user = "admin", password = random_password.grafana.result }
}

resource "kubernetes_secret_v1" "alertmanager" {
  count = nonsensitive(var.alertmanager != null) ? 1 : 0

  metadata {
    name      = "alertmanager-configuration"
    namespace = kubernetes_namespace_v1.this.metadata[0].name
  }

  data = { "alertmanager.yaml" = var.alertmanager }
}

resource "helm_release" "stack" {
  name            = local.release
  namespace       = kubernetes_namespace_v1.this.metadata[0].name
  repository      = var.repository
  chart           = "kube-prometheus-stack"
  version         = var.stack_version
  values          = [yamlencode(local.stack)]
  atomic          = true
  cleanup_on_fail = true
  timeout         = var.timeout
  max_history     = 5

  lifecycle {
    precondition {
      condition     = !var.production || (var.replicas >= 2 && var.storage != null)
      error_message = "production needs replicas of 2 or more and storage: the loss of a node would take the past and the alerts with it."
    }

    precondition {
      condition     = !var.production || nonsensitive(var.alertmanager != null)
      error_message = "production needs alertmanager: alerts that nobody is told of are none. `gateway export alertmanager` writes one."
    }
  }
}

resource "helm_release" "adapter" {
  count = var.adapter_version == null ? 0 : 1

  name            = "prometheus-adapter"
  namespace       = kubernetes_namespace_v1.this.metadata[0].name
  repository      = var.repository
  chart           = "prometheus-adapter"
  version         = var.adapter_version
  atomic          = true
  cleanup_on_fail = true
  timeout         = var.timeout
  max_history     = 5

  values = [yamlencode({
    prometheus          = { url = local.prometheus.url, port = local.prometheus.port }
    replicas            = var.replicas
    podDisruptionBudget = { enabled = var.replicas > 1, maxUnavailable = 1 }
    rules               = { default = false, custom = yamldecode(var.adapter_rules) }
  })]

  depends_on = [helm_release.stack]
}

locals {
  prometheus = { url = "http://${local.release}-prometheus.${var.namespace}.svc", port = 9090 }
}
