# These are all that the environments use: another module with the same outputs takes this one's place.

output "url" {
  description = "What the gateway's `store` says, token and TLS included. It follows the primary when that moves."
  value       = "rediss://:${random_password.token.result}@${aws_elasticache_replication_group.this.primary_endpoint_address}:${local.port}/0"
  sensitive   = true
}

output "host" {
  description = "Name of the primary."
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "port" {
  description = "Port of the primary."
  value       = local.port
}
