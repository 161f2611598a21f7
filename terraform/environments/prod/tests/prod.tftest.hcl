mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-west-1a", "eu-west-1b", "eu-west-1c"] }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_resource "aws_eks_cluster" {
    defaults = {
      certificate_authority = [{ data = "LS0tLS1CRUdJTg==" }]
    }
  }
}

mock_provider "helm" {
  mock_resource "helm_release" {
    defaults = { status = "deployed" }
  }
}

mock_provider "kubernetes" {}

mock_provider "random" {
  mock_resource "random_password" {
    defaults = { result = "a-password-that-nobody-guesses-and-long-enough-0001" }
  }
}

variables {
  region         = "eu-west-1"
  account        = "123456789012"
  administrators = ["arn:aws:iam::123456789012:role/platform"]
  image          = { repository = "registry.example/gateway", tag = "0.1.0" }
  alertmanager   = "{route: {receiver: page}, receivers: [{name: page}]}"
}

run "three_zones" {
  assert {
    condition     = length(module.cluster.zones) == 3
    error_message = "A zone may be lost, and two are left."
  }

  assert {
    condition     = length(distinct(module.cluster.network.subnet_ids)) == 3
    error_message = "Redis is not in all zones."
  }

  assert {
    condition     = nonsensitive(startswith(module.redis.url, "rediss://"))
    error_message = "Redis is reached in the clear."
  }

  assert {
    condition     = kubernetes_storage_class_v1.encrypted.parameters.encrypted == "true"
    error_message = "Volumes are in the clear."
  }
}

run "refuses_an_account_that_is_none" {
  command = plan

  variables {
    account = "my-account"
  }

  expect_failures = [var.account]
}
