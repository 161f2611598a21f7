locals {
  port = 6379
}

resource "aws_elasticache_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.network.subnet_ids
  tags       = var.tags
}

resource "aws_security_group" "this" {
  name_prefix = "${var.name}-"
  description = "Redis of the gateway: the cluster's nodes, and nobody else"
  vpc_id      = var.network.id
  tags        = merge(var.tags, { Name = var.name })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "nodes" {
  security_group_id            = aws_security_group.this.id
  description                  = "Pods of the gateway, by way of their nodes"
  referenced_security_group_id = var.network.security_group_id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
  tags                         = var.tags
}

resource "aws_elasticache_parameter_group" "this" {
  name        = "${var.name}-valkey${split(".", var.engine_version)[0]}"
  family      = "valkey${split(".", var.engine_version)[0]}"
  description = "What expires may go first when memory is short"
  tags        = var.tags

  parameter {
    name  = "maxmemory-policy"
    value = "volatile-ttl"
  }

  lifecycle {
    create_before_destroy = true
  }
}

# In the state, as everything that Terraform makes is: the state's bucket is encrypted, and who reads it reads this.
resource "random_password" "token" {
  length  = 64
  special = false
}

resource "aws_elasticache_replication_group" "this" {
  replication_group_id = var.name
  description          = "Store of the gateway: limits, sessions, cached answers"

  engine               = "valkey"
  engine_version       = var.engine_version
  node_type            = var.node_type
  num_cache_clusters   = 1 + var.replicas
  port                 = local.port
  parameter_group_name = aws_elasticache_parameter_group.this.name
  subnet_group_name    = aws_elasticache_subnet_group.this.name
  security_group_ids   = [aws_security_group.this.id]

  multi_az_enabled           = var.multi_az
  automatic_failover_enabled = var.replicas > 0

  at_rest_encryption_enabled = true
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  auth_token                 = random_password.token.result
  # The old token is taken beside the new one until the next change, so that pods that still have it go on.
  auth_token_update_strategy = "ROTATE"

  snapshot_retention_limit   = var.snapshot_retention_days
  maintenance_window         = var.maintenance_window
  auto_minor_version_upgrade = true
  apply_immediately          = false
  tags                       = var.tags

  lifecycle {
    precondition {
      condition     = !var.multi_az || var.replicas >= 1
      error_message = "multi_az needs at least one replica: set replicas to 1 or more, or multi_az to false."
    }

    precondition {
      condition     = !var.multi_az || length(var.network.subnet_ids) >= 2
      error_message = "multi_az needs subnets in at least two zones, and network.subnet_ids has ${length(var.network.subnet_ids)}."
    }
  }
}
