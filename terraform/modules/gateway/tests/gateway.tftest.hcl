mock_provider "helm" {
  mock_resource "helm_release" {
    defaults = { status = "deployed" }
  }
}

mock_provider "kubernetes" {}

mock_provider "random" {
  mock_resource "random_password" {
    defaults = { result = "a-token-of-the-admin-port-that-nobody-guesses-0001" }
  }
}

variables {
  image = { repository = "registry.example/gateway", tag = "0.1.0" }
  configuration = {
    "gateway.yaml" = <<-EOT
      version: 1
      include: [routes.yaml]
      store: $${env:REDIS_URL}
      server: {admin_token: "$${file:/run/secrets/gateway/admin-token}"}
      rate_limits: [{name: ip, per: ip, rate: 200/s}]
    EOT
    "routes.yaml"  = <<-EOT
      routes:
        - {name: hello, match: {path: /hello}, respond: {status: 200, body: "hello $${env:WHOM:-you}"}}
    EOT
  }
  redis_url = "rediss://:token@redis.example:6379/0"
}

run "installs_the_chart_with_what_it_was_given" {
  variables {
    secrets = { PARTNER = "one-secret", "partner-keys" = "two-secrets" }
  }

  assert {
    condition     = jsonencode(yamldecode(helm_release.this.values[0]).config.files) == jsonencode(var.configuration)
    error_message = "The pods get another configuration."
  }

  assert {
    condition     = join(" ", yamldecode(helm_release.this.values[0]).secrets.env) == "PARTNER REDIS_URL" && join(" ", yamldecode(helm_release.this.values[0]).secrets.files) == "admin-token partner-keys"
    error_message = "Secrets are not where the configuration looks for them."
  }

  assert {
    condition     = !strcontains(helm_release.this.values[0], "one-secret") && !strcontains(helm_release.this.values[0], "two-secrets") && !strcontains(helm_release.this.values[0], "rediss://")
    error_message = "Secrets stay out of the values, which anyone who may read releases can read."
  }

  assert {
    condition     = kubernetes_secret_v1.this.immutable && kubernetes_secret_v1.this.data.REDIS_URL == "rediss://:token@redis.example:6379/0"
    error_message = "The Secret is another one."
  }

  assert {
    condition     = kubernetes_namespace_v1.this.metadata[0].labels["pod-security.kubernetes.io/enforce"] == "restricted"
    error_message = "The namespace takes pods that may do more than they need."
  }

  assert {
    condition     = helm_release.this.atomic && helm_release.this.wait && output.url == "http://gateway.gateway.svc"
    error_message = "A rollout that is not ready is taken back."
  }
}

run "a_changed_secret_is_another_secret" {
  variables {
    secrets = { PARTNER = "one-secret", "partner-keys" = "three-secrets" }
  }

  assert {
    condition     = kubernetes_secret_v1.this.metadata[0].name != run.installs_the_chart_with_what_it_was_given.secret
    error_message = "Pods would go on with the secret that they have."
  }
}

run "without_a_range_nothing_scales" {
  variables {
    scaling    = { min = 3, max = 3 }
    monitoring = { namespace = "observability" }
    image      = { repository = "registry.example/gateway", digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" }
  }

  assert {
    condition     = yamldecode(helm_release.this.values[0]).autoscaling.mode == "off" && yamldecode(helm_release.this.values[0]).replicas == 3
    error_message = "Something scales."
  }

  assert {
    condition     = yamldecode(helm_release.this.values[0]).monitoring == { enabled = true, namespace = "observability" }
    error_message = "Nobody may ask for metrics."
  }

  assert {
    condition     = yamldecode(helm_release.this.values[0]).image == { repository = "registry.example/gateway", tag = "", digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" }
    error_message = "Another image."
  }
}

run "a_rollout_that_was_taken_back_is_a_failure" {
  state_key = "another"

  override_resource {
    target = helm_release.this
    values = { status = "failed" }
  }

  expect_failures = [helm_release.this]
}

run "refuses_bad_values" {
  command = plan

  variables {
    name          = "Gateway"
    namespace     = "kube-system"
    chart         = { path = "oci://registry.example/charts/gateway" }
    image         = { repository = "registry.example/gateway", tag = "latest" }
    configuration = { "gateway.yaml" = "routes: {" }
    rollout       = "restart"
    secrets       = { "Partner keys" = "x" }
    redis_url     = "https://redis.example"
    scaling       = { min = 4, max = 2 }
    service       = { type = "External" }
    values        = ["just a text"]
    timeout       = 5
  }

  expect_failures = [
    var.name,
    var.namespace,
    var.chart,
    var.image,
    var.configuration,
    var.rollout,
    var.secrets,
    var.redis_url,
    var.scaling,
    var.service,
    var.values,
    var.timeout,
  ]
}

run "refuses_a_configuration_of_no_version" {
  command = plan

  variables {
    configuration = { "gateway.yaml" = "routes: [{name: hello}]" }
  }

  expect_failures = [var.configuration]
}

run "refuses_a_digest_that_is_none" {
  command = plan

  variables {
    image = { repository = "registry.example/gateway", digest = "sha256:abc" }
  }

  expect_failures = [var.image]
}

run "refuses_a_short_admin_token" {
  command = plan

  variables {
    secrets = { admin-token = "secret" }
  }

  expect_failures = [var.secrets]
}

run "refuses_names_that_nobody_gives" {
  command = plan

  variables {
    configuration = {
      "gateway.yaml" = <<-EOT
        version: 1
        routes: [{name: hello, match: {path: /}, respond: {body: "$${env:PARTNER_KEYS}"}}]
      EOT
    }
    redis_url = null
  }

  expect_failures = [helm_release.this]
}

run "refuses_a_redis_that_nobody_uses" {
  command = plan

  variables {
    configuration = {
      "gateway.yaml" = <<-EOT
        version: 1
        routes: [{name: hello, match: {path: /}, respond: {body: hello}}]
      EOT
    }
  }

  expect_failures = [helm_release.this]
}

run "refuses_limits_that_each_pod_keeps_for_itself" {
  command = plan

  variables {
    configuration = {
      "gateway.yaml" = <<-EOT
        version: 1
        rate_limits: [{name: ip, per: ip, rate: 200/s}]
        routes: [{name: hello, match: {path: /}, respond: {body: hello}}]
      EOT
    }
    redis_url = null
  }

  expect_failures = [helm_release.this]
}

run "refuses_one_pod_in_production" {
  command = plan

  variables {
    scaling = { min = 1 }
  }

  expect_failures = [helm_release.this]
}

run "refuses_hot_reloads_in_production" {
  command = plan

  variables {
    rollout = "hot"
  }

  expect_failures = [helm_release.this]
}
