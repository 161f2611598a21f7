# One of each, in the least number of zones, and taken down when it is not needed: terraform destroy.
locals {
  name = "gateway-dev"
  tags = { project = "gateway", environment = "dev" }
}

module "cluster" {
  source = "../../modules/cluster"

  name                = local.name
  zones               = 2
  nat_per_zone        = false
  nodes               = { instance_types = ["t3.large", "t3a.large"], min = 2, max = 4, spot = true }
  administrators      = var.administrators
  public_access_cidrs = var.public_access_cidrs
  log_retention_days  = 7
  deletion_protection = false
  tags                = local.tags
}

module "observability" {
  source = "../../modules/observability"

  production      = false
  replicas        = 1
  retention_days  = 2
  adapter_version = null

  depends_on = [module.cluster]
}

module "gateway" {
  source = "../../modules/gateway"

  image            = var.image
  configuration    = { for name in fileset("${path.module}/config", "*.yaml") : name => file("${path.module}/config/${name}") }
  secrets          = var.secrets
  rollout          = "hot"
  scaling          = { min = 1, max = 3, cpu = "500m" }
  highly_available = false
  monitoring       = { namespace = module.observability.namespace }

  depends_on = [module.cluster]
}
