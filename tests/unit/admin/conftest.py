"""The site of which all tests of the admin application ask, unless they make their own."""

import os

import pytest

from tests.unit.admin.admin_site import AdminSite


@pytest.fixture
def site(tmp_path):
    made = AdminSite(tmp_path)
    yield made
    os.close(made.page.fd)
