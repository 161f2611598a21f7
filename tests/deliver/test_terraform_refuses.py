"""Mistakes planted in a copy of terraform/: each is refused, and in words that lead to it."""

import shutil
import subprocess

import pytest

from tests.deliver.terraforming import PYTHON, ROOT, TOOLS, Tree, attached, command_in

pytestmark = pytest.mark.deliver


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    return command_in(tmp_path_factory.mktemp("command"))


@pytest.fixture(scope="module")
def env(command):
    with attached() as said:
        yield said


@pytest.fixture
def tree(command, env, tmp_path):
    return Tree(tmp_path / "tree", command, env)


TYPOS = {
    "argument": ("modules/redis/main.tf", "multi_az_enabled ", "multi_zone_enabled ", '"multi_zone_enabled"'),
    "block": ("modules/cluster/main.tf", "vpc_config {", "vpc_configuration {", '"vpc_configuration" are not expected'),
    "kind": (
        "modules/gateway/main.tf",
        "lint            = true",
        "lint            = [true]",
        'value for attribute "lint"',
    ),
    "missing": ("modules/gateway/main.tf", "  chart           = local.chart\n", "", 'argument "chart" is required'),
    "computed": ("modules/gateway/outputs.tf", "metadata.revision", "metadata.number", 'attribute named "number"'),
    "type": ("modules/redis/main.tf", 'e "aws_security_group"', 'e "aws_security_groups"', "Invalid resource type"),
    "input": ("environments/prod/main.tf", "redis_url     =", "redis         =", 'named "redis" is not expected here'),
    "output": ("environments/prod/main.tf", "module.redis.url", "module.redis.uri", 'attribute named "uri"'),
    "provider": ("environments/dev/providers.tf", "  exec {", "  execute {", '"execute" are not expected here'),
}


@pytest.mark.parametrize(("path", "old", "new", "said"), TYPOS.values(), ids=TYPOS)
def test_a_typo(tree, path, old, new, said):
    tree.plant(path, old, new)
    room, _, file = path.rpartition("/")
    text = tree.refused(room, "validate")
    assert said in text
    assert f"on {file} line" in text


VALUES = {
    "name": ("cluster", 'name           = "shop"', 'name           = "Shop"', "name must be 3 to 40 lower-case"),
    "zones": (
        "cluster",
        'name           = "shop"',
        'name = "shop"\nnodes = { min = 2 }',
        "nodes.min (2) must be at least",
    ),
    "subnets": ("redis", '"subnet-1", "subnet-2", "subnet-3"', '"subnet-1"', "network.subnet_ids has 1."),
    "image": ("gateway", 'tag = "0.1.0"', 'tag = "latest"', "image.tag must not be one that moves"),
    "secret": ("gateway", "$${env:WHOM:-you}", "$${env:WHOM}", "names what nobody gives it: WHOM. Add it to secrets"),
    "file": ("gateway", "gateway/admin-token", "gateway/token", "names what nobody gives it: token."),
    "volume": ("observability", '  storage      = { class = "encrypted" }\n', "", "production needs replicas of 2 or"),
}


@pytest.mark.parametrize(("module", "old", "new", "said"), VALUES.values(), ids=VALUES)
def test_a_bad_value(tree, module, old, new, said):
    tree.plant(f"modules/{module}/tests/{module}.tftest.hcl", old, new)
    assert said in tree.refused(f"modules/{module}", "test")


PROMISES = {
    "cipher": ("modules/redis/main.tf", 'mode    = "required"', 'mode    = "preferred"', "Nothing is in the clear"),
    "nodes": ("modules/cluster/nodes.tf", 'tokens                 = "required"', 'tokens = "optional"', "credentials"),
    "ways": ("modules/cluster/network.tf", "var.nat_per_zone ? each.key :", "false ? each.key :", "way out of its own"),
    "leak": (
        "modules/gateway/main.tf",
        "env        = [",
        "own = local.secrets\nenv = [",
        "Secrets stay out of the values",
    ),
    "prod": ("environments/prod/main.tf", "zones               = 3", "zones = 2", "A zone may be lost"),
}


@pytest.mark.parametrize(("path", "old", "new", "said"), PROMISES.values(), ids=PROMISES)
def test_a_module_that_breaks_its_promise(tree, path, old, new, said):
    tree.plant(path, old, new)
    assert said in tree.refused(path.rpartition("/")[0], "test")


def test_what_is_not_formatted(tree):
    tree.plant("modules/redis/outputs.tf", "  value       = local.port", "  value = local.port")
    done = tree.run(".", "fmt", "-check", "-recursive")
    assert (done.returncode, done.stdout.strip()) == (3, "modules/redis/outputs.tf")


def test_a_provider_without_a_schema(command, tmp_path):
    tree = Tree(tmp_path / "tree", command)
    tree.plant("environments/prod/versions.tf", '"6.25.0"', '"6.26.0"')
    done = tree.run("environments/prod", "init", "-backend=false", "-input=false", "-no-color")
    assert done.returncode != 0
    assert "hashicorp/aws" in done.stderr


def test_a_schema_that_is_not_the_packages(tmp_path):
    packages = ROOT / "build/deliver/cdktf"
    subprocess.run([TOOLS / "terraform/packages.sh", packages], check=True, timeout=300)
    (package,) = packages.glob("cdktf-provider-random-*.tgz")
    shutil.copy(package, tmp_path)
    shutil.copytree(ROOT / "terraform", tmp_path / "terraform", ignore=shutil.ignore_patterns(".terraform"))
    shutil.copytree(TOOLS / "terraform", tmp_path / "tools/deliver/terraform")
    planted = tmp_path / "terraform/testing/schemas/random.json"
    planted.write_text(planted.read_text().replace('"min_upper"', '"least_upper"'))
    extract = [PYTHON, tmp_path / "tools/deliver/terraform/extract.py", tmp_path, "--check"]
    done = subprocess.run(extract, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "terraform/testing/schemas/random.json is not what the package says" in done.stderr
