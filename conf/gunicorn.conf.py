"""The gateway under gunicorn by hand: gunicorn -c conf/gunicorn.conf.py gateway.server.wsgi:application

GATEWAY_CONFIG names the configuration (default: quickstart.yaml beside this file). Workers, connections, keepalive and
timeouts come from it; gunicorn's command line and GUNICORN_CMD_ARGS override them by gunicorn's own names.
"""

import os

from gateway.config.fork_reader import start_reading
from gateway.server.gevent_patch import patch_all

_here = os.path.dirname(os.path.abspath(__file__))
_config = os.environ.get("GATEWAY_CONFIG") or os.path.join(_here, "quickstart.yaml")
_read = start_reading(_config)
patch_all()

from gateway.server.context import boot_or_exit  # noqa: E402
from gateway.server.settings import gunicorn_settings  # noqa: E402

globals().update(gunicorn_settings(boot_or_exit(_config, _read).store.document))
