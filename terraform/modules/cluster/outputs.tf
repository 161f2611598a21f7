# These are all that the other modules use: another cloud's module with the same outputs takes this one's place.

output "name" {
  description = "Name of the cluster, for the command that makes a token."
  value       = aws_eks_cluster.this.name
}

output "endpoint" {
  description = "Address of the Kubernetes API."
  value       = aws_eks_cluster.this.endpoint
}

output "ca_certificate" {
  description = "Certificate, PEM, that signed the Kubernetes API's."
  value       = base64decode(aws_eks_cluster.this.certificate_authority[0].data)
}

output "storage_provisioner" {
  description = "What makes volumes, for a storage class."
  value       = "ebs.csi.aws.com"

  depends_on = [aws_eks_addon.volumes]
}

output "zones" {
  description = "The availability zones that have nodes."
  value       = local.zones
}

output "network" {
  description = "Where a managed Redis is put so that pods reach it: the network, its private subnets, the nodes' security group."
  value = {
    id                = aws_vpc.this.id
    subnet_ids        = [for subnet in aws_subnet.private : subnet.id]
    security_group_id = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
    cidr              = aws_vpc.this.cidr_block
  }

  # Whoever uses the network wants pods in it.
  depends_on = [aws_eks_node_group.this, aws_eks_addon.after_nodes]
}
