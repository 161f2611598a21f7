"""Terraform itself over every module and environment, against the schemas of the real providers, without a network."""

import json
import re
import subprocess

import pytest
import yaml

from tests.deliver.terraforming import HELM, PYTHON, ROOMS, ROOT, TOOLS, Tree, attached, command_in

pytestmark = pytest.mark.deliver
#: What checkov finds in terraform/ and what stays as it is, and why.
ACCEPTED = {
    "CKV2_AWS_11": "no flow logs: what the network lets through is logged by those whose account it is (docs)",
    "CKV2_AWS_50": "multi_az and replicas are variables, which checkov does not follow; their tests do",
    "CKV2_AWS_64": "a key without a policy of its own is the account's, whose IAM says who may use it",
    "CKV_AWS_158": "the control plane's logs are encrypted with AWS's own key (docs)",
    "CKV_AWS_191": "Redis's disks are encrypted with AWS's own key (docs)",
    "CKV_AWS_338": "how long logs are kept is a variable: prod says 365 days",
    "CKV_AWS_394": "the first zones by name are taken, whatever their state: one that is added later changes nothing",
}


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    return command_in(tmp_path_factory.mktemp("command"))


@pytest.fixture(scope="module")
def tree(command, tmp_path_factory):
    """Each command starts the providers that it needs, as everywhere."""
    return Tree(tmp_path_factory.mktemp("whole") / "tree", command)


@pytest.fixture(scope="module")
def quick(tree):
    """The same tree; the commands find the providers started."""
    with attached() as said:
        yield Tree(tree.at, tree.command, said)


def test_all_is_formatted(tree):
    done = tree.run(".", "fmt", "-check", "-recursive", "-diff")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_and_environment_is_valid_and_passes_its_own_tests(tree, quick, room):
    done = tree.init(room)
    assert done.returncode == 0, done.stderr
    # The environments use all providers there are.
    done = (tree if room.startswith("environments") else quick).run(room, "validate", "-no-color")
    assert done.returncode == 0, done.stderr
    done = quick.run(room, "test", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"Success! (\d+) passed, 0 failed\.", done.stdout)
    assert passed, done.stdout
    written = sum(path.read_text().count("\nrun ") for path in (ROOT / "terraform" / room).glob("tests/*.hcl"))
    assert int(passed[1]) == written > 1


def findings(folder):
    """The checks of checkov that fail."""
    checkov = [
        PYTHON.with_name("checkov"),
        "--framework",
        "terraform",
        "--skip-download",
        "--output",
        "json",
        "--quiet",
    ]
    done = subprocess.run([*checkov, "--directory", folder], capture_output=True, text=True, timeout=120)
    told = json.loads(done.stdout)
    assert told["summary"]["passed"] > 10 and told["summary"]["parsing_errors"] == 0, done.stderr
    return {each["check_id"] for each in told["results"]["failed_checks"]}


def test_checkov_finds_what_is_accepted_and_no_more(tree):
    assert findings(tree.at / "terraform") == set(ACCEPTED)


def test_checkov_finds_a_planted_mistake(command, tmp_path):
    tree = Tree(tmp_path / "tree", command)
    tree.plant("modules/redis/main.tf", "at_rest_encryption_enabled = true", "at_rest_encryption_enabled = false")
    assert "CKV_AWS_29" in findings(tree.at / "terraform/modules/redis")


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_chart_takes_what_an_environment_gives_it(quick, environment, tmp_path):
    values = tmp_path / "values.yaml"
    values.write_text(quick.values(f"environments/{environment}", "module.gateway.helm_release.this"))
    chart = [HELM, "template", "gateway", ROOT / "k8s/charts/gateway", "--namespace", "gateway", "--values", values]
    done = subprocess.run(chart, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    made = [each for each in yaml.safe_load_all(done.stdout) if each]
    pod = next(each for each in made if each["kind"] == "Deployment")["spec"]["template"]["spec"]
    named = yaml.safe_load(values.read_text())["secrets"]["name"]
    assert re.fullmatch(r"gateway-[0-9a-f]{10}", named)
    assert named in json.dumps(pod)
    assert pod["containers"][0]["image"] == "registry.example/gateway:0.1.0"
    files = [each["data"] for each in made if each["kind"] == "ConfigMap" and "gateway.yaml" in each.get("data", {})]
    written = ROOT / "terraform/environments" / environment / "config/gateway.yaml"
    assert [each["gateway.yaml"] for each in files] == [written.read_text()]

    values.write_text(values.read_text() + '"autoscaler": {}\n')
    done = subprocess.run(chart, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "autoscaler" in done.stderr


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_gateway_takes_the_configuration_of_an_environment(environment, tmp_path):
    text = (ROOT / "terraform/environments" / environment / "config/gateway.yaml").read_text()
    (tmp_path / "admin-token").write_text("a" * 48)
    (tmp_path / "gateway.yaml").write_text(text.replace("/run/secrets/gateway", str(tmp_path)))
    check = [ROOT / ".venv/bin/gateway", "check", "-c", tmp_path / "gateway.yaml"]
    env = {"REDIS_URL": "rediss://:token@master.gateway.example:6379/0"}
    done = subprocess.run(check, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_environments_pin_what_the_schemas_are_of():
    facts = [json.loads(path.read_text()) for path in (ROOT / "terraform/testing/schemas").glob("*.json")]
    for path in (ROOT / "terraform/environments").glob("*/versions.tf"):
        pinned = dict(re.findall(r'source  = "(\S+)"\n\s+version = "(\S+)"', path.read_text()))
        assert pinned == {one["source"]: one["version"] for one in facts}, path
    for path in (ROOT / "terraform/modules").glob("*/versions.tf"):
        ranges = re.findall(r'version\s+= "(.*)"', path.read_text())
        assert ranges
        for said in ranges:
            assert re.fullmatch(r">= \d+\.\d+, < \d+\.0", said), path


def test_the_schemas_are_what_the_packages_say():
    folder = ROOT / "build/deliver/cdktf"
    subprocess.run([TOOLS / "terraform/packages.sh", folder], check=True, timeout=300)
    extract = [PYTHON, TOOLS / "terraform/extract.py", folder, "--check"]
    done = subprocess.run(extract, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(" types of ") == 4
