mock_provider "aws" {
  mock_resource "aws_elasticache_replication_group" {
    defaults = { primary_endpoint_address = "master.shop.example" }
  }
}

mock_provider "random" {
  mock_resource "random_password" {
    defaults = { result = "token" }
  }
}

variables {
  name = "shop"
  network = {
    id                = "vpc-1"
    subnet_ids        = ["subnet-1", "subnet-2", "subnet-3"]
    security_group_id = "sg-nodes"
  }
}

run "survives_a_zone" {
  assert {
    condition     = aws_elasticache_replication_group.this.multi_az_enabled && aws_elasticache_replication_group.this.automatic_failover_enabled
    error_message = "A replica in another zone takes over by itself."
  }

  assert {
    condition     = aws_elasticache_replication_group.this.num_cache_clusters == 3
    error_message = "Two replicas beside the primary."
  }
}

run "encrypted_and_for_the_nodes_alone" {
  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_mode == "required" && aws_elasticache_replication_group.this.at_rest_encryption_enabled
    error_message = "Nothing is in the clear, on the wire or on a disk."
  }

  assert {
    condition     = nonsensitive(output.url) == "rediss://:token@master.shop.example:6379/0"
    error_message = "The URL has TLS, the token and the primary."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.nodes.referenced_security_group_id == "sg-nodes" && aws_vpc_security_group_ingress_rule.nodes.from_port == 6379
    error_message = "Only nodes come in, and only to one port."
  }
}

run "one_node_to_try_things_out" {
  variables {
    replicas = 0
    multi_az = false
  }

  assert {
    condition     = aws_elasticache_replication_group.this.num_cache_clusters == 1 && !aws_elasticache_replication_group.this.automatic_failover_enabled
    error_message = "One node has nobody to fail over to."
  }
}

run "parameters_follow_the_version" {
  variables {
    engine_version = "7.2"
  }

  assert {
    condition     = aws_elasticache_parameter_group.this.family == "valkey7"
    error_message = "The parameters are of another version."
  }
}

run "refuses_bad_values" {
  command = plan

  variables {
    name                    = "shop--gateway"
    network                 = { id = "vpc-1", subnet_ids = [], security_group_id = "sg-nodes" }
    node_type               = "m7g.large"
    engine_version          = "6.2"
    replicas                = 6
    snapshot_retention_days = 36
    maintenance_window      = "sunday 3:00"
  }

  expect_failures = [
    var.name,
    var.network,
    var.node_type,
    var.engine_version,
    var.replicas,
    var.snapshot_retention_days,
    var.maintenance_window,
  ]
}

run "refuses_zones_without_replicas" {
  command = plan

  variables {
    replicas = 0
  }

  expect_failures = [aws_elasticache_replication_group.this]
}

run "refuses_zones_with_one_subnet" {
  command = plan

  variables {
    network = { id = "vpc-1", subnet_ids = ["subnet-1"], security_group_id = "sg-nodes" }
  }

  expect_failures = [aws_elasticache_replication_group.this]
}
