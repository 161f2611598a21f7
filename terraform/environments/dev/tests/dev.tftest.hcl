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
}

run "one_of_each" {
  assert {
    condition     = length(module.cluster.zones) == 2
    error_message = "Two zones are the least that EKS takes, and enough here."
  }

  assert {
    condition     = output.gateway.url == "http://gateway.gateway.svc"
    error_message = "The gateway answers somewhere else."
  }

  assert {
    condition     = output.kubeconfig == "aws eks update-kubeconfig --name gateway-dev --region eu-west-1"
    error_message = "The command is for another cluster."
  }
}

run "refuses_an_account_that_is_none" {
  command = plan

  variables {
    account = "my-account"
  }

  expect_failures = [var.account]
}
