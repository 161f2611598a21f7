output "namespace" {
  description = "The namespace whose Prometheus asks the gateway's admin port."
  value       = kubernetes_namespace_v1.this.metadata[0].name

  # Who uses it makes ServiceMonitors, which are known once the stack is there.
  depends_on = [helm_release.stack]
}

output "prometheus_url" {
  description = "Where Prometheus answers inside the cluster: for the analysis of a rollout, and for KEDA."
  value       = "${local.prometheus.url}:${local.prometheus.port}"
}

output "grafana_password" {
  description = "Password of Grafana's admin."
  value       = random_password.grafana.result
  sensitive   = true
}
