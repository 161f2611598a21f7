# Exact versions: those that the modules are checked against. `terraform init` writes their hashes to
# .terraform.lock.hcl; commit it (docs/deploy-terraform.md).
terraform {
  required_version = ">= 1.11, < 2.0"

  # The rest is in backend.hcl, which says where: terraform init -backend-config=backend.hcl
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.25.0"
    }
    helm = {
      source  = "hashicorp/helm"
      version = "3.1.1"
    }
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = "2.38.0"
    }
    random = {
      source  = "hashicorp/random"
      version = "3.7.2"
    }
  }
}
