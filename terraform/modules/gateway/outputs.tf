output "namespace" {
  description = "Where the gateway is."
  value       = kubernetes_namespace_v1.this.metadata[0].name
}

output "release" {
  description = "Name and revision of the release; `helm rollback NAME REVISION` goes back to an earlier one."
  value       = { name = helm_release.this.name, revision = helm_release.this.metadata.revision }
}

output "secret" {
  description = "Name of the Secret that the pods read."
  value       = kubernetes_secret_v1.this.metadata[0].name
}

output "url" {
  description = "Where the gateway answers inside the cluster."
  value       = "http://${var.name}.${var.namespace}.svc"
}

output "configuration_sha256" {
  description = "Hash of the configuration that was asked for."
  value       = sha256(jsonencode(var.configuration))
}

output "admin_token" {
  description = "What the admin port asks for."
  value       = local.secrets["admin-token"]
  sensitive   = true
}
