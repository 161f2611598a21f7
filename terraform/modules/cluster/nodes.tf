resource "aws_launch_template" "node" {
  name_prefix            = "${var.name}-"
  update_default_version = true
  tags                   = var.tags

  # Bottlerocket has its system on the first disk, images and pods on the second.
  dynamic "block_device_mappings" {
    for_each = { "/dev/xvda" = 4, "/dev/xvdb" = var.nodes.disk_gb }

    content {
      device_name = block_device_mappings.key

      ebs {
        volume_size           = block_device_mappings.value
        volume_type           = "gp3"
        encrypted             = "true"
        delete_on_termination = "true"
      }
    }
  }

  # One hop: a pod does not reach the credentials of its node.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  monitoring {
    enabled = true
  }

  tag_specifications {
    resource_type = "instance"
    tags          = merge(var.tags, { Name = var.name })
  }
}

resource "aws_eks_node_group" "this" {
  cluster_name           = aws_eks_cluster.this.name
  node_group_name_prefix = "${var.name}-"
  node_role_arn          = aws_iam_role.node.arn
  subnet_ids             = [for subnet in aws_subnet.private : subnet.id]
  version                = aws_eks_cluster.this.version
  ami_type               = "BOTTLEROCKET_x86_64"
  instance_types         = var.nodes.instance_types
  capacity_type          = var.nodes.spot ? "SPOT" : "ON_DEMAND"
  tags                   = var.tags

  launch_template {
    id      = aws_launch_template.node.id
    version = aws_launch_template.node.latest_version
  }

  scaling_config {
    min_size     = var.nodes.min
    max_size     = var.nodes.max
    desired_size = var.nodes.min
  }

  update_config {
    max_unavailable_percentage = 33
  }

  node_repair_config {
    enabled = true
  }

  lifecycle {
    create_before_destroy = true
    # What scales nodes rules; an apply in the night must not take them away.
    ignore_changes = [scaling_config[0].desired_size]

    precondition {
      condition     = var.nodes.min >= var.zones
      error_message = "nodes.min (${var.nodes.min}) must be at least zones (${var.zones}), so that each zone has a node and a lost one leaves the others."
    }
  }

  depends_on = [
    aws_eks_addon.before_nodes,
    aws_iam_role_policy_attachment.node,
  ]
}
