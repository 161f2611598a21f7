# Three zones, and nothing that is in one of them alone: the loss of any one is survived.
locals {
  name = "gateway-prod"
  tags = { project = "gateway", environment = "prod" }
}

module "cluster" {
  source = "../../modules/cluster"

  name                = local.name
  zones               = 3
  nat_per_zone        = true
  nodes               = { instance_types = ["m7i.large"], min = 3, max = 9 }
  administrators      = var.administrators
  public_access_cidrs = var.public_access_cidrs
  log_retention_days  = 365
  tags                = local.tags
}

module "redis" {
  source = "../../modules/redis"

  name      = local.name
  network   = module.cluster.network
  node_type = "cache.m7g.large"
  replicas  = 2
  tags      = local.tags
}

resource "kubernetes_storage_class_v1" "encrypted" {
  metadata {
    name = "encrypted"
  }

  storage_provisioner    = module.cluster.storage_provisioner
  volume_binding_mode    = "WaitForFirstConsumer"
  allow_volume_expansion = true
  parameters             = { type = "gp3", encrypted = "true" }

  depends_on = [module.cluster]
}

module "observability" {
  source = "../../modules/observability"

  alertmanager = var.alertmanager
  storage      = { class = kubernetes_storage_class_v1.encrypted.metadata[0].name, size = "100Gi" }
  replicas     = 2

  depends_on = [module.cluster]
}

module "gateway" {
  source = "../../modules/gateway"

  image         = var.image
  configuration = { for name in fileset("${path.module}/config", "*.yaml") : name => file("${path.module}/config/${name}") }
  secrets       = var.secrets
  redis_url     = module.redis.url
  scaling       = { min = 3, max = 12, cpu = "1", memory = "1Gi" }
  monitoring    = { namespace = module.observability.namespace }

  depends_on = [module.cluster]
}
