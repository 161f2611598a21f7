mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-west-1a", "eu-west-1b", "eu-west-1c"] }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_resource "aws_eks_cluster" {
    defaults = {
      arn                   = "arn:aws:eks:eu-west-1:123456789012:cluster/shop"
      certificate_authority = [{ data = "LS0tLS1CRUdJTg==" }]
    }
  }
}

variables {
  name           = "shop"
  administrators = ["arn:aws:iam::123456789012:role/platform"]
}

run "three_zones_and_nobody_from_outside" {
  assert {
    condition     = output.zones == tolist(["eu-west-1a", "eu-west-1b", "eu-west-1c"])
    error_message = "The cluster does not span the zones that it should."
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(distinct([for route in aws_route.nat : route.nat_gateway_id])) == 3
    error_message = "Each zone has a way out of its own."
  }

  assert {
    condition     = !aws_eks_cluster.this.vpc_config[0].endpoint_public_access && aws_eks_cluster.this.vpc_config[0].endpoint_private_access
    error_message = "The Kubernetes API is reached from inside alone."
  }

  assert {
    condition     = length(aws_eks_cluster.this.vpc_config[0].subnet_ids) == 3 && length(aws_eks_node_group.this.subnet_ids) == 3
    error_message = "Control plane and nodes are in all three private subnets."
  }

  assert {
    condition     = !aws_eks_cluster.this.access_config[0].bootstrap_cluster_creator_admin_permissions && join(" ", keys(aws_eks_access_entry.administrator)) == "arn:aws:iam::123456789012:role/platform"
    error_message = "Only those named administer the cluster."
  }

  assert {
    condition     = contains(aws_eks_cluster.this.encryption_config[0].resources, "secrets") && aws_eks_cluster.this.deletion_protection
    error_message = "Secrets are encrypted with a key of our own, and the cluster is not deleted by mistake."
  }

  assert {
    condition     = aws_launch_template.node.metadata_options[0].http_tokens == "required" && aws_launch_template.node.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "A pod must not reach the credentials of its node."
  }

  assert {
    condition     = alltrue([for disk in aws_launch_template.node.block_device_mappings : disk.ebs[0].encrypted == "true"])
    error_message = "The disks of nodes are encrypted."
  }

  assert {
    condition     = jsondecode(aws_eks_addon.before_nodes["vpc-cni"].configuration_values).enableNetworkPolicy == "true"
    error_message = "Network policies are enforced."
  }

  assert {
    condition     = output.ca_certificate == "-----BEGIN"
    error_message = "The certificate comes out as PEM."
  }
}

run "subnets_lie_in_the_network_and_apart" {
  variables {
    cidr  = "10.8.0.0/20"
    zones = 3
  }

  assert {
    condition     = [for subnet in aws_subnet.private : subnet.cidr_block] == ["10.8.0.0/23", "10.8.2.0/23", "10.8.4.0/23"]
    error_message = "The private subnets are not an eighth of the network each."
  }

  assert {
    condition     = [for subnet in aws_subnet.public : subnet.cidr_block] == ["10.8.12.0/27", "10.8.12.32/27", "10.8.12.64/27"]
    error_message = "The public subnets are not where the private ones cannot be."
  }
}

run "one_way_out" {
  variables {
    zones        = 2
    nat_per_zone = false
    nodes        = { min = 2, max = 2, spot = true }
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(distinct([for route in aws_route.nat : route.nat_gateway_id])) == 1
    error_message = "Both zones share a way out."
  }

  assert {
    condition     = aws_eks_node_group.this.capacity_type == "SPOT"
    error_message = "The nodes are not spot ones."
  }
}

run "named_networks_come_in" {
  variables {
    public_access_cidrs = ["203.0.113.0/24"]
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_public_access && aws_eks_cluster.this.vpc_config[0].public_access_cidrs == toset(["203.0.113.0/24"])
    error_message = "Those who are named come in, and nobody else."
  }
}

run "refuses_bad_values" {
  command = plan

  variables {
    name                = "Shop"
    kubernetes_version  = "v1.34.2"
    zones               = 1
    cidr                = "10.8.0.0/24"
    public_access_cidrs = ["0.0.0.0/0"]
    administrators      = ["platform"]
    nodes               = { min = 5, max = 3 }
    log_retention_days  = 100
  }

  expect_failures = [
    var.name,
    var.kubernetes_version,
    var.zones,
    var.cidr,
    var.public_access_cidrs,
    var.administrators,
    var.nodes,
    var.log_retention_days,
  ]
}

run "refuses_nobody" {
  command = plan

  variables {
    administrators = []
  }

  expect_failures = [var.administrators]
}

run "refuses_a_zone_without_a_node" {
  command = plan

  variables {
    nodes = { min = 2 }
  }

  expect_failures = [aws_eks_node_group.this]
}

run "refuses_a_region_with_too_few_zones" {
  command = plan

  variables {
    zones = 4
    nodes = { min = 4 }
  }

  expect_failures = [data.aws_availability_zones.here]
}
