output "kubeconfig" {
  description = "The command that lets kubectl in."
  value       = "aws eks update-kubeconfig --name ${module.cluster.name} --region ${var.region}"
}

output "gateway" {
  description = "The release, and where it answers inside the cluster."
  value       = { release = module.gateway.release, namespace = module.gateway.namespace, url = module.gateway.url }
}

output "admin_token" {
  description = "What the gateway's admin port asks for."
  value       = module.gateway.admin_token
  sensitive   = true
}

output "grafana_password" {
  description = "Password of Grafana's admin."
  value       = module.observability.grafana_password
  sensitive   = true
}
