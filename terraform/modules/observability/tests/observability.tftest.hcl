mock_provider "helm" {}

mock_provider "kubernetes" {}

mock_provider "random" {}

variables {
  alertmanager = <<-EOT
    route: {receiver: page}
    receivers: [{name: page}]
  EOT
  storage      = { class = "encrypted" }
}

run "two_of_each_on_volumes" {
  assert {
    condition     = yamldecode(helm_release.stack.values[0]).prometheus.prometheusSpec.replicas == 2 && yamldecode(helm_release.stack.values[0]).alertmanager.alertmanagerSpec.replicas == 2
    error_message = "The loss of one would be the loss of alerts."
  }

  assert {
    condition     = yamldecode(helm_release.stack.values[0]).prometheus.prometheusSpec.storageSpec.volumeClaimTemplate.spec.resources.requests.storage == "50Gi"
    error_message = "Prometheus keeps what it read on a volume."
  }

  assert {
    condition     = yamldecode(helm_release.stack.values[0]).prometheus.prometheusSpec.serviceMonitorSelectorNilUsesHelmValues == false
    error_message = "The gateway's ServiceMonitor has no label of this release, and is read all the same."
  }

  assert {
    condition     = yamldecode(helm_release.stack.values[0]).alertmanager.alertmanagerSpec.configSecret == "alertmanager-configuration" && yamldecode(helm_release.stack.values[0]).alertmanager.alertmanagerSpec.useExistingSecret == true
    error_message = "Alertmanager is told whom to tell."
  }

  assert {
    condition     = !strcontains(helm_release.stack.values[0], "receivers") && !strcontains(helm_release.stack.values[0], nonsensitive(random_password.grafana.result))
    error_message = "Secrets stay out of the values, which anyone who may read releases can read."
  }
}

run "the_autoscaler_asks_prometheus" {
  variables {
    adapter_rules = "[{seriesQuery: gateway_requests_in_flight, metricsQuery: 'sum(<<.Series>>)'}]"
  }

  assert {
    condition     = yamldecode(helm_release.adapter[0].values[0]).prometheus.url == "http://monitoring-prometheus.monitoring.svc"
    error_message = "The adapter asks somebody else."
  }

  assert {
    condition     = yamldecode(helm_release.adapter[0].values[0]).rules.custom[0].seriesQuery == "gateway_requests_in_flight"
    error_message = "The adapter has other rules."
  }

  assert {
    condition     = output.prometheus_url == "http://monitoring-prometheus.monitoring.svc:9090"
    error_message = "Others are sent somewhere else."
  }
}

run "one_of_each_to_try_things_out" {
  variables {
    production      = false
    replicas        = 1
    storage         = null
    alertmanager    = null
    adapter_version = null
  }

  assert {
    condition     = length(helm_release.adapter) == 0 && length(kubernetes_secret_v1.alertmanager) == 0
    error_message = "What is not asked for is there."
  }

  assert {
    condition     = yamldecode(helm_release.stack.values[0]).prometheus.prometheusSpec.storageSpec == {}
    error_message = "There is a volume."
  }
}

run "refuses_bad_values" {
  command = plan

  variables {
    repository      = "prometheus-community"
    stack_version   = ">= 79.0"
    adapter_version = "4"
    adapter_rules   = "[{seriesQuery: up}]"
    replicas        = 0
    retention_days  = 0
    storage         = { class = "encrypted", size = "50" }
    alertmanager    = "receivers: []"
    timeout         = 5
  }

  expect_failures = [
    var.repository,
    var.stack_version,
    var.adapter_version,
    var.adapter_rules,
    var.replicas,
    var.retention_days,
    var.storage,
    var.alertmanager,
    var.timeout,
  ]
}

run "refuses_production_without_a_volume" {
  command = plan

  variables {
    storage = null
  }

  expect_failures = [helm_release.stack]
}

run "refuses_production_that_tells_nobody" {
  command = plan

  variables {
    alertmanager = null
  }

  expect_failures = [helm_release.stack]
}
